//===- IndexReach.cpp - upper bounds of the dynamic sizes in a plan -------------------------------------===//

#include "passes/IndexReach.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace gemmac {
namespace {

/// As IndexReach::largest, for sizes that nobody has checked yet.
class CheckedReach {
public:
  explicit CheckedReach(const IndexReach &reach) : reach(reach) {}

  LogicalResult check(memref::AllocOp alloc) const {
    int64_t bytes = llvm::divideCeil(alloc.getType().getElementTypeBitWidth(), 8);
    bool tooLarge = false;
    auto multiply = [&](int64_t size) {
      tooLarge |= llvm::MulOverflow(bytes, size, bytes) != 0 || bytes > kMostBufferBytes;
    };
    for (int64_t size : alloc.getType().getShape())
      if (!ShapedType::isDynamic(size))
        multiply(size);
    for (Value size : alloc.getDynamicSizes()) {
      FailureOr<int64_t> most = largest(size, alloc);
      if (failed(most))
        return failure();
      multiply(*most);
    }
    if (tooLarge)
      return alloc.emitOpError("may need more than ") << kMostBufferBytes << " bytes, which no machine has";
    return success();
  }

private:
  const IndexReach &reach;

  FailureOr<int64_t> largest(Value size, memref::AllocOp alloc) const {
    Operation *op = size.getDefiningOp();
    if (isa_and_nonnull<plan::CountOp, plan::PositionOp, arith::ConstantIndexOp>(op)) {
      int64_t value = reach.largest(size);
      if (value < 0)
        return alloc.emitOpError("has a size that may be ") << value;
      return value;
    }
    if (!isa_and_nonnull<arith::AddIOp, arith::MulIOp, arith::DivUIOp>(op))
      return alloc.emitOpError("has a size that is not made of the count, the position and constants");
    FailureOr<int64_t> left = largest(op->getOperand(0), alloc), right = largest(op->getOperand(1), alloc);
    if (failed(left) || failed(right))
      return failure();
    int64_t result = 0;
    bool overflow = false;
    if (isa<arith::AddIOp>(op)) {
      overflow = llvm::AddOverflow(*left, *right, result) != 0;
    } else if (isa<arith::MulIOp>(op)) {
      overflow = llvm::MulOverflow(*left, *right, result) != 0;
    } else {
      if (!isa_and_nonnull<arith::ConstantIndexOp>(op->getOperand(1).getDefiningOp()) || *right == 0)
        return alloc.emitOpError("has a size that is divided by 0 or by what is no constant");
      result = *left / *right;
    }
    if (overflow)
      return alloc.emitOpError("has a size that may be too large to be counted");
    return result;
  }
};

} // namespace

LogicalResult checkReach(func::FuncOp function) {
  auto tokens = function->getAttrOfType<IntegerAttr>("plan.tokens");
  if (!tokens || tokens.getInt() < 1)
    return function.emitError() << "@" << function.getSymName()
                                << " needs the attribute `plan.tokens`, the most tokens of a call";
  const IndexReach reach(function);
  const CheckedReach checked(reach);
  WalkResult walked = function.walk([&](memref::AllocOp alloc) {
    return failed(checked.check(alloc)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

std::optional<int64_t> boundedBytes(MemRefType type) {
  int64_t bits = type.getElementTypeBitWidth();
  for (int64_t size : type.getShape())
    if (size < 0 || llvm::MulOverflow(bits, size, bits) || bits > kMostBufferBytes * 8)
      return std::nullopt;
  return llvm::divideCeil(bits, 8);
}

} // namespace gemmac
