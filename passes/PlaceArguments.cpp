//===- PlaceArguments.cpp - every argument of a call is a base, an offset and sizes ---------------------===//
//
// Views of views and the arithmetic behind them end here: a memref that a kernel takes is traced back to the
// memory that it lies in, and becomes one `plan.view` of it. Procedures take offsets instead of memrefs,
// where their callers differ in them. Calls get their numbers and layers.

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/Layer.h"
#include "passes/Passes.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_PLACEARGUMENTS
#include "passes/Passes.h.inc"
namespace {

/// A number that is known, and what is added to it when the plan runs.
struct Bytes {
  int64_t known = 0;
  Value beyond; ///< index, or null
};

/// Where a memref lies: strides, in elements, are constants.
struct Place {
  plan::Memory memory = plan::Memory::arena;
  IntegerAttr port; ///< of inputs and outputs: which one
  Bytes offset;
  SmallVector<OpFoldResult> sizes;
  SmallVector<int64_t> strides;

  /// Of the same array but for its offset.
  bool agreesWith(const Place &other) const {
    return memory == other.memory && port == other.port && strides == other.strides;
  }
};

SmallVector<int64_t> denseStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

int64_t bytesOfElement(MemRefType type) {
  return llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

/// Traces the memrefs of one function.
class Tracer {
public:
  Tracer(func::FuncOp function, ArrayRef<std::optional<Place>> arguments)
      : function(function), builder(function.getContext()), symbols(function->getParentOfType<ModuleOp>()) {
    for (auto [argument, place] : llvm::zip_equal(function.getArguments(), arguments))
      if (place)
        places[argument] = *place;
  }

  /// Fails with a diagnostic where a memref's memory or strides are not known.
  FailureOr<Place> trace(Value memref);

private:
  FailureOr<Place> make(Value memref);
  FailureOr<Place> subview(memref::SubViewOp op);
  FailureOr<Place> expand(memref::ExpandShapeOp op);
  FailureOr<Place> collapse(memref::CollapseShapeOp op);
  Place ofPlane(Operation *symbol, MemRefType type, Bytes offset);

  /// `offset` and `index` times `bytes`, where the builder stands.
  Bytes add(Bytes offset, OpFoldResult index, int64_t bytes, Location location);
  Operation *lookup(FlatSymbolRefAttr name) { return symbols.lookup(name.getAttr()); }

  func::FuncOp function;
  OpBuilder builder;
  SymbolTable symbols;
  llvm::DenseMap<Value, Place> places;
};

FailureOr<Place> Tracer::trace(Value memref) {
  if (auto known = places.find(memref); known != places.end())
    return known->second;
  FailureOr<Place> place = make(memref);
  if (succeeded(place))
    places[memref] = *place;
  return place;
}

Place Tracer::ofPlane(Operation *symbol, MemRefType type, Bytes offset) {
  Place place;
  place.memory = isa<plan::WeightOp>(symbol) ? plan::Memory::weights : plan::Memory::cache;
  place.offset = offset;
  for (int64_t size : type.getShape())
    place.sizes.push_back(builder.getIndexAttr(size));
  place.strides = denseStrides(type.getShape());
  return place;
}

FailureOr<Place> Tracer::make(Value memref) {
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

Bytes Tracer::add(Bytes offset, OpFoldResult index, int64_t bytes, Location location) {
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

FailureOr<Place> Tracer::subview(memref::SubViewOp op) {
  FailureOr<Place> source = trace(op.getSource());
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

FailureOr<Place> Tracer::expand(memref::ExpandShapeOp op) {
  FailureOr<Place> source = trace(op.getSrc());
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

FailureOr<Place> Tracer::collapse(memref::CollapseShapeOp op) {
  FailureOr<Place> source = trace(op.getSrc());
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

/// The index of an offset, where the builder stands.
Value materialize(const Bytes &offset, OpBuilder &builder, Location location) {
  Value known = arith::ConstantIndexOp::create(builder, location, offset.known);
  return offset.beyond ? arith::AddIOp::create(builder, location, known, offset.beyond).getResult() : known;
}

/// What the callers of a procedure agree on about its memrefs, and what each of them passes.
class Procedure {
public:
  explicit Procedure(func::FuncOp function) : function(function), agreed(function.getNumArguments()) {}

  /// A call, with the places of its memrefs in the caller: false if calls before it do not agree.
  bool add(func::CallOp call, ArrayRef<std::optional<Place>> places);

  /// Adds offsets of memrefs as arguments where callers differ in them; says where memrefs lie.
  FailureOr<SmallVector<std::optional<Place>>> place();

  /// After all of the procedure is placed.
  LogicalResult dropMemrefs();

  func::FuncOp function;

private:
  bool sameOffset(size_t argument) const {
    return llvm::all_of(calls, [&](const Call &call) {
      const Bytes &offset = call.places[argument]->offset, &first = calls.front().places[argument]->offset;
      return !offset.beyond && offset.known == first.known && !first.beyond;
    });
  }

  struct Call {
    func::CallOp op;
    SmallVector<std::optional<Place>> places;
  };
  SmallVector<std::optional<Place>> agreed;
  SmallVector<Call> calls;
};

bool Procedure::add(func::CallOp call, ArrayRef<std::optional<Place>> places) {
  for (auto [known, place] : llvm::zip_equal(agreed, places))
    if (known && !known->agreesWith(*place))
      return false;
  agreed.assign(places.begin(), places.end());
  calls.push_back({call, SmallVector<std::optional<Place>>(places)});
  return true;
}

FailureOr<SmallVector<std::optional<Place>>> Procedure::place() {
  Block &body = function.getBody().front();
  OpBuilder inside = OpBuilder::atBlockBegin(&body);
  Value count;
  SmallVector<std::optional<Place>> result(agreed.size());
  for (size_t argument = 0; argument < agreed.size(); ++argument) {
    if (!agreed[argument])
      continue;
    Place place = *agreed[argument];
    for (OpFoldResult &size : place.sizes)
      if (isa<Value>(size)) {
        if (!count)
          count = plan::CountOp::create(inside, function.getLoc(), inside.getIndexType());
        size = count;
      }
    if (!sameOffset(argument)) {
      unsigned number = function.getNumArguments();
      if (failed(function.insertArgument(number, inside.getIndexType(), {}, function.getLoc())))
        return failure();
      place.offset = {0, function.getArgument(number)};
      for (Call &call : calls) {
        OpBuilder before(call.op);
        Value offset = materialize(call.places[argument]->offset, before, call.op.getLoc());
        call.op.getOperandsMutable().append(offset);
      }
    }
    result[argument] = place;
  }
  result.resize(function.getNumArguments());
  return result;
}

LogicalResult Procedure::dropMemrefs() {
  llvm::BitVector memrefs(function.getNumArguments());
  for (auto [argument, place] : llvm::enumerate(agreed))
    memrefs[static_cast<unsigned>(argument)] = place.has_value();
  for (Call &call : calls)
    call.op->eraseOperands(memrefs);
  return function.eraseArguments(memrefs);
}

struct PlaceArguments : impl::PlaceArgumentsBase<PlaceArguments> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isPrivate()) {
        FailureOr<SmallVector<std::optional<Place>>> ports = portsOf(function);
        if (failed(ports) || failed(placeIn(function, *ports)))
          return signalPassFailure();
      }
    for (auto &[callee, variants] : procedures)
      for (Procedure &procedure : variants) {
        FailureOr<SmallVector<std::optional<Place>>> arguments = procedure.place();
        if (failed(arguments) || failed(placeIn(procedure.function, *arguments)))
          return signalPassFailure();
      }
    for (auto function : getOperation().getOps<func::FuncOp>())
      dropDead(function);
    for (auto &[callee, variants] : procedures)
      for (Procedure &procedure : variants)
        if (failed(procedure.dropMemrefs()))
          return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>())
      dropDead(function);
    numberCalls();
  }

private:
  /// The arguments of an entry are arrays of the caller.
  FailureOr<SmallVector<std::optional<Place>>> portsOf(func::FuncOp entry) {
    SmallVector<std::optional<Place>> ports;
    OpBuilder builder = OpBuilder::atBlockBegin(&entry.getBody().front());
    int64_t inputs = 0, outputs = 0;
    for (BlockArgument argument : entry.getArguments()) {
      bool input = bool(entry.getArgAttr(argument.getArgNumber(), plan::kInputAttr));
      auto type = dyn_cast<MemRefType>(argument.getType());
      if (!type)
        return entry.emitError("argument ") << argument.getArgNumber() << " of the entry @" << entry.getName()
                                            << " is no array, but " << argument.getType();
      Place place;
      place.memory = input ? plan::Memory::input : plan::Memory::output;
      place.port = builder.getI64IntegerAttr(input ? inputs++ : outputs++);
      for (int64_t size : type.getShape())
        place.sizes.push_back(
            ShapedType::isDynamic(size)
                ? OpFoldResult(
                      plan::CountOp::create(builder, entry.getLoc(), builder.getIndexType()).getResult())
                : OpFoldResult(builder.getIndexAttr(size)));
      place.strides = denseStrides(type.getShape());
      ports.push_back(place);
    }
    return ports;
  }

  LogicalResult placeIn(func::FuncOp function, ArrayRef<std::optional<Place>> arguments) {
    Tracer tracer(function, arguments);
    WalkResult result = function.walk([&](Operation *op) {
      if (auto call = dyn_cast<plan::CallOp>(op))
        return WalkResult(placeOperands(call, tracer));
      if (auto call = dyn_cast<func::CallOp>(op))
        return WalkResult(noteCall(call, tracer));
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  LogicalResult placeOperands(plan::CallOp call, Tracer &tracer) {
    OpBuilder builder(call);
    for (OpOperand &operand : call->getOpOperands()) {
      auto type = cast<MemRefType>(operand.get().getType());
      FailureOr<Place> place = tracer.trace(operand.get());
      if (failed(place))
        return failure();
      SmallVector<int64_t> shape;
      SmallVector<Value> sizes;
      dispatchIndexOpFoldResults(place->sizes, sizes, shape);
      auto layout = StridedLayoutAttr::get(&getContext(), 0, place->strides);
      auto viewed = MemRefType::get(shape, type.getElementType(), layout,
                                    plan::SpaceAttr::get(&getContext(), spaceOf(place->memory)));
      operand.set(plan::ViewOp::create(builder, call.getLoc(), viewed, place->memory, place->port,
                                       place->offset.known, place->offset.beyond, sizes));
    }
    return success();
  }

  LogicalResult noteCall(func::CallOp call, Tracer &tracer) {
    auto callee = getOperation().lookupSymbol<func::FuncOp>(call.getCallee());
    if (!callee || callee.isExternal())
      return call.emitOpError("calls @") << call.getCallee() << ", which is no procedure of the plan";
    SmallVector<std::optional<Place>> places;
    for (Value operand : call.getOperands()) {
      places.emplace_back();
      if (!isa<MemRefType>(operand.getType()))
        continue;
      FailureOr<Place> place = tracer.trace(operand);
      if (failed(place))
        return failure();
      for (OpFoldResult size : place->sizes)
        if (auto value = dyn_cast<Value>(size); value && !value.getDefiningOp<plan::CountOp>())
          return call.emitOpError("passes a memref whose size is neither a constant nor the count of tokens");
      places.back() = *place;
    }
    addCall(call, callee, places);
    return success();
  }

  /// Callers with arrays in other memories get a procedure of their own.
  void addCall(func::CallOp call, func::FuncOp callee, ArrayRef<std::optional<Place>> places) {
    std::vector<Procedure> &variants = procedures[callee];
    for (Procedure &variant : variants)
      if (variant.add(call, places)) {
        call.setCallee(variant.function.getName());
        return;
      }
    func::FuncOp function = callee;
    if (!variants.empty()) {
      function = callee.clone();
      function.setSymName((callee.getName() + "_" + Twine(variants.size())).str());
      Operation *last = variants.back().function;
      last->getBlock()->getOperations().insertAfter(last->getIterator(), function);
      call.setCallee(function.getName());
    }
    variants.emplace_back(function).add(call, places);
  }

  /// All memories of a machine without a device of its own are the host's.
  plan::Space spaceOf(plan::Memory memory) const { return plan::Space::host; }

  /// What only led to views is not needed any more.
  static void dropDead(func::FuncOp function) {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : llvm::reverse(ops))
      if (isOpTriviallyDead(op))
        op->erase();
  }

  void numberCalls() {
    int64_t number = 0;
    Builder builder(&getContext());
    getOperation().walk([&](plan::CallOp call) {
      call.setNumberAttr(builder.getI64IntegerAttr(number++));
      if (Attribute layer = call->removeAttr(kLayerAttr))
        call.setLayerAttr(cast<IntegerAttr>(layer));
    });
  }

  llvm::MapVector<func::FuncOp, std::vector<Procedure>> procedures;
};

} // namespace
} // namespace gemmac
