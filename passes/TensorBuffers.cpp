//===- TensorBuffers.cpp - the buffers of a function's tensors ------------------------------------------===//

#include "passes/TensorBuffers.h"

#include "dialects/gemma/Gemma.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace gemmac {

// An op works in place if it is the last reader of its operand. The return is a reader too, so a returned
// tensor is not overwritten. Slices are views into larger buffers, which are not reused.
TensorBuffers::TensorBuffers(func::FuncOp source) {
  for (Operation &op : source.getBody().getOps()) {
    for (Value result : op.getResults())
      shared.insert(result);
    auto withKernel = dyn_cast<gemma::KernelOp>(op);
    Value operand = withKernel ? withKernel.getInPlaceOperand() : Value();
    if (!operand || isa<BlockArgument>(operand) || isa<gemma::SliceOp>(operand.getDefiningOp()))
      continue;
    if (llvm::all_of(operand.getUsers(),
                     [&](Operation *user) { return user == &op || user->isBeforeInBlock(&op); }) &&
        llvm::none_of(operand.getUsers(), [&](Operation *user) { return isa<gemma::SliceOp>(user); }))
      shared.unionSets(operand, op.getResult(0));
  }
}

void TensorBuffers::allocate(Value tensor, Value count, OpBuilder &builder, Location location) {
  Buffer &known = classBuffers[shared.getLeaderValue(tensor)];
  if (!known.data)
    known = make(tensor, count, builder, location);
  buffers[tensor] = known;
}

Buffer TensorBuffers::make(Value tensor, Value count, OpBuilder &builder, Location location) const {
  auto type = cast<RankedTensorType>(tensor.getType());
  Buffer buffer;
  // The first axis is the tokens of the call, or (token, choice) pairs.
  gemma::RowCount rows = cast<gemma::KernelOp>(tensor.getDefiningOp()).getRowCount(cast<OpResult>(tensor));
  buffer.rows = buffers.lookup(rows.like).rows;
  if (type.isDynamicDim(0) && rows.times != 1)
    buffer.rows = arith::MulIOp::create(builder, location, buffer.rows,
                                        arith::ConstantIndexOp::create(builder, location, rows.times));
  SmallVector<Value> sizes(type.isDynamicDim(0) ? 1 : 0, buffer.rows);
  auto allocate = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    return memref::AllocOp::create(builder, location, MemRefType::get(shape, element), sizes);
  };
  buffer.data = allocate(type.getShape(), type.getElementType());
  if (auto blocks = dyn_cast_or_null<gemma::BlocksAttr>(type.getEncoding())) {
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = shape.back() / blocks.getSize() * kScalesOfBlock;
    buffer.scales = allocate(shape, builder.getF32Type());
    buffer.sums = allocate(shape, builder.getI32Type());
  }
  return buffer;
}

static Value splitLastAxis(Value buffer, Value rows, int64_t outer, OpBuilder &builder, Location location) {
  auto type = cast<MemRefType>(buffer.getType());
  assert(type.getRank() == 2 && "rows have two or three axes");
  int64_t size = type.getDimSize(1) / outer;
  SmallVector<ReassociationIndices> groups = {{0}, {1, 2}};
  SmallVector<OpFoldResult> sizes = {rows, builder.getIndexAttr(outer), builder.getIndexAttr(size)};
  SmallVector<int64_t> shape = {ShapedType::kDynamic, outer, size};
  FailureOr<MemRefType> expanded = memref::ExpandShapeOp::computeExpandedType(type, shape, groups);
  assert(succeeded(expanded) && "a contiguous axis can be split");
  return memref::ExpandShapeOp::create(builder, location, *expanded, buffer, groups, sizes);
}

Value flat(Value buffer, OpBuilder &builder, Location location) {
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getRank() <= 2)
    return buffer;
  ReassociationIndices inner = llvm::to_vector<2>(llvm::seq<int64_t>(1, type.getRank()));
  SmallVector<ReassociationIndices> groups = {{0}, inner};
  return memref::CollapseShapeOp::create(builder, location, buffer, groups);
}

Value threeAxes(Value buffer, Value rows, OpBuilder &builder, Location location) {
  if (cast<MemRefType>(buffer.getType()).getRank() == 3)
    return buffer;
  return splitLastAxis(buffer, rows, 1, builder, location);
}

Value inBlocks(Value buffer, Value rows, int64_t blocks, OpBuilder &builder, Location location) {
  return splitLastAxis(flat(buffer, builder, location), rows, blocks, builder, location);
}

} // namespace gemmac
