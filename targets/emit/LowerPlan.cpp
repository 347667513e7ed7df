//===- LowerPlan.cpp - plan to the LLVM dialect ---------------------------------------------------------===//
//
// Every function takes the step (gemmac_step of model.h) as its first argument; the plan's ops become loads
// from it, addresses and calls of thunks. Everything else (func, scf, arith) is lowered by upstream
// conversions.

#include "dialects/plan/Entries.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "targets/emit/Emit.h"
#include "targets/emit/ModelConstant.h"
#include "targets/emit/Thunks.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace gemmac {
namespace {

#define STEP_FIELD(name) fieldAt(kStepFields, offsetof(gemmac_step, name))
#define SEQUENCE_FIELD(name) fieldAt(kSequenceFields, offsetof(gemmac_sequence, name))

class PlanLowering {
public:
  explicit PlanLowering(ModuleOp module)
      : module(module), context(module.getContext()), builder(context), thunks(module),
        pointer(LLVM::LLVMPointerType::get(context)), i64(builder.getI64Type()), i32(builder.getI32Type()),
        step(structType(context, kStepFields)), sequence(structType(context, kSequenceFields)) {}

  void lower() {
    for (auto table : module.getOps<plan::TableOp>())
      lowerTable(table);
    for (auto function : llvm::to_vector(module.getOps<func::FuncOp>()))
      lowerFunction(function);
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<plan::WeightOp, plan::CacheOp, plan::TableOp>(op))
        op.erase();
  }

  /// The number of calls in the plan.
  uint32_t callCount() const { return static_cast<uint32_t>(calls); }

private:
  void lowerFunction(func::FuncOp function) {
    [[maybe_unused]] LogicalResult inserted = function.insertArgument(0, pointer, {}, function.getLoc());
    function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
    stepPointer = function.getArgument(0);
    entry = &function.getBody().front();
    if (!function.isPrivate()) {
      // Ports are accessed through the step, so an entry needs no arguments for them.
      llvm::BitVector ports(function.getNumArguments(), true);
      ports.reset(0);
      [[maybe_unused]] LogicalResult erased = function.eraseArguments(ports);
      assert(succeeded(erased) && "views do not use the arguments of entries");
    }
    function.setPrivate();
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : ops) {
      builder.setInsertionPoint(op);
      location = op->getLoc();
      if (auto call = dyn_cast<func::CallOp>(op)) {
        call.getOperandsMutable().assign([&] {
          SmallVector<Value> operands = {stepPointer};
          llvm::append_range(operands, call.getOperands());
          return operands;
        }());
      } else if (auto call = dyn_cast<plan::CallOp>(op)) {
        lowerCall(call);
        op->erase();
      } else if (Value value = lowerValue(op)) {
        op->replaceAllUsesWith(ValueRange{value});
        op->erase();
      }
    }
    function.walk([](plan::ViewOp view) { view.erase(); });
  }

  /// Null for ops of other dialects.
  Value lowerValue(Operation *op) {
    return TypeSwitch<Operation *, Value>(op)
        .Case([&](plan::CountOp) { return toIndex(count()); })
        .Case([&](plan::PositionOp) { return toIndex(loadSequence(SEQUENCE_FIELD(position), i64)); })
        .Case([&](plan::OffsetOp offset) {
          return toIndex(constant(offsetOf(offset.getSymbolAttr(), offset.getPlane())));
        })
        .Case([&](plan::RowNumberOp number) {
          return toIndex(loadCell(number.getTable(), number.getRow(), number.getColumn()));
        })
        .Default(Value());
  }

  /// A table becomes an array of offsets (or numbers), one row after the other.
  void lowerTable(plan::TableOp table) {
    SmallVector<int64_t> cells;
    for (Attribute row : table.getRows())
      for (auto [cell, plane] : llvm::zip(cast<ArrayAttr>(row), table.getPlanes()))
        cells.push_back(plane < 0 ? cast<IntegerAttr>(cell).getInt()
                                  : offsetOf(cast<FlatSymbolRefAttr>(cell), plane));
    builder.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(i64, cells.size());
    auto values = DenseElementsAttr::get(RankedTensorType::get({static_cast<int64_t>(cells.size())}, i64),
                                         ArrayRef<int64_t>(cells));
    LLVM::GlobalOp::create(builder, table.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                           (table.getSymName() + "_cells").str(), values);
  }

  int64_t offsetOf(FlatSymbolRefAttr name, int64_t plane) {
    Operation *symbol = SymbolTable::lookupSymbolIn(module, name.getAttr());
    if (auto weight = dyn_cast<plan::WeightOp>(symbol))
      return weight.getOffsets()[plane];
    return cast<plan::CacheOp>(symbol).getOffsets()[plane];
  }

  Value loadCell(StringRef table, Value row, int64_t column) {
    auto op = cast<plan::TableOp>(SymbolTable::lookupSymbolIn(module, table));
    int64_t columns = op.getPlanes().size();
    Value base = LLVM::AddressOfOp::create(builder, location, pointer, (table + "_cells").str());
    Value cell = LLVM::AddOp::create(builder, location,
                                     LLVM::MulOp::create(builder, location, toI64(row), constant(columns)),
                                     constant(column));
    Value address = LLVM::GEPOp::create(builder, location, pointer, i64, base, ArrayRef<LLVM::GEPArg>{cell});
    return LLVM::LoadOp::create(builder, location, i64, address);
  }

  /// Loads are invariant: neither the step nor the sequences and port arrays that it points to change during
  /// a call.
  Value load(Value address, Type type) {
    return LLVM::LoadOp::create(builder, location, type, address, /*alignment=*/0, /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/true);
  }
  Value field(Type type, Value base, ArrayRef<LLVM::GEPArg> indices) {
    return LLVM::GEPOp::create(builder, location, pointer, type, base, indices);
  }
  Value loadStep(int32_t number, Type type) { return load(field(step, stepPointer, {0, number}), type); }
  /// Loads a field of the step's only sequence.
  Value loadSequence(int32_t number, Type type) {
    Value sequences = loadStep(STEP_FIELD(sequences), pointer);
    return load(field(sequence, sequences, {0, number}), type);
  }
  Value count() { return loadStep(STEP_FIELD(count), i64); }
  Value base(plan::ViewOp view) {
    switch (view.getMemory()) {
    case plan::Memory::weights:
      return loadStep(STEP_FIELD(weights), pointer);
    case plan::Memory::cache:
      return loadSequence(SEQUENCE_FIELD(cache), pointer);
    case plan::Memory::arena:
      return loadStep(STEP_FIELD(arena), pointer);
    case plan::Memory::input:
    case plan::Memory::output:
      bool input = view.getMemory() == plan::Memory::input;
      Value arrays = loadStep(input ? STEP_FIELD(inputs) : STEP_FIELD(outputs), pointer);
      return load(field(pointer, arrays, {static_cast<int32_t>(*view.getPort())}), pointer);
    }
    llvm_unreachable("memories are listed above");
  }
  Value addressOf(plan::ViewOp view) {
    Value address = at(base(view), constant(static_cast<int64_t>(view.getBytes())));
    return view.getBeyond() ? at(address, toI64(view.getBeyond())) : address;
  }
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, location, i64, builder.getI64IntegerAttr(value));
  }
  Value at(Value base, Value bytes) {
    return LLVM::GEPOp::create(builder, location, pointer, builder.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{bytes});
  }
  Value toIndex(Value value) {
    return arith::IndexCastOp::create(builder, location, builder.getIndexType(), value);
  }
  Value toI64(Value index) { return arith::IndexCastOp::create(builder, location, i64, index); }

  /// Fills the argument block and passes the thunk to the step's `parallel` function, as one piece if the
  /// plan does not split the call.
  void lowerCall(plan::CallOp call) {
    LLVM::LLVMFuncOp thunk = thunks.thunkOf(call);
    LLVM::LLVMStructType type = thunks.argumentsType(call);
    Value block;
    {
      // Allocate in the entry block, so that a loop does not grow the stack.
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(entry);
      Value one = constant(1);
      block = LLVM::AllocaOp::create(builder, location, pointer, type, one);
    }
    int32_t field = 0;
    auto put = [&](Value value) {
      Value address =
          LLVM::GEPOp::create(builder, location, pointer, type, block, ArrayRef<LLVM::GEPArg>{0, field++});
      LLVM::StoreOp::create(builder, location, value, address);
    };
    for (Value operand : call.getOperands_()) {
      auto view = operand.getDefiningOp<plan::ViewOp>();
      put(addressOf(view));
      for (Value size : view.getSizes())
        put(toI64(size));
    }
    Value pieces;
    if (call.getAxis()) {
      Value grain = constant(*call.getGrain());
      Value rounded = LLVM::AddOp::create(builder, location, sharedSize(call),
                                          constant(static_cast<int64_t>(*call.getGrain()) - 1));
      pieces = LLVM::TruncOp::create(builder, location, i32,
                                     LLVM::SDivOp::create(builder, location, rounded, grain));
    } else {
      pieces = LLVM::ConstantOp::create(builder, location, i32, builder.getI32IntegerAttr(1));
    }
    Value task = LLVM::AddressOfOp::create(builder, location, thunk);
    auto parallel =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, pointer, pointer, i32, i32});
    auto callNumber = static_cast<int32_t>(*call.getNumber());
    calls = std::max(calls, callNumber + 1);
    Value number = LLVM::ConstantOp::create(builder, location, i32, builder.getI32IntegerAttr(callNumber));
    LLVM::CallOp::create(builder, location, parallel,
                         ValueRange{loadStep(STEP_FIELD(parallel), pointer),
                                    loadStep(STEP_FIELD(pool), pointer), task, block, pieces, number});
  }

  /// The size of the last output along the axis that is split.
  Value sharedSize(plan::CallOp call) {
    auto view = call.getOperands_().back().getDefiningOp<plan::ViewOp>();
    auto type = cast<MemRefType>(view.getType());
    auto axis = static_cast<unsigned>(*call.getAxis());
    if (!type.isDynamicDim(axis))
      return constant(type.getDimSize(axis));
    return toI64(view.getSizes()[type.getDynamicDimIndex(axis)]);
  }

  ModuleOp module;
  MLIRContext *context;
  OpBuilder builder;
  Thunks thunks;
  Type pointer, i64, i32;
  LLVM::LLVMStructType step, sequence;
  int32_t calls = 0; ///< one more than the highest number
  Location location = UnknownLoc::get(context);
  Value stepPointer;
  Block *entry = nullptr;
};

LogicalResult convertToLLVM(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertFuncToLLVMPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  return passes.run(module);
}

/// Emission needs final addresses, sizes and numbers for all calls.
LogicalResult checkFinished(ModuleOp module) {
  WalkResult result = module.walk([](plan::CallOp call) {
    for (Value operand : call.getOperands_())
      if (!operand.getDefiningOp<plan::ViewOp>())
        return WalkResult(call.emitOpError("takes ") << operand << ", which is no plan.view: the pass "
                                                     << "plan-place-arguments has not run");
    if (!call.getNumber())
      return WalkResult(call.emitOpError("has no number"));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

} // namespace

LogicalResult lowerPlanToLLVM(ModuleOp module, const Target &target, const EmitOptions &options) {
  FailureOr<std::vector<plan::Entry>> entries = plan::entriesOf(module);
  FailureOr<plan::Rings> rings = plan::ringsOf(module);
  if (failed(entries) || failed(rings) || failed(checkFinished(module)))
    return failure();
  PlanLowering lowering(module);
  lowering.lower();
  if (failed(convertToLLVM(module)))
    return failure();
  defineModel(module, target, options, *entries, *rings, lowering.callCount());
  return success();
}

} // namespace gemmac
