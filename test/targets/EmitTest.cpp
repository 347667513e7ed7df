// A driver in memory, run through the contract's own header: what the table of entries says is what runs.

#include "targets/emit/Emit.h"

#include "dialects/plan/KernelSpecs.h"
#include "dialects/plan/Rings.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "runtime/include/gemmac/model.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Object/ELFObjectFile.h"

#include <gtest/gtest.h>
#include <string>

using namespace gemmac;

namespace {

/// `draft` is an entry that nobody knows by name: few tokens, an input and outputs of its own. The kernels
/// are functions of this test, of no family: the emitter does not mind, the verifier would.
constexpr char kPlan[] = R"(
module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64, plan.arena_bytes = 4096 : i64,
                   plan.cache_bytes = 320 : i64, plan.weights_bytes = 64 : i64} {
plan.weight @w layout "vector" planes [memref<3xf32>] at [16] shape [3] scheme "f32" from ["w"]
plan.cache @c planes [memref<3xf32>] at [256]
func.func @prefill(%tokens: memref<?xi32> {plan.input = "tokens"})
    attributes {plan.tokens = 16 : i64, plan.token_class = #plan.token_class<many>, plan.arena_bytes = 4096 : i64} {
  return
}
func.func @decode(%tokens: memref<?xi32> {plan.input = "tokens"}, %positions: memref<?xi32> {plan.input = "positions"},
                  %logits: memref<?x3xf32> {plan.output = "logits"})
    attributes {plan.tokens = 1 : i64, plan.token_class = #plan.token_class<one>, plan.arena_bytes = 192 : i64} {
  %w = plan.get @w plane 0 : memref<3xf32>
  plan.call <"outer", {}>(%tokens, %w, %positions, %logits) outputs 1 : memref<?xi32>, memref<3xf32>, memref<?xi32>, memref<?x3xf32>
  return
}
func.func private @step(%x: memref<?x3xf32>, %y: memref<?x3xf32>) {
  %c = plan.get @c plane 0 : memref<3xf32>
  plan.call <"rows", {}>(%x, %c, %y) outputs 1 parallel axis 0 grain 2 : memref<?x3xf32>, memref<3xf32>, memref<?x3xf32>
  return
}
func.func @draft(%bias: memref<3xf32> {plan.input = "bias"}, %tokens: memref<?xi32> {plan.input = "tokens"},
                 %positions: memref<?xi32> {plan.input = "positions"},
                 %hidden: memref<?x3xf32> {plan.output = "hidden"}, %next: memref<?x3xf32> {plan.output = "next"})
    attributes {plan.tokens = 5 : i64, plan.token_class = #plan.token_class<few>, plan.arena_bytes = 128 : i64} {
  plan.call <"outer", {}>(%tokens, %bias, %positions, %hidden) outputs 1 : memref<?xi32>, memref<3xf32>, memref<?xi32>, memref<?x3xf32>
  %n = plan.count
  %x = plan.arena at 64 (%n) : memref<?x3xf32>
  %z = plan.arena at 0 (%n) : memref<?x3xf32>
  func.call @step(%hidden, %x) : (memref<?x3xf32>, memref<?x3xf32>) -> ()
  func.call @step(%x, %z) : (memref<?x3xf32>, memref<?x3xf32>) -> ()
  func.call @step(%z, %x) : (memref<?x3xf32>, memref<?x3xf32>) -> ()
  func.call @step(%x, %next) : (memref<?x3xf32>, memref<?x3xf32>) -> ()
  return
}
}
)";

/// halide_buffer_t, as kernels get it.
struct Buffer {
  struct Axis {
    int32_t begin, size, stride, flags;
  };
  uint64_t device;
  void *interface;
  uint8_t *host;
  uint64_t flags;
  int32_t type, rank;
  Axis *axes; ///< the last one first
  void *padding;

  float &at(int32_t row, int32_t column) const {
    return reinterpret_cast<float *>(host)[(row - axes[1].begin) * axes[1].stride + column];
  }
};

/// y[n, k] = 1000 positions[0] + ids[n] * w[k]
int32_t outer(Buffer *ids, Buffer *w, Buffer *positions, Buffer *y) {
  int32_t position = *reinterpret_cast<int32_t *>(positions->host);
  for (int32_t n = 0; n < y->axes[1].size; ++n)
    for (int32_t k = 0; k < 3; ++k)
      y->at(n, k) = 1000.0f * static_cast<float>(position) +
                    static_cast<float>(reinterpret_cast<int32_t *>(ids->host)[n]) *
                        reinterpret_cast<float *>(w->host)[k];
  return 0;
}

/// y[n, k] = x[n, k] + c[k], for the rows of y alone
int32_t rows(Buffer *x, Buffer *c, Buffer *y) {
  for (int32_t n = y->axes[1].begin; n < y->axes[1].begin + y->axes[1].size; ++n)
    for (int32_t k = 0; k < 3; ++k)
      y->at(n, k) = x->at(n, k) + reinterpret_cast<float *>(c->host)[k];
  return 0;
}

/// Calls as a step hands them out.
struct Calls {
  std::string text;
  static void parallel(void *pool, gemmac_task task, void *arguments, int32_t pieces, int32_t call) {
    static_cast<Calls *>(pool)->text += std::to_string(call) + "x" + std::to_string(pieces) + " ";
    // Backwards and one by one: pieces are disjoint.
    for (int32_t piece = pieces; piece > 0; --piece)
      task(arguments, piece - 1, piece);
  }
};

struct Emit : testing::Test {
  void SetUp() override {
    mlir::DialectRegistry registry;
    registry.insert<plan::PlanDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                    mlir::LLVM::LLVMDialect, mlir::memref::MemRefDialect, mlir::scf::SCFDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  std::string object(const char *text, const Target &target) {
    module = mlir::parseSourceString<mlir::ModuleOp>(
        text, mlir::ParserConfig(&context, /*verifyAfterParse=*/false));
    EXPECT_TRUE(module);
    if (!module)
      return {};
    mlir::PassManager passes(&context);
    passes.enableVerifier(false);
    passes.addPass(createPlaceArguments());
    if (failed(passes.run(*module)))
      return {};
    auto kernels = kernelsOf(*module);
    if (failed(kernels))
      return {};
    for (const KernelSpec &kernel : *kernels)
      symbols[kernel.symbol()] =
          kernel.family == "outer" ? reinterpret_cast<void *>(outer) : reinterpret_cast<void *>(rows);
    if (failed(lowerPlanToLLVM(*module, target, {.name = "probe", .vocabSize = 3, .fingerprint = 77})))
      return {};
    return llvm::cantFail(emitObject(*module, target));
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, void *> symbols;
};

/// The model of kPlan, loaded into this process.
struct LoadedDriver : Emit {
  void SetUp() override {
    Emit::SetUp();
    const Target *host = findTarget("host");
    if (!host)
      GTEST_SKIP() << "no row for this machine";
    std::string bytes = object(kPlan, *host);
    ASSERT_FALSE(bytes.empty());
    jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
    llvm::orc::SymbolMap map;
    for (auto [name, address] : symbols)
      map[jit->mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(address),
                                         llvm::JITSymbolFlags::Callable};
    llvm::cantFail(jit->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(map))));
    llvm::cantFail(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes, "probe.o")));
    model = llvm::cantFail(jit->lookup("gemmac_model_probe")).toPtr<const gemmac_model *>();
  }

  std::unique_ptr<llvm::orc::LLJIT> jit;
  const gemmac_model *model = nullptr;
};

TEST_F(LoadedDriver, SaysWhatItsEntriesTake) {
  EXPECT_EQ(model->version, GEMMAC_MODEL_VERSION);
  EXPECT_STREQ(model->name, "probe");
  EXPECT_EQ(model->vocab_size, 3u);
  EXPECT_EQ(model->context, 64u);
  EXPECT_EQ(model->max_tokens, 16u);
  EXPECT_EQ(model->ring, 64u) << "nothing is overwritten";
  EXPECT_EQ(model->rewind, 64u);
  EXPECT_EQ(model->arena_bytes, 4096u);
  EXPECT_EQ(model->cache_bytes, 320u);
  EXPECT_EQ(model->fingerprint, 77u);
  EXPECT_EQ(model->call_count, 5u);
  ASSERT_EQ(model->entry_count, 3u);

  const gemmac_entry &prefill = model->entries[0], &decode = model->entries[1], &draft = model->entries[2];
  EXPECT_STREQ(prefill.name, "prefill");
  EXPECT_EQ(prefill.tokens, uint32_t{GEMMAC_MANY_TOKENS});
  EXPECT_EQ(prefill.max_tokens, 16u);
  EXPECT_EQ(prefill.arena_bytes, 4096u);
  EXPECT_EQ(prefill.output_count, 0u);
  EXPECT_EQ(prefill.outputs, nullptr);

  EXPECT_STREQ(decode.name, "decode");
  EXPECT_EQ(decode.tokens, uint32_t{GEMMAC_ONE_TOKEN});
  EXPECT_EQ(decode.max_sequences, 1u);
  EXPECT_EQ(decode.max_tokens, 1u);
  EXPECT_EQ(decode.arena_bytes, 192u);
  ASSERT_EQ(decode.input_count, 2u);
  EXPECT_STREQ(decode.inputs[1].name, "positions");
  EXPECT_EQ(decode.inputs[1].element, uint32_t{GEMMAC_I32});
  ASSERT_EQ(decode.inputs[1].rank, 1u);
  EXPECT_EQ(decode.inputs[1].shape[0], -1);

  EXPECT_STREQ(draft.name, "draft");
  EXPECT_EQ(draft.tokens, uint32_t{GEMMAC_FEW_TOKENS});
  EXPECT_EQ(draft.max_tokens, 5u);
  ASSERT_EQ(draft.input_count, 3u);
  EXPECT_STREQ(draft.inputs[0].name, "bias");
  EXPECT_EQ(draft.inputs[0].element, uint32_t{GEMMAC_F32});
  EXPECT_EQ(draft.inputs[0].shape[0], 3);
  ASSERT_EQ(draft.output_count, 2u);
  EXPECT_STREQ(draft.outputs[0].name, "hidden");
  EXPECT_STREQ(draft.outputs[1].name, "next");
  ASSERT_EQ(draft.outputs[1].rank, 2u);
  EXPECT_EQ(draft.outputs[1].shape[0], -1);
  EXPECT_EQ(draft.outputs[1].shape[1], 3);
}

TEST_F(LoadedDriver, RunsEveryEntryOnItsPorts) {
  alignas(64) uint8_t weights[64] = {}, arena[4096] = {}, cache[320] = {};
  const float w[] = {1, 2, 3}, bias[] = {10, 20, 30}, c[] = {0.5f, 0.25f, 0.125f};
  memcpy(weights + 16, w, sizeof(w));
  memcpy(cache + 256, c, sizeof(c));
  const int32_t tokens[] = {7, 8, 9, 4, 5}, positions[] = {41}, later[] = {2, 3, 4, 5, 6};
  const gemmac_sequence one = {cache, 41, 1}, five = {cache, 2, 5};
  Calls calls;
  gemmac_step step = {};
  step.entry = &model->entries[1];
  step.weights = weights;
  step.arena = arena;
  step.sequences = &one;
  step.sequence_count = step.count = 1;
  step.parallel = Calls::parallel;
  step.pool = &calls;
  float logits[3];
  const void *const decodeInputs[] = {tokens, positions};
  void *const decodeOutputs[] = {logits};
  step.inputs = decodeInputs;
  step.outputs = decodeOutputs;
  step.entry->run(&step);
  EXPECT_EQ(logits[0], 41007);
  EXPECT_EQ(logits[2], 41021);
  EXPECT_EQ(calls.text, "0x1 ");

  calls.text.clear();
  float hidden[5 * 3], next[5 * 3];
  const void *const draftInputs[] = {bias, tokens, later};
  void *const draftOutputs[] = {hidden, next};
  step.entry = &model->entries[2];
  step.sequences = &five;
  step.count = 5;
  step.inputs = draftInputs;
  step.outputs = draftOutputs;
  step.entry->run(&step);
  for (int n = 0; n < 5; ++n)
    for (int k = 0; k < 3; ++k) {
      float made = 2000.0f + static_cast<float>(tokens[n]) * bias[k];
      EXPECT_EQ(hidden[n * 3 + k], made) << n << " " << k;
      EXPECT_EQ(next[n * 3 + k], made + 4 * c[k]) << n << " " << k;
    }
  EXPECT_EQ(calls.text, "4x1 1x3 2x3 2x3 3x3 ") << "procedures share their calls' numbers";
}

// A C compiler for such a machine says the same of gemmac_model and gemmac_entry.
TEST_F(Emit, PointersAreAsLongAsTheTargets) {
  Target narrow = *findTarget("generic-aarch64");
  narrow.triple = "thumbv8m.main-none-unknown-eabi";
  narrow.cpu = "cortex-m55";
  narrow.features.clear();
  const std::string bytes = object(kPlan, narrow);
  ASSERT_FALSE(bytes.empty());
  auto file =
      llvm::cantFail(llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(bytes, "probe.o")));
  std::map<std::string, uint64_t> sizes;
  for (const llvm::object::SymbolRef &symbol : file->symbols())
    sizes[llvm::cantFail(symbol.getName()).str()] = llvm::object::ELFSymbolRef(symbol).getSize();
  EXPECT_EQ(sizes["gemmac_model_probe"], 80u) << "and 96 where they have 64 bits";
  EXPECT_EQ(sizes["gemmac_model_probe_entries"], 3 * 56u);
  EXPECT_EQ(sizes["gemmac_program_model"], 4u);
}

// Layers of two windows: the shorter ring begins first, the other one has less to spare.
TEST_F(Emit, ReadsFromThePlanHowMuchItsRingsHold) {
  auto rings = [&](const char *positions, const char *kernels) {
    std::string text = "module attributes {gemma.context = " + std::string(positions) +
                       " : i64} {\nfunc.func @f(%x: memref<?xi32>) {\n" + kernels + "  return\n}\n}";
    // Calls that say no more than matters here, which are no whole ones.
    module = mlir::parseSourceString<mlir::ModuleOp>(
        text, mlir::ParserConfig(&context, /*verifyAfterParse=*/false));
    return module ? *plan::ringsOf(*module) : plan::Rings{-1, -1};
  };
  const char *kernels = R"(
  plan.call <"cached_attention", {slots = 575 : i64, window = 64 : i64}>(%x, %x) outputs 1 : memref<?xi32>, memref<?xi32>
  plan.call <"attention_spans", {slots = 1100 : i64, window = 900 : i64}>(%x, %x) outputs 1 : memref<?xi32>, memref<?xi32>
  plan.call <"cached_attention", {slots = 2048 : i64, window = 0 : i64}>(%x, %x) outputs 1 : memref<?xi32>, memref<?xi32>
)";
  EXPECT_EQ(rings("2048", kernels).positions, 768) << "three spans of 256";
  EXPECT_EQ(rings("2048", kernels).rewind, 1280 - 900 + 1);
  EXPECT_EQ(rings("1024", kernels).rewind, 768 - 64 + 1) << "the longer one is never overwritten";
  EXPECT_EQ(rings("700", kernels).positions, 700);
  EXPECT_EQ(rings("700", kernels).rewind, 700);
}

TEST_F(Emit, WritesTheSameTableForOtherMachines) {
  for (const char *name : {"generic-x86-64-v3", "generic-aarch64"}) {
    const Target *target = findTarget(name);
    ASSERT_TRUE(target) << name;
    EXPECT_FALSE(object(kPlan, *target).empty()) << name;
  }
}

TEST_F(Emit, RefusesEntriesThatSayTooLittle) {
  std::string said;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) { said = diagnostic.str(); });
  auto refused = [&](const char *signature) {
    said.clear();
    std::string text = "module attributes {gemma.context = 64 : i64} {\nfunc.func @f(" +
                       std::string(signature) + " {\n  return\n}\n}";
    EXPECT_TRUE(object(text.c_str(), *findTarget("generic-x86-64-v3")).empty());
    return said;
  };
  const std::string facts = ") attributes {plan.tokens = 1 : i64, plan.token_class = #plan.token_class<one>, "
                            "plan.arena_bytes = 0 : i64}";
  EXPECT_EQ(refused(") attributes {plan.tokens = 1 : i64}"), "the entry @f does not say `plan.token_class`");
  EXPECT_EQ(refused(("%x: memref<3xf32>" + facts).c_str()),
            "argument 0 of the entry @f needs either `plan.input` or `plan.output`");
  EXPECT_EQ(
      refused(("%x: memref<3xf32> {plan.output = \"x\"}, %y: memref<3xf32> {plan.input = \"y\"}" + facts)
                  .c_str()),
      "the input 'y' of the entry @f stands behind an output");
  EXPECT_EQ(
      refused(
          ("%x: memref<3xf32> {plan.input = \"x\"}, %y: memref<3xf32> {plan.input = \"x\"}" + facts).c_str()),
      "the entry @f has two ports 'x'");
}

} // namespace
