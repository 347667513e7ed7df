// Makers of kernels beside each other: who makes what, what is kept, what is said when nobody can, and a
// driver that calls kernels of two makers.

#include "targets/Backends.h"

#include "contract/KernelFamily.h"
#include "dialects/plan/KernelSpecs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "runtime/include/gemmac/model.h"
#include "targets/Devices.h"
#include "targets/emit/Emit.h"
#include "test/TemporaryFolder.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

using namespace gemmac;
namespace fs = std::filesystem;

namespace {

int filesIn(const fs::path &folder) {
  return int(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

KernelSpec spec(const char *family) {
  KernelSpec spec{family, {{"heads", int64_t{1}}, {"size", int64_t{40}}}};
  spec.schedule = defaultSchedule(spec, allTargets()[0]);
  return spec;
}
KernelSpec add() {
  return spec("add");
}
KernelSpec gelu() {
  return spec("gelu");
}

/// Makes one family from C source.
class CMaker : public KernelMaker {
public:
  std::string_view name() const override { return "c"; }
  std::string version() const override { return GEMMAC_CC; }
  bool makes(const KernelSpec &spec, const Target &) const override { return spec.family == "add"; }
  MadeKernel make(const KernelSpec &spec, const Target &) const override {
    const test::TemporaryFolder folder;
    std::string object = folder.path / "kernel.o";
    std::string command =
        GEMMAC_CC " -O1 -fPIC -c -I" GEMMAC_HALIDE_INCLUDE " -DGEMMAC_KERNEL=" + spec.symbol() + " -o " +
        object + " " GEMMAC_ADD_KERNEL;
    if (std::system(command.c_str()) != 0)
      return {{}, command};
    std::ifstream bytes(object, std::ios::binary);
    return {{ArtifactKind::object, spec.symbol(), std::string(std::istreambuf_iterator<char>(bytes), {})}};
  }
};

/// Never succeeds.
class BrokenMaker : public CMaker {
public:
  std::string_view name() const override { return "broken"; }
  MadeKernel make(const KernelSpec &, const Target &) const override { return {{}, "it is too hard"}; }
};

/// The target's backend with another maker before its own.
Backend withFirst(const KernelMaker &maker, const Target &target) {
  Backend backend = backendOf(target);
  backend.makers.insert(backend.makers.begin(), &maker);
  return backend;
}

TEST(Backends, MakeEveryFamilyForEveryTarget) {
  for (const Target &target : allTargets())
    for (const KernelFamily &family : kernelFamilies())
      for (const KernelSpec &spec : examplesOf(family))
        EXPECT_NE(backendOf(target).makerOf(spec, target), nullptr) << spec.text() << " " << target.name;
}

TEST(Backends, AskTheirMakersInOrder) {
  const Target &target = allTargets()[0];
  CMaker c;
  Backend backend = withFirst(c, target);
  EXPECT_EQ(backend.makerOf(add(), target), &c);
  EXPECT_EQ(backend.makerOf(gelu(), target), backendOf(target).makers[0]);
  backend.makers = {&c};
  EXPECT_EQ(backend.makerOf(gelu(), target), nullptr);
}

TEST(Backends, SayWhichKernelTargetAndMaker) {
  const Target &target = allTargets()[0];
  BrokenMaker broken;
  Backend backend = withFirst(broken, target);
  std::string what = "kernel " + add().text() + " for " + target.name;
  EXPECT_EQ(backend.make(add(), target).error, what + " by broken: it is too hard");
  backend.makers = {&broken};
  EXPECT_EQ(backend.make(gelu(), target).error,
            "kernel " + gelu().text() + " for " + target.name + ": no maker of backend 'cpu' makes it");
  KernelSpec unknown{"fourier", {}};
  EXPECT_EQ(backend.make(unknown, target).error,
            "kernel " + unknown.text() + " for " + target.name + ": there is no family of kernels 'fourier'");
  KernelSpec spec = gelu();
  spec.constants.erase("size");
  EXPECT_EQ(backend.make(spec, target).error,
            "kernel " + spec.text() + " for " + target.name +
                ": gelu needs the constant 'size', an integer of at least 1");
  spec = gelu();
  spec.schedule.grain = 0;
  EXPECT_EQ(backend.make(spec, target).error,
            "kernel " + spec.text() + " for " + target.name + ": " + problemWithSchedule(spec, target));
}

// An emulator needs no C library of its machine where a program brings it along.
TEST(Backends, LinkProgramsThatRunHere) {
  llvm::Triple here(llvm::sys::getProcessTriple());
  for (const Target &target : allTargets()) {
    std::string architecture = llvm::Triple(target.triple).getArchName().str();
    LinkRecipe recipe = backendOf(target).linkRecipe(target);
    bool other = architecture != here.getArchName();
    EXPECT_EQ(recipe.runtimeFolder, architecture + "-linux-gnu");
    EXPECT_EQ(recipe.emulator, other ? "qemu-" + architecture : "") << target.name;
    EXPECT_EQ(recipe.linkers.size() == 1, other) << target.name;
    EXPECT_EQ(std::ranges::count(recipe.flags, "-static"), other ? 1 : 0) << target.name;
  }
}

TEST(KernelCache, KeepsArtifactsOfEveryKind) {
  const test::TemporaryFolder folder;
  KernelCache cache(folder.path);
  const std::string bytes("\x7f\n\0 of any kind\n", 16);
  for (ArtifactKind kind : {ArtifactKind::object, ArtifactKind::deviceCode, ArtifactKind::source}) {
    std::string identity(nameOf(kind));
    EXPECT_FALSE(cache.find("k", identity));
    cache.store({kind, "k", bytes}, identity);
    std::optional<Artifact> found = cache.find("k", identity);
    ASSERT_TRUE(found) << identity;
    EXPECT_EQ(found->kind, kind);
    EXPECT_EQ(found->symbol, "k");
    EXPECT_EQ(found->bytes, bytes);
  }
  EXPECT_EQ(filesIn(folder.path), 3);
  EXPECT_FALSE(cache.find("other", "object"));
  EXPECT_FALSE(KernelCache().find("k", "object"));
}

TEST(KernelCache, TakesADamagedFileForNone) {
  const test::TemporaryFolder folder;
  KernelCache cache(folder.path);
  cache.store({ArtifactKind::object, "k", "some bytes"}, "identity");
  fs::path file = fs::directory_iterator(folder.path)->path();
  std::fstream(file, std::ios::in | std::ios::out).seekp(-1, std::ios::end).put('!');
  EXPECT_FALSE(cache.find("k", "identity"));
  fs::resize_file(file, 2);
  EXPECT_FALSE(cache.find("k", "identity"));
  cache.store({ArtifactKind::object, "k", "some bytes"}, "identity");
  EXPECT_TRUE(cache.find("k", "identity"));
  // No folder can be below a file.
  KernelCache(file / "below").store({ArtifactKind::object, "k", "some bytes"}, "identity");
  EXPECT_EQ(filesIn(folder.path), 1);
}

TEST(KernelCache, IsSharedByThreads) {
  const test::TemporaryFolder folder;
  KernelCache cache(folder.path);
  const std::string bytes(1 << 16, 'x');
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        cache.store({ArtifactKind::object, "k", bytes}, "identity");
        std::optional<Artifact> found = cache.find("k", "identity");
        EXPECT_TRUE(found && found->bytes == bytes);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(filesIn(folder.path), 1);
}

TEST(KernelCache, KnowsMakersAndTargetsApart) {
  const Target &target = allTargets()[0];
  const test::TemporaryFolder folder;
  KernelCache cache(folder.path);
  CMaker c;
  Backend mixed = withFirst(c, target);
  std::string byC = mixed.make(add(), target, cache).artifact.bytes,
              byHalide = backendOf(target).make(add(), target, cache).artifact.bytes;
  EXPECT_EQ(filesIn(folder.path), 2);
  EXPECT_NE(byC, byHalide);
  EXPECT_EQ(mixed.make(add(), target, cache).artifact.bytes, byC);
  EXPECT_EQ(backendOf(target).make(add(), target, cache).artifact.bytes, byHalide);
  // A row of another name is the same machine; one with a larger cache may get other code.
  Target other = target;
  other.name = "toaster";
  backendOf(target).make(add(), other, cache);
  EXPECT_EQ(filesIn(folder.path), 2);
  other.l2 *= 2;
  backendOf(target).make(add(), other, cache);
  EXPECT_EQ(filesIn(folder.path), 3);
  KernelSpec scheduled = add();
  scheduled.schedule.grain *= 2;
  backendOf(target).make(scheduled, target, cache);
  EXPECT_EQ(filesIn(folder.path), 4);
}

/// y = gelu(a + b)
constexpr char kPlan[] = R"(
module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64, plan.arena_bytes = 4096 : i64,
                   plan.cache_bytes = 0 : i64, plan.weights_bytes = 0 : i64} {
func.func @score(%a: memref<?x1x40xf32> {plan.input = "a"}, %b: memref<?x1x40xf32> {plan.input = "b"},
                 %y: memref<?x1x40xf32> {plan.output = "y"})
    attributes {plan.tokens = 16 : i64, plan.token_class = #plan.token_class<many>, plan.arena_bytes = 4096 : i64} {
  %n = plan.count
  %sum = plan.arena at 0 (%n) : memref<?x1x40xf32>
  plan.call <"add", {heads = 1 : i64, size = 40 : i64}, schedule = {grain = 8}>(%a, %b, %sum) outputs 1 parallel axis 0 grain 2
      : memref<?x1x40xf32>, memref<?x1x40xf32>, memref<?x1x40xf32>
  plan.call <"gelu", {heads = 1 : i64, size = 40 : i64}, schedule = {grain = 8}>(%sum, %y) outputs 1 : memref<?x1x40xf32>, memref<?x1x40xf32>
  return
}
}
)";

/// The plan's driver with the backend's kernels, in this process; what it makes of five tokens.
std::vector<float> run(const Backend &backend, const Target &target) {
  mlir::DialectRegistry registry;
  registry.insert<plan::PlanDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::memref::MemRefDialect, mlir::scf::SCFDialect>();
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kPlan, &context);
  mlir::PassManager passes(&context);
  passes.addPass(createPlaceArguments());
  EXPECT_TRUE(module && succeeded(passes.run(*module)));
  std::vector<std::string> objects;
  mlir::FailureOr<std::vector<KernelSpec>> specs = kernelsOf(*module);
  for (const KernelSpec &spec : *specs) {
    MadeKernel made = backend.make(spec, target);
    EXPECT_EQ(made.error, "");
    objects.push_back(made.artifact.bytes);
  }
  EXPECT_TRUE(succeeded(backend.driver.lower(*module, target, {.name = "sum", .vocabSize = 3})));
  objects.push_back(llvm::cantFail(backend.driver.object(*module, target)));
  // Emitting has told LLVM of its targets.
  auto jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  for (const std::string &object : objects)
    llvm::cantFail(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object, "object.o")));

  constexpr size_t kTokens = 5;
  std::vector<float> a(kTokens * 40), b(a.size()), y(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = float(i % 13) / 3.0f - 2.0f;
    b[i] = float(i % 7) / 9.0f;
  }
  auto *model = llvm::cantFail(jit->lookup("gemmac_model_sum")).toPtr<const gemmac_model *>();
  alignas(64) uint8_t arena[4096] = {};
  const gemmac_sequence sequence = {nullptr, 0, kTokens};
  const void *const inputs[] = {a.data(), b.data()};
  void *const outputs[] = {y.data()};
  gemmac_step step = {};
  step.entry = &model->entries[0];
  step.arena = arena;
  step.sequences = &sequence;
  step.sequence_count = 1;
  step.count = kTokens;
  step.inputs = inputs;
  step.outputs = outputs;
  step.parallel = [](void *, gemmac_task task, void *arguments, int32_t pieces, int32_t) {
    for (int32_t piece = 0; piece < pieces; ++piece)
      task(arguments, piece, piece + 1);
  };
  step.entry->run(&step);
  return y;
}

TEST(Backends, LinkKernelsOfTwoMakers) {
  const Target *host = findTarget("host");
  if (!host)
    GTEST_SKIP() << "no row for this machine";
  CMaker c;
  std::vector<float> alone = run(backendOf(*host), *host);
  EXPECT_NE(alone, std::vector<float>(alone.size()));
  EXPECT_EQ(run(withFirst(c, *host), *host), alone);
}

} // namespace
