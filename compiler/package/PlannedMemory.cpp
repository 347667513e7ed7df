//===- PlannedMemory.cpp - what a running model takes, known before it runs -----------------------------===//

#include "compiler/package/PlannedMemory.h"

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "passes/IndexReach.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace gemmac {

static constexpr uint64_t kPage = 4096;

uint64_t PlannedMemory::generation() const {
  return most() - worker.arena + generationArena;
}

uint64_t PlannedMemory::most() const {
  return program + engine + session.total() + worker.total();
}

uint32_t pointerBytesOf(const Target &target) {
  return llvm::DataLayout(llvm::Triple(target.triple).computeDataLayout()).getPointerSize();
}

PlannedMemory plannedMemory(const ModelFacts &facts, uint32_t longestPiece) {
  PlannedMemory memory;
  const uint32_t pointerBytes = pointerBytesOf(facts.target);
  const SessionFacts known = {
      static_cast<uint32_t>(facts.context),    static_cast<uint32_t>(facts.maxTokens),
      static_cast<uint32_t>(facts.vocabSize),  static_cast<uint64_t>(facts.arenaBytes),
      static_cast<uint64_t>(facts.cacheBytes), longestPiece};
  memory.session = sessionMemory(known, pointerBytes);
  memory.worker = workerMemory(known, pointerBytes);
  auto stack = static_cast<uint64_t>(facts.stackBytes);
  memory.program = kProgramBytes + stack;
  memory.thread = kThreadBytes + stack;
  memory.engine = handleBytes(pointerBytes).engine;
  memory.generationArena = memory.worker.arena;
  return memory;
}

namespace {
/// Marks the pages of all buffers of functions, and of those that they call.
class Pages {
public:
  explicit Pages(ModuleOp module) : module(module) {}

  void touch(uint64_t begin, uint64_t bytes) {
    uint64_t end = llvm::divideCeil(begin + bytes, kPage);
    if (end > pages.size())
      pages.resize(static_cast<unsigned>(end));
    if (bytes)
      pages.set(static_cast<unsigned>(begin / kPage), static_cast<unsigned>(end));
  }

  void touch(func::FuncOp function) {
    IndexReach reach(function);
    function.walk([&](plan::ViewOp view) {
      std::optional<int64_t> begin = view.getBeyond() ? offsets.lookup(view.getBeyond()) : 0;
      if (view.getMemory() == plan::Memory::arena && begin)
        touch(view.getBytes() + static_cast<uint64_t>(*begin), static_cast<uint64_t>(spanOf(view, reach)));
    });
    function.walk([&](func::CallOp call) {
      auto callee = cast<func::FuncOp>(SymbolTable::lookupSymbolIn(module, call.getCalleeAttr()));
      for (auto [operand, argument] : llvm::zip_equal(call.getOperands(), callee.getArguments()))
        offsets[argument] = getConstantIntValue(operand);
      touch(callee);
    });
  }

  /// Bytes from the first number to the last, when the call is as long as it may be.
  static int64_t spanOf(plan::ViewOp view, const IndexReach &reach) {
    auto type = cast<MemRefType>(view.getType());
    auto layout = cast<StridedLayoutAttr>(type.getLayout());
    int64_t last = 0;
    for (auto [axis, stride] : llvm::enumerate(layout.getStrides())) {
      auto number = static_cast<unsigned>(axis);
      int64_t size = type.isDynamicDim(number)
                         ? reach.largest(view.getSizes()[type.getDynamicDimIndex(number)])
                         : type.getDimSize(number);
      last += (size - 1) * stride;
    }
    return (last + 1) * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  }

  uint64_t bytes() const { return pages.count() * kPage; }

private:
  ModuleOp module;
  llvm::DenseMap<Value, std::optional<int64_t>> offsets; ///< that procedures are called with
  llvm::BitVector pages;
};
} // namespace

uint64_t touchedArena(ModuleOp plan, ArrayRef<StringRef> entryPoints, uint64_t scratchBytes) {
  Pages pages(plan);
  pages.touch(0, scratchBytes);
  for (StringRef name : entryPoints)
    if (auto function = plan.lookupSymbol<func::FuncOp>(name))
      pages.touch(function);
  return pages.bytes();
}

} // namespace gemmac
