//===- IndexReach.h - upper bounds of the dynamic sizes in a plan ---------------------------------------===//

#ifndef GEMMAC_PASSES_INDEXREACH_H
#define GEMMAC_PASSES_INDEXREACH_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include <optional>

namespace gemmac {

/// Whether the bounds below exist for all buffers of a planned function: `plan.tokens` is there, sizes are
/// made of the count, the position and constants, nothing is divided by 0, and no buffer has more than
/// kMostBufferBytes. If not, says where.
mlir::LogicalResult checkReach(mlir::func::FuncOp function);

/// More than any machine has; so few that sizes and offsets never overflow.
constexpr int64_t kMostBufferBytes = int64_t(1) << 48;

/// The bytes of an array of static shape; nothing if they are more than kMostBufferBytes.
std::optional<int64_t> boundedBytes(mlir::MemRefType type);

/// The limits of a planned function's calls: tokens of one call, and positions of the context. For functions
/// that checkReach accepts.
struct IndexReach {
  int64_t tokens, context;

  explicit IndexReach(mlir::func::FuncOp function)
      : tokens(function->getAttrOfType<mlir::IntegerAttr>("plan.tokens").getInt()) {
    auto limit =
        function->getParentOfType<mlir::ModuleOp>()->getAttrOfType<mlir::IntegerAttr>("gemma.context");
    context = limit ? limit.getInt() : 0;
  }

  /// Upper bound of an index that grows with the call's token count and position.
  int64_t largest(mlir::Value size) const {
    return llvm::TypeSwitch<mlir::Operation *, int64_t>(size.getDefiningOp())
        .Case([&](plan::CountOp) { return tokens; })
        .Case([&](plan::PositionOp) { return context - 1; })
        .Case([&](mlir::arith::ConstantIndexOp constant) { return constant.value(); })
        .Case([&](mlir::arith::AddIOp sum) { return largest(sum.getLhs()) + largest(sum.getRhs()); })
        .Case([&](mlir::arith::MulIOp product) {
          return largest(product.getLhs()) * largest(product.getRhs());
        })
        .Case([&](mlir::arith::DivUIOp quotient) {
          assert(isa<mlir::arith::ConstantIndexOp>(quotient.getRhs().getDefiningOp()) &&
                 "divided by a constant");
          return largest(quotient.getLhs()) / largest(quotient.getRhs());
        })
        .Default([](mlir::Operation *) -> int64_t {
          llvm_unreachable("sizes are made of the count, the position and constants");
        });
  }

  /// Upper bound of the bytes of a buffer with these dynamic sizes.
  int64_t mostBytes(mlir::MemRefType type, mlir::ValueRange sizes) const {
    int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    for (int64_t size : type.getShape())
      bytes *= mlir::ShapedType::isDynamic(size) ? 1 : size;
    for (mlir::Value size : sizes)
      bytes *= largest(size);
    return bytes;
  }
};

} // namespace gemmac

#endif
