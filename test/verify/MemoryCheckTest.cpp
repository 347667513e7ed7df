//===- MemoryCheckTest.cpp - plans whose arrays get in each other's way are refused ---------------------===//

#include "compiler/verify/MemoryCheck.h"

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

namespace gemmac::verify {
namespace {

/// All that is wrong with a plan; empty if nothing is.
std::string wrongWith(const std::string &text) {
  mlir::MLIRContext context;
  context.loadDialect<plan::PlanDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                      mlir::memref::MemRefDialect, mlir::scf::SCFDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  EXPECT_TRUE(module);
  std::string all;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    all += diagnostic.str() + "\n";
    return mlir::success();
  });
  bool right = module && succeeded(checkMemory(*module));
  EXPECT_EQ(right, all.empty());
  return all;
}

void expectWrong(const std::string &text, const std::string &label) {
  std::string said = wrongWith(text);
  EXPECT_NE(said.find(label), std::string::npos) << "said: " << said;
}

/// An entry of 4 tokens with this body, and before it what it calls or names.
std::string entry(int arenaBytes, const std::string &body, const std::string &before = "",
                  const std::string &attributes = "") {
  return "module attributes {gemma.context = 16 : i64" + attributes + "} {\n" + before + R"(
func.func @score(%in: memref<?x1x16xf32> {plan.input = "x"}, %y: memref<?x1x16xf32> {plan.output = "y"})
    attributes {plan.tokens = 4 : i64, plan.arena_bytes = )" +
         std::to_string(arenaBytes) + " : i64} {\n  %n = plan.count\n" + body + "  return\n}\n}\n";
}

/// Rows of 16 numbers that begin there: 256 bytes with 4 tokens.
std::string arena(const std::string &name, int offset) {
  return "  %" + name + " = plan.arena at " + std::to_string(offset) + " (%n) : memref<?x1x16xf32>\n";
}

std::string call(const std::string &kernel, const std::vector<std::string> &operands, int outputs,
                 const std::vector<std::string> &types) {
  auto join = [](const std::vector<std::string> &words, const char *before) {
    std::string all;
    for (const std::string &word : words)
      all += (all.empty() ? "" : ", ") + (before + word);
    return all;
  };
  return "  plan.call #plan.kernel<" + kernel + "> (" + join(operands, "%") + ") outputs " +
         std::to_string(outputs) + " : " + join(types, "") + "\n";
}

/// A call that reads one array and writes another.
std::string from(const std::string &x, const std::string &y, const std::string &type = "memref<?x1x16xf32>") {
  return call("\"gelu\", {heads = 1 : i64, size = 16 : i64}", {x, y}, 1, {type, type});
}

TEST(MemoryCheck, BuffersMayFollowEachOther) {
  // %b takes the bytes of %a when %a is not needed any more.
  EXPECT_EQ(wrongWith(entry(512, arena("a", 0) + from("in", "a") + arena("m", 256) + from("a", "m") +
                                     arena("b", 0) + from("m", "b") + from("b", "y"))),
            "");
}

TEST(MemoryCheck, TwoBuffersInUseShareNoByte) {
  expectWrong(entry(512, arena("a", 0) + from("in", "a") + arena("b", 192) + from("a", "b") + from("b", "y")),
              "check-m1: has bytes 0 to 256, of which another buffer has 192 to 256 at the same time");
}

// A buffer is needed until its last reader, whatever stands between.
TEST(MemoryCheck, ABufferThatIsReadAgainKeepsItsBytes) {
  expectWrong(entry(512, arena("a", 0) + from("in", "a") + arena("m", 256) + from("a", "m") + arena("b", 0) +
                             from("in", "b") + from("a", "y") + from("m", "y") + from("b", "y")),
              "check-m1");
}

constexpr const char *kProcedure = R"(
func.func private @layer(%x: memref<?x1x16xf32>, %row: index) attributes {plan.tokens = 4 : i64} {
  %n = plan.count
  %t = plan.arena at 256 (%n) : memref<?x1x16xf32>
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 16 : i64}> (%x, %t) outputs 1 : memref<?x1x16xf32>, memref<?x1x16xf32>
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 16 : i64}> (%t, %x) outputs 1 : memref<?x1x16xf32>, memref<?x1x16xf32>
  return
})";

std::string loopOverLayers(int other) {
  return arena("x", 0) + arena("kept", other) + from("in", "x") + from("in", "kept") + R"(
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %three = arith.constant 3 : index
  scf.for %i = %zero to %three step %one {
    func.call @layer(%x, %i) : (memref<?x1x16xf32>, index) -> ()
  }
)" + from("kept", "y") +
         from("x", "y");
}

TEST(MemoryCheck, ScratchOfProceduresStaysClearOfTheirCallers) {
  EXPECT_EQ(wrongWith(entry(768, loopOverLayers(512), kProcedure)), "");
  expectWrong(entry(768, loopOverLayers(320), kProcedure), "check-m1");
}

TEST(MemoryCheck, ArraysLieInTheArena) {
  expectWrong(entry(448, arena("a", 256) + from("in", "a") + from("a", "y")),
              "check-m2: ends at byte 512 of an arena of 448");
}

TEST(MemoryCheck, BuffersBeginOnCacheLines) {
  expectWrong(entry(512, arena("a", 32) + from("in", "a") + from("a", "y")), "check-m3: begins at byte 32");
}

TEST(MemoryCheck, PlanesAreApart) {
  const std::string planes = R"(
plan.weight @a layout "vector" planes [memref<32xf32>] at [0] shape [32] scheme "f32" from ["a"]
plan.weight @b layout "vector" planes [memref<32xf32>] at [64] shape [32] scheme "f32" from ["b"]
)";
  expectWrong(entry(0, "", planes, ", plan.weights_bytes = 256 : i64"),
              "check-m2: a plane begins at byte 64");
}

std::string viewType(const std::string &inner, const std::string &strides) {
  return "memref<" + inner + ", strided<[" + strides + "]>, #plan.space<host>>";
}
const std::string kRows = viewType("?x1x16xf32", "16, 16, 1");

/// An array in a finished plan.
std::string view(const std::string &name, const std::string &place, const std::string &type = kRows) {
  bool sized = type.find('?') != std::string::npos;
  return "  %" + name + " = plan.view " + place + (sized ? " (%n) : " : " () : ") + type + "\n";
}

TEST(MemoryCheck, WhatIsReadWasWritten) {
  std::string views = view("x", "input port 0 at 0") + view("a", "arena at 0") + view("b", "arena at 256") +
                      view("c", "arena at 512") + view("z", "output port 0 at 0");
  EXPECT_EQ(
      wrongWith(entry(1024, views + from("x", "a", kRows) + from("a", "b", kRows) + from("b", "z", kRows))),
      "");
  expectWrong(entry(1024, views + from("x", "a", kRows) + from("c", "b", kRows)),
              "check-m4: reads bytes of the arena that no call has written");
}

TEST(MemoryCheck, WhatIsWrittenIsRead) {
  expectWrong(entry(512, arena("a", 0) + from("in", "a") + arena("b", 256) + from("a", "b") + from("a", "y")),
              "check-m5: writes an array of the arena that no call reads");
}

TEST(MemoryCheck, WhatIsReadWasNotOverwrittenInPart) {
  std::string views = view("x", "input port 0 at 0") + view("a", "arena at 0") +
                      view("half", "arena at 128") + view("b", "arena at 512");
  expectWrong(entry(1024, views + from("x", "a", kRows) + from("x", "half", kRows) + from("a", "b", kRows)),
              "check-m4: reads what one call wrote, and in part another over it");
}

/// Rows of 64 int8 numbers at `q`, multiplied with a matrix of q8_0.
std::string product(const std::string &q, const std::string &schedule = "") {
  std::string numbers = viewType("?x64xi8", "64, 1"), w = viewType("1x2x8x16x4xi8", "1024, 512, 64, 4, 1"),
              wScales = viewType("1x2x16xf16", "32, 16, 1"), scales = viewType("?x4xf32", "4, 1"),
              sums = viewType("?x4xi32", "4, 1"), y = viewType("?x16xf32", "16, 1");
  return view("q", q, numbers) + view("s", "arena at 256", scales) + view("m", "arena at 384", sums) +
         view("w", "weights at 0", w) + view("v", "weights at 1024", wScales) +
         view("z", "output port 0 at 0", y) +
         call(std::string("\"linear\", {input = 64 : i64, output = 16 : i64, rows = 16 : i64, offset = 0 : "
                          "i64, tokens = "
                          "0 : i64, "
                          "scheme = \"q8_0\"}") +
                  schedule,
              {"q", "s", "m", "w", "v", "z"}, 1, {numbers, scales, sums, w, wScales, y});
}
std::string quantized() {
  std::string numbers = viewType("?x2x32xi8", "64, 32, 1"), twos = viewType("?x2x2xf32", "4, 2, 1"),
              sums = viewType("?x2x2xi32", "4, 2, 1"), x = viewType("?x1x64xf32", "0, 0, 1");
  return view("wide", "input port 0 at 0", x) + view("qb", "arena at 0", numbers) +
         view("sb", "arena at 256", twos) + view("mb", "arena at 384", sums) +
         call("\"quantize\", {heads = 1 : i64, size = 64 : i64}", {"wide", "qb", "sb", "mb"}, 3,
              {x, numbers, twos, sums});
}
const std::string kMatrix = R"(
plan.weight @w layout "tiles16" planes [memref<1x2x8x16x4xi8>, memref<1x2x16xf16>] at [0, 1024] shape [16, 64] scheme "q8_0" from ["w"]
)";

// Matrix tiles read whole tiles of tokens: 15 rows of 64 bytes behind each input.
TEST(MemoryCheck, TilesHaveTheirRoomBehindTheArena) {
  auto plan = [](int arenaBytes) {
    return entry(arenaBytes, quantized() + product("arena at 0", ", schedule = {matrix_tiles = 1}"), kMatrix);
  };
  EXPECT_EQ(wrongWith(plan(384 + 64 + 15 * 64)), "");
  expectWrong(plan(384 + 64 + 14 * 64), "check-m2");
}

TEST(MemoryCheck, WhatIsReadWasWrittenAsSuch) {
  std::string floats = view("x", "input port 0 at 0") + view("a", "arena at 512") + from("x", "a", kRows);
  expectWrong(entry(1024, quantized() + floats + product("arena at 512"), kMatrix),
              "check-m4: reads elements of 1 bytes where such of 4 were written");
}

TEST(MemoryCheck, ViewsOfWeightsLieInOnePlane) {
  const std::string planes = R"(
plan.weight @a layout "vector" planes [memref<16xf32>] at [0] shape [16] scheme "f32" from ["a"]
plan.weight @b layout "vector" planes [memref<16xf32>] at [64] shape [16] scheme "f32" from ["b"]
)";
  auto plan = [&](int offset) {
    std::string w = viewType("16xf32", "1");
    return entry(
        512,
        view("x", "input port 0 at 0") + view("w", "weights at " + std::to_string(offset), w) +
            view("a", "output port 0 at 0") +
            call("\"rms_norm\", {heads = 1 : i64, size = 16 : i64, weighted = 1 : i64, eps = 1.0e-6}",
                 {"x", "w", "a"}, 1, {kRows, w, kRows}),
        planes, ", plan.weights_bytes = 128 : i64");
  };
  EXPECT_EQ(wrongWith(plan(64)), "");
  expectWrong(plan(32), "which no plane has");
}

} // namespace
} // namespace gemmac::verify
