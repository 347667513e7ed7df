//===- AssignArena.cpp - weights, caches and scratch get their offsets ----------------------------------===//
//
// The live range of an arena buffer is from its first to its last use in its function's list of statements;
// buffers with overlapping live ranges do not overlap in memory. A procedure's frame counts as one buffer
// that is live from its first to its last call. An entry's arena ends with padding, because kernels may read
// past the end of their inputs; the module's arena has the size of the largest one.

#include "contract/KernelTraits.h"
#include "dialects/plan/KernelSpecs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/IndexReach.h"
#include "passes/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_ASSIGNARENA
#include "passes/Passes.h.inc"
namespace {

/// The alignment of all buffers: a cache line, which is also the widest vector.
constexpr int64_t kAlignment = 64;

/// A buffer, or a procedure's frame, in the arena; it is live from statement `first` to statement `last`.
struct Tenant {
  int64_t bytes = 0;
  size_t first = SIZE_MAX, last = 0;
  int64_t offset = 0;
  memref::AllocOp buffer; ///< null for a procedure's frame
  StringAttr procedure;

  void usedAt(size_t statement) {
    first = std::min(first, statement);
    last = std::max(last, statement);
  }
};

class FrameLayout {
public:
  FrameLayout(func::FuncOp function, const llvm::StringMap<int64_t> &procedureBytes);
  /// Assigns offsets, largest first, each the lowest that is free for the whole live range (first fit);
  /// returns the size of the frame.
  int64_t place();
  ArrayRef<Tenant> all() const { return tenants; }

private:
  size_t statementOf(Operation *op) { return numbers.lookup(function.getBody().findAncestorOpInRegion(*op)); }
  void followUses(Value value, Tenant &tenant);

  func::FuncOp function;
  llvm::DenseMap<Operation *, size_t> numbers;
  SmallVector<Tenant> tenants;
};

FrameLayout::FrameLayout(func::FuncOp function, const llvm::StringMap<int64_t> &procedureBytes)
    : function(function) {
  IndexReach reach(function);
  for (Operation &op : function.getBody().getOps())
    numbers[&op] = numbers.size();
  function.walk([&](memref::AllocOp alloc) {
    Tenant tenant;
    tenant.bytes = reach.mostBytes(alloc.getType(), alloc.getDynamicSizes());
    tenant.buffer = alloc;
    tenant.usedAt(statementOf(alloc));
    followUses(alloc, tenant);
    tenants.push_back(tenant);
  });
  llvm::MapVector<StringAttr, Tenant> procedures;
  function.walk([&](func::CallOp call) {
    Tenant &tenant = procedures[call.getCalleeAttr().getAttr()];
    tenant.procedure = call.getCalleeAttr().getAttr();
    tenant.bytes = procedureBytes.lookup(call.getCallee());
    tenant.usedAt(statementOf(call));
  });
  for (auto &[name, tenant] : procedures)
    tenants.push_back(tenant);
}

void FrameLayout::followUses(Value value, Tenant &tenant) {
  for (Operation *user : value.getUsers()) {
    tenant.usedAt(statementOf(user));
    if (isa<ViewLikeOpInterface>(user))
      followUses(user->getResult(0), tenant);
  }
}

int64_t FrameLayout::place() {
  SmallVector<Tenant *> order;
  for (Tenant &tenant : tenants)
    order.push_back(&tenant);
  llvm::stable_sort(order, [](Tenant *a, Tenant *b) { return a->bytes > b->bytes; });
  SmallVector<Tenant *> placed;
  int64_t size = 0;
  for (Tenant *tenant : order) {
    // `placed` is sorted by offset, so the first gap between buffers that are live at the same time is the
    // lowest.
    int64_t offset = 0;
    for (Tenant *other : placed) {
      bool together = other->first <= tenant->last && tenant->first <= other->last;
      if (together && offset + tenant->bytes > other->offset)
        offset = std::max<int64_t>(offset, llvm::alignTo(other->offset + other->bytes, kAlignment));
    }
    tenant->offset = offset;
    placed.insert(
        llvm::upper_bound(placed, offset, [](int64_t at, Tenant *other) { return at < other->offset; }),
        tenant);
    size = std::max<int64_t>(size, llvm::alignTo(offset + tenant->bytes, kAlignment));
  }
  return size;
}

struct AssignArena : impl::AssignArenaBase<AssignArena> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<std::vector<KernelSpec>> kernels = kernelsOf(module);
    if (failed(kernels))
      return signalPassFailure();
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal() && failed(checkReach(function)))
        return signalPassFailure();
    OpBuilder builder(&getContext());
    FailureOr<int64_t> weights = place<plan::WeightOp>(), caches = place<plan::CacheOp>();
    if (failed(weights) || failed(caches))
      return signalPassFailure();

    // Procedures do not call each other, so their frames are laid out first. Callers reserve space for a
    // frame and add its offset.
    llvm::StringMap<int64_t> procedureBytes;
    llvm::StringMap<SmallVector<Tenant>> procedureTenants;
    int64_t arena = 0, behind = bytesBehind(*kernels);
    for (bool procedures : {true, false})
      for (auto function : module.getOps<func::FuncOp>()) {
        if (function.isPrivate() != procedures || function.isExternal())
          continue;
        FrameLayout frame(function, procedureBytes);
        int64_t size = frame.place();
        if (procedures) {
          procedureBytes[function.getName()] = size;
          procedureTenants[function.getName()].assign(frame.all().begin(), frame.all().end());
          continue;
        }
        size += behind;
        function->setAttr("plan.arena_bytes", builder.getI64IntegerAttr(size));
        arena = std::max(arena, size);
        for (const Tenant &tenant : frame.all()) {
          if (tenant.buffer) {
            replace(tenant.buffer, tenant.offset);
            continue;
          }
          for (const Tenant &inner : procedureTenants[tenant.procedure.getValue()])
            replace(inner.buffer, tenant.offset + inner.offset);
        }
      }
    module->setAttr("plan.arena_bytes", builder.getI64IntegerAttr(arena));
    module->setAttr("plan.cache_bytes", builder.getI64IntegerAttr(*caches));
    module->setAttr("plan.weights_bytes", builder.getI64IntegerAttr(*weights));
  }

private:
  /// Padding after the last buffer, for kernels that read past the end of their inputs.
  static int64_t bytesBehind(ArrayRef<KernelSpec> kernels) {
    int64_t most = 0;
    for (const KernelSpec &kernel : kernels)
      most = std::max(most, bytesReadBehind(kernel));
    return llvm::alignTo(most, kAlignment);
  }

  void replace(memref::AllocOp alloc, int64_t offset) {
    OpBuilder builder(alloc);
    auto arena =
        plan::ArenaOp::create(builder, alloc.getLoc(), alloc.getType(), offset, alloc.getDynamicSizes());
    arena->setDiscardableAttrs(alloc->getDiscardableAttrDictionary());
    alloc.replaceAllUsesWith(arena.getResult());
    alloc.erase();
  }

  /// All planes of the module's weights, or caches, one after the other.
  template <typename Symbol>
  FailureOr<int64_t> place() {
    int64_t end = 0;
    for (auto symbol : getOperation().getOps<Symbol>()) {
      SmallVector<int64_t> offsets;
      for (Type plane : symbol.getPlanes().template getAsValueRange<TypeAttr>()) {
        std::optional<int64_t> bytes = boundedBytes(cast<MemRefType>(plane));
        if (!bytes || end > kMostBufferBytes)
          return symbol.emitOpError("needs, with those before it, more than ")
                 << kMostBufferBytes << " bytes, which no machine has";
        offsets.push_back(end);
        end = llvm::alignTo(end + *bytes, kAlignment);
      }
      symbol.setOffsets(offsets);
    }
    return end;
  }
};

} // namespace
} // namespace gemmac
