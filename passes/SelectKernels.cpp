//===- SelectKernels.cpp - every op names the kernel that will run it -----------------------------------===//
//
// Sets `gemma.kernel`, a #plan.kernel, and `gemma.parallel = [axis, grain]`, which says how threads split the
// work, in axes and indices of the result as the kernel sees it. The op selects its kernel (KernelOp), and
// the schedule is the target's default; the number of pieces depends on the number of tokens, one in decode,
// and on the target.

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Shapes.h"
#include "dialects/gemma/Stored.h"
#include "dialects/plan/KernelSpecs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_SELECTKERNELS
#include "passes/Passes.h.inc"
namespace {

/// Axis and indices per piece; grain 0: one thread does all of it.
struct Pieces {
  int64_t axis = 0, grain = 0;
};

/// The exponentials of this many numbers take some microseconds.
constexpr int64_t kNumbersForThreads = 4096;
/// A few pieces per thread, so that a late thread costs little.
constexpr int64_t kPiecesPerThread = 4;

/// How threads split the work of a function whose calls have one token, or many.
class Sharing {
public:
  Sharing(const Target &target, bool oneToken) : cores(target.cores), oneToken(oneToken) {}

  Pieces of(gemma::KernelOp op, const KernelSpec &kernel) const {
    if (cores == 1)
      return {};
    switch (op.getParts()) {
    case gemma::Parts::none:
      return {};
    case gemma::Parts::tokens:
      return byTokens(kernel);
    case gemma::Parts::numbers:
      return byNumbers(typeOf(op), kernel);
    case gemma::Parts::outputs:
      return byOutputs(typeOf(op), op.getKernelAxes(), kernel.schedule.grain);
    }
    llvm_unreachable("parts are listed above");
  }

private:
  static RankedTensorType typeOf(Operation *op) { return cast<RankedTensorType>(op->getResult(0).getType()); }

  /// Indices per piece, rounded up to a multiple of `unit`.
  int64_t grainOf(int64_t indices, int64_t unit) const {
    return llvm::alignTo(llvm::divideCeil(indices, int64_t(cores) * kPiecesPerThread), unit);
  }

  /// One token is not worth a second thread.
  Pieces byTokens(const KernelSpec &kernel) const {
    return oneToken ? Pieces{} : Pieces{0, kernel.schedule.grain};
  }

  /// One token is split by numbers (by blocks if they are quantized), if they take longer than waking a
  /// second thread.
  Pieces byNumbers(RankedTensorType type, const KernelSpec &kernel) const {
    std::optional<int64_t> numbers = gemma::numbersFromAxis(type, 1);
    if (!oneToken || !numbers || *numbers < kNumbersForThreads)
      return byTokens(kernel);
    if (isa_and_present<gemma::BlocksAttr>(type.getEncoding()))
      return {1, grainOf(*numbers / kBlock, 1)};
    return *numbers == type.getShape().back() ? Pieces{2, grainOf(*numbers, kBlock)} : Pieces{};
  }

  /// Splits the rows of a matrix at multiples of `unit`.
  Pieces byOutputs(RankedTensorType type, gemma::KernelAxes axes, int64_t unit) const {
    bool flat = axes == gemma::KernelAxes::flat;
    int64_t axis = flat ? 1 : type.getRank() - 1;
    int64_t outputs = *gemma::numbersFromAxis(type, axis);
    return outputs > unit ? Pieces{axis, grainOf(outputs, unit)} : Pieces{};
  }

  int64_t cores;
  bool oneToken;
};

struct SelectKernels : impl::SelectKernelsBase<SelectKernels> {
  using SelectKernelsBase::SelectKernelsBase;

  void runOnOperation() override {
    const Target *device = target.get(getOperation());
    if (!device)
      return signalPassFailure();
    setWeightLayouts();
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto tokens = function->getAttrOfType<IntegerAttr>("gemma.tokens");
      bool oneToken = tokens && tokens.getInt() == 1;
      Sharing sharing(*device, oneToken);
      for (Operation &op : function.getBody().getOps())
        if (failed(select(&op, symbols, oneToken, sharing, *device)))
          return signalPassFailure();
    }
  }

private:
  LogicalResult select(Operation *op, const SymbolTable &symbols, bool oneToken, const Sharing &sharing,
                       const Target &target) {
    if (isa<func::ReturnOp, gemma::SliceOp>(op))
      return success();
    auto withKernel = dyn_cast<gemma::KernelOp>(op);
    if (!withKernel)
      return op->emitOpError("has no kernel; the stages before `select` replace it");
    KernelSpec kernel = withKernel.getKernelSpec(symbols, oneToken);
    kernel.schedule = defaultSchedule(kernel, target);
    if (oneToken && isa<gemma::CachedAttentionOp>(op)) {
      selectSpans(op, kernel, target);
      return success();
    }
    setKernel(op, "gemma.kernel", kernel);
    setPieces(op, "gemma.parallel", sharing.of(withKernel, kernel));
    return success();
  }

  /// One token: threads split its spans and kv heads, then the merge of the parts by heads.
  void selectSpans(Operation *attention, KernelSpec kernel, const Target &target) {
    kernel.family = "attention_spans";
    kernel.schedule = defaultSchedule(kernel, target);
    KernelSpec merge{"merge_spans", {}};
    for (const char *size : {"heads", "kv_heads", "dim"})
      merge.constants[size] = kernel.integer(size);
    merge.schedule = defaultSchedule(merge, target);
    setKernel(attention, "gemma.kernel", kernel);
    setKernel(attention, "gemma.merge_kernel", merge);
    if (target.cores == 1)
      return;
    setPieces(attention, "gemma.parallel", {0, kernel.schedule.grain});
    // Without a window there are so many parts that the merge is worth splitting.
    if (kernel.integer("window") == 0)
      setPieces(attention, "gemma.merge_parallel", {1, merge.schedule.grain});
  }

  void setKernel(Operation *op, StringRef name, const KernelSpec &kernel) {
    op->setAttr(name, kernelAttrOf(kernel, &getContext()));
  }

  void setPieces(Operation *op, StringRef name, Pieces pieces) {
    if (pieces.grain)
      op->setAttr(name, DenseI64ArrayAttr::get(&getContext(), {pieces.axis, pieces.grain}));
  }

  /// A matrix is stored in tiles, even if its rows are gathered too; a table in rows; a vector as it is.
  void setWeightLayouts() {
    llvm::DenseSet<Attribute> matrices;
    getOperation().walk([&](Operation *op) {
      for (const gemma::Storage &storage : gemma::storageOf(op))
        if (storage.role == gemma::StorageRole::matrix)
          matrices.insert(storage.symbol.getAttr());
    });
    for (auto weight : getOperation().getOps<gemma::WeightOp>()) {
      Layout layout = weight.getTensorType().getRank() == 1        ? Layout::vector
                      : matrices.contains(weight.getSymNameAttr()) ? Layout::tiles16
                                                                   : Layout::rows;
      weight->setAttr(gemma::kLayoutAttr, StringAttr::get(&getContext(), nameOf(layout)));
    }
  }
};

} // namespace
} // namespace gemmac
