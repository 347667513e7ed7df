//===- PlaceArguments.cpp - every argument of a call is a base, an offset and sizes ---------------------===//
//
// Replaces chains of views and their index arithmetic: each memref that a kernel takes is traced back to the
// memory that contains it, and becomes one `plan.view`. Procedures take offsets instead of memrefs if their
// callers pass different ones. Calls get their numbers and layers.

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Layer.h"
#include "passes/MemoryPlaces.h"
#include "passes/Passes.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_PLACEARGUMENTS
#include "passes/Passes.h.inc"
namespace {

/// The offset as an index value, created at the builder's insertion point.
Value materialize(const Bytes &offset, OpBuilder &builder, Location location) {
  Value known = arith::ConstantIndexOp::create(builder, location, offset.known);
  return offset.beyond ? arith::AddIOp::create(builder, location, known, offset.beyond).getResult() : known;
}

/// A procedure: the properties of its memrefs on which all callers agree, and the places that each one
/// passes.
class Procedure {
public:
  explicit Procedure(func::FuncOp function) : function(function), agreed(function.getNumArguments()) {}

  /// Adds a call with its memrefs' places in the caller; false if they conflict with an earlier call's.
  bool add(func::CallOp call, ArrayRef<std::optional<Place>> places);

  /// Adds arguments for the memref offsets in which callers differ; returns the places of all memref
  /// arguments.
  FailureOr<SmallVector<std::optional<Place>>> place();

  /// Removes the memref arguments; call after the whole procedure is placed.
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
  /// The arguments of an entry are the caller's arrays.
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
    MemoryPlaces memory(function, arguments);
    WalkResult result = function.walk([&](Operation *op) {
      if (auto call = dyn_cast<plan::CallOp>(op))
        return WalkResult(placeOperands(call, memory));
      if (auto call = dyn_cast<func::CallOp>(op))
        return WalkResult(noteCall(call, memory));
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  LogicalResult placeOperands(plan::CallOp call, MemoryPlaces &memory) {
    OpBuilder builder(call);
    for (OpOperand &operand : call->getOpOperands()) {
      auto type = cast<MemRefType>(operand.get().getType());
      FailureOr<Place> place = memory.of(operand.get());
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

  LogicalResult noteCall(func::CallOp call, MemoryPlaces &memory) {
    auto callee = getOperation().lookupSymbol<func::FuncOp>(call.getCallee());
    if (!callee || callee.isExternal())
      return call.emitOpError("calls @") << call.getCallee() << ", which is no procedure of the plan";
    SmallVector<std::optional<Place>> places;
    for (Value operand : call.getOperands()) {
      places.emplace_back();
      if (!isa<MemRefType>(operand.getType()))
        continue;
      FailureOr<Place> place = memory.of(operand);
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

  /// Callers that pass arrays in other memories get their own copy of the procedure.
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

  /// On a machine without a separate device all memories are the host's.
  plan::Space spaceOf(plan::Memory memory) const { return plan::Space::host; }

  /// Erases ops that only the replaced views used.
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
