//===- MemoryPlaces.cpp - the memory, offset and strides of memrefs -------------------------------------===//

#include "passes/MemoryPlaces.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace gemmac {

SmallVector<int64_t> denseStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

static int64_t bytesOfElement(MemRefType type) {
  return llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

MemoryPlaces::MemoryPlaces(func::FuncOp function, ArrayRef<std::optional<Place>> arguments)
    : function(function), builder(function.getContext()), symbols(function->getParentOfType<ModuleOp>()) {
  for (auto [argument, place] : llvm::zip_equal(function.getArguments(), arguments))
    if (place)
      places[argument] = *place;
}

FailureOr<Place> MemoryPlaces::of(Value memref) {
  if (auto known = places.find(memref); known != places.end())
    return known->second;
  FailureOr<Place> place = make(memref);
  if (succeeded(place))
    places[memref] = *place;
  return place;
}

Place MemoryPlaces::ofPlane(Operation *symbol, MemRefType type, Bytes offset) {
  Place place;
  place.memory = isa<plan::WeightOp>(symbol) ? plan::Memory::weights : plan::Memory::cache;
  place.offset = offset;
  for (int64_t size : type.getShape())
    place.sizes.push_back(builder.getIndexAttr(size));
  place.strides = denseStrides(type.getShape());
  return place;
}

FailureOr<Place> MemoryPlaces::make(Value memref) {
  Operation *op = memref.getDefiningOp();
  if (!op)
    return function.emitError("argument of @") << function.getName() << " lies in no memory of the plan";
  builder.setInsertionPointAfter(op);
  auto type = cast<MemRefType>(memref.getType());
  return llvm::TypeSwitch<Operation *, FailureOr<Place>>(op)
      .Case([&](plan::ArenaOp arena) -> FailureOr<Place> {
        Place place;
        place.offset.known = static_cast<int64_t>(arena.getOffset());
        place.sizes = getMixedValues(type.getShape(), arena.getSizes(), builder);
        place.strides = denseStrides(type.getShape());
        return place;
      })
      .Case([&](plan::GetOp get) -> FailureOr<Place> {
        Value offset = plan::OffsetOp::create(builder, get.getLoc(), builder.getIndexType(), get.getSymbol(),
                                              get.getPlane());
        return ofPlane(lookup(get.getSymbolAttr()), type, {0, offset});
      })
      .Case([&](plan::RowGetOp get) -> FailureOr<Place> {
        auto table = cast<plan::TableOp>(lookup(get.getTableAttr()));
        auto first = cast<FlatSymbolRefAttr>(cast<ArrayAttr>(table.getRows()[0])[get.getColumn()]);
        Value offset = plan::RowNumberOp::create(builder, get.getLoc(), builder.getIndexType(),
                                                 get.getTable(), get.getRow(), get.getColumn());
        return ofPlane(lookup(first), type, {0, offset});
      })
      .Case([&](memref::SubViewOp view) { return subview(view); })
      .Case([&](memref::ExpandShapeOp view) { return expand(view); })
      .Case([&](memref::CollapseShapeOp view) { return collapse(view); })
      .Default([&](Operation *other) -> FailureOr<Place> {
        return other->emitOpError("is no view that a plan has: where it lies is not known");
      });
}

Bytes MemoryPlaces::add(Bytes offset, OpFoldResult index, int64_t bytes, Location location) {
  if (auto constant = getConstantIntValue(index)) {
    offset.known += *constant * bytes;
    return offset;
  }
  Value part = cast<Value>(index);
  if (bytes != 1)
    part = arith::MulIOp::create(builder, location, part,
                                 arith::ConstantIndexOp::create(builder, location, bytes));
  offset.beyond =
      offset.beyond ? arith::AddIOp::create(builder, location, offset.beyond, part).getResult() : part;
  return offset;
}

FailureOr<Place> MemoryPlaces::subview(memref::SubViewOp op) {
  FailureOr<Place> source = of(op.getSource());
  if (failed(source))
    return failure();
  builder.setInsertionPointAfter(op);
  Place place = *source;
  place.sizes.clear();
  place.strides.clear();
  int64_t bytes = bytesOfElement(op.getType());
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [axis, offset, size, stride] :
       llvm::enumerate(op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides())) {
    std::optional<int64_t> step = getConstantIntValue(stride);
    if (!step)
      return op.emitOpError("has a stride that is no constant");
    place.offset = add(place.offset, offset, source->strides[axis] * bytes, op.getLoc());
    if (dropped.test(static_cast<unsigned>(axis)))
      continue;
    place.sizes.push_back(size);
    place.strides.push_back(source->strides[axis] * *step);
  }
  return place;
}

FailureOr<Place> MemoryPlaces::expand(memref::ExpandShapeOp op) {
  FailureOr<Place> source = of(op.getSrc());
  if (failed(source))
    return failure();
  Place place = *source;
  place.sizes = op.getMixedOutputShape();
  place.strides.assign(place.sizes.size(), 0);
  for (auto [axis, group] : llvm::enumerate(op.getReassociationIndices())) {
    int64_t stride = source->strides[axis];
    for (int64_t inner : llvm::reverse(group)) {
      place.strides[inner] = stride;
      std::optional<int64_t> size = getConstantIntValue(place.sizes[inner]);
      if (!size && inner != group.front())
        return op.emitOpError("splits an axis into sizes that are no constants");
      stride *= size.value_or(1);
    }
  }
  return place;
}

FailureOr<Place> MemoryPlaces::collapse(memref::CollapseShapeOp op) {
  FailureOr<Place> source = of(op.getSrc());
  if (failed(source))
    return failure();
  Place place = *source;
  place.sizes.clear();
  place.strides.clear();
  for (ArrayRef<int64_t> group : op.getReassociationIndices()) {
    int64_t last = group.back();
    OpFoldResult size = source->sizes[group.front()];
    for (int64_t axis : group.drop_front()) {
      std::optional<int64_t> all = getConstantIntValue(size), one = getConstantIntValue(source->sizes[axis]);
      if (!all || !one)
        return op.emitOpError("joins axes whose sizes are no constants");
      size = builder.getIndexAttr(*all * *one);
    }
    place.sizes.push_back(size);
    place.strides.push_back(source->strides[last]);
  }
  return place;
}

} // namespace gemmac
