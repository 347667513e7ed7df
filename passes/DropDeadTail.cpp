//===- DropDeadTail.cpp - removes ops that no cache and no result depends on ----------------------------===//
// One backward walk: every op is visited after all of its users, so whether it is dead, or which part of it
// is read, is final when it is visited. Cache writes are the roots of a prefill. In E2B the dead tail is
// about 70 % of the arithmetic.

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Shapes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/Layer.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_DROPDEADTAIL
#include "passes/Passes.h.inc"
namespace {

/// The range of axis 1 that the users read.
struct Range {
  int64_t begin, end;
};

/// Empty unless all readers are slices along axis 1.
std::optional<Range> readOf(Value value) {
  std::optional<Range> read;
  for (Operation *reader : value.getUsers()) {
    auto slice = dyn_cast<gemma::SliceOp>(reader);
    if (!slice || slice.getAxis() != 1)
      return {};
    int64_t begin = slice.getOffset(), end = begin + (slice.getDrop() ? 1 : slice.getType().getDimSize(1));
    read = read ? Range{std::min(read->begin, begin), std::max(read->end, end)} : Range{begin, end};
  }
  return read;
}

/// Index i of axis 1 of the result depends only on index i of the operands.
bool actsAlongAxis1(Operation *op) {
  int64_t rank = cast<RankedTensorType>(op->getResult(0).getType()).getRank();
  if (isa<gemma::RmsNormOp, gemma::AddNormOp>(op))
    return rank > 2; // the norm's sum runs over the whole last axis
  return isa<gemma::ScaleOp, gemma::GeluOp, gemma::GeluMulOp, gemma::SoftcapOp, arith::AddFOp, arith::MulFOp>(
      op);
}

/// Computes only `read` of the op's result. False if the op cannot.
bool narrow(Operation *op, Range read) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  llvm::SmallVector<int64_t> shape(type.getShape());
  shape[1] = read.end - read.begin;
  RankedTensorType narrowed = type.clone(shape);
  // Rows of a weight, or columns of a table, per index of axis 1.
  std::optional<int64_t> numbersPerIndex = gemma::numbersFromAxis(type, 2);
  if (!numbersPerIndex)
    return false;
  int64_t skipped = read.begin * *numbersPerIndex;
  if (auto linear = dyn_cast<gemma::LinearOp>(op)) {
    linear.setOffset(linear.getOffset() + skipped);
  } else if (auto embed = dyn_cast<gemma::EmbedOp>(op)) {
    embed.setOffset(embed.getOffset() + skipped);
  } else if (actsAlongAxis1(op)) {
    OpBuilder builder(op);
    for (OpOperand &operand : op->getOpOperands())
      operand.set(inLayerOf(op, gemma::SliceOp::create(builder, op->getLoc(), narrowed, operand.get(),
                                                       /*axis=*/1, read.begin, /*drop=*/false)));
  } else {
    return false;
  }
  op->getResult(0).setType(narrowed);
  for (Operation *reader : llvm::make_early_inc_range(op->getResult(0).getUsers())) {
    auto slice = cast<gemma::SliceOp>(reader);
    slice.setOffset(slice.getOffset() - read.begin);
    if (slice.getType() == narrowed) {
      slice.replaceAllUsesWith(op->getResult(0));
      slice.erase();
    }
  }
  return true;
}

bool narrowToReaders(Operation *op) {
  if (op->getNumResults() != 1)
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || type.getRank() < 2 || type.isDynamicDim(1))
    return false;
  std::optional<Range> read = readOf(op->getResult(0));
  if (!read || read->end - read->begin == type.getDimSize(1))
    return false;
  return narrow(op, *read);
}

struct DropDeadTail : impl::DropDeadTailBase<DropDeadTail> {
  void runOnOperation() override {
    int64_t erased = 0, narrowed = 0;
    for (Block &block : getOperation().getBody())
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
        if (isOpTriviallyDead(&op)) {
          op.erase();
          ++erased;
        } else if (narrowToReaders(&op)) {
          ++narrowed;
        }
      }
    if (erased || narrowed)
      mlir::emitRemark(getOperation().getLoc()) << "@" << getOperation().getSymName() << " drops " << erased
                                                << " ops that nothing depends on and narrows " << narrowed;
  }
};

} // namespace
} // namespace gemmac
