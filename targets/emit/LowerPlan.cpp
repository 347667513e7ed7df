//===- LowerPlan.cpp - plan to the LLVM dialect ---------------------------------------------------------===//
//
// Every function gets the step (gemmac_step of model.h) as its first argument; the ops of the plan become
// loads from it, addresses and calls of thunks. The rest (func, memref, scf, arith) goes through upstream
// conversions.

#include "dialects/plan/Entries.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
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
      : module(module), context(module.getContext()), builder(context), converter(context), thunks(module),
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

  /// Of the plan.
  uint32_t callCount() const { return static_cast<uint32_t>(calls); }

private:
  enum class Memory { weights, cache };
  struct Place {
    Memory memory;
    int64_t offset;
  };

  void lowerFunction(func::FuncOp function) {
    [[maybe_unused]] LogicalResult inserted = function.insertArgument(0, pointer, {}, function.getLoc());
    function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
    stepPointer = function.getArgument(0);
    entry = &function.getBody().front();
    if (!function.isPrivate())
      lowerPorts(function);
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
  }

  /// The arguments of an entry are arrays of the step, inputs before outputs.
  void lowerPorts(func::FuncOp function) {
    builder.setInsertionPointToStart(entry);
    location = function.getLoc();
    int32_t inputs = 0, outputs = 0;
    llvm::BitVector ports(function.getNumArguments(), true);
    ports.reset(0);
    for (BlockArgument argument : function.getArguments().drop_front()) {
      bool isInput = bool(function.getArgAttr(argument.getArgNumber(), plan::kInputAttr));
      int32_t number = isInput ? inputs++ : outputs++;
      if (argument.use_empty())
        continue;
      Value arrays = loadStep(isInput ? STEP_FIELD(inputs) : STEP_FIELD(outputs), pointer);
      Value address = load(field(pointer, arrays, {number}), pointer);
      argument.replaceAllUsesWith(memory(cast<MemRefType>(argument.getType()), address, count()));
    }
    [[maybe_unused]] LogicalResult erased = function.eraseArguments(ports);
  }

  /// Null for ops that are not the plan's.
  Value lowerValue(Operation *op) {
    return TypeSwitch<Operation *, Value>(op)
        .Case([&](plan::CountOp) { return toIndex(count()); })
        .Case([&](plan::PositionOp) { return toIndex(loadSequence(SEQUENCE_FIELD(position), i64)); })
        .Case([&](plan::ArenaOp arena) {
          Value rows = arena.getSizes().empty() ? Value() : toI64(arena.getSizes().front());
          return memory(cast<MemRefType>(arena.getType()),
                        at(loadStep(STEP_FIELD(arena), pointer), constant(arena.getOffset())), rows);
        })
        .Case([&](plan::GetOp get) {
          Place place = placeOf(get.getSymbolAttr(), get.getPlane());
          return memory(cast<MemRefType>(get.getType()), at(base(place.memory), constant(place.offset)), {});
        })
        .Case([&](plan::RowGetOp get) {
          Memory where = memoryOf(get.getTable(), get.getColumn());
          Value offset = loadCell(get.getTable(), get.getRow(), get.getColumn());
          return memory(cast<MemRefType>(get.getType()), at(base(where), offset), {});
        })
        .Case([&](plan::RowNumberOp number) {
          return toIndex(loadCell(number.getTable(), number.getRow(), number.getColumn()));
        })
        .Default(Value());
  }

  /// A table is an array of offsets (or numbers), row after row.
  void lowerTable(plan::TableOp table) {
    SmallVector<int64_t> cells;
    for (Attribute row : table.getRows())
      for (auto [cell, plane] : llvm::zip(cast<ArrayAttr>(row), table.getPlanes()))
        cells.push_back(plane < 0 ? cast<IntegerAttr>(cell).getInt()
                                  : placeOf(cast<FlatSymbolRefAttr>(cell), plane).offset);
    builder.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(i64, cells.size());
    auto values = DenseElementsAttr::get(RankedTensorType::get({static_cast<int64_t>(cells.size())}, i64),
                                         ArrayRef<int64_t>(cells));
    LLVM::GlobalOp::create(builder, table.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                           (table.getSymName() + "_cells").str(), values);
  }

  Place placeOf(FlatSymbolRefAttr name, int64_t plane) {
    Operation *symbol = SymbolTable::lookupSymbolIn(module, name.getAttr());
    if (auto weight = dyn_cast<plan::WeightOp>(symbol))
      return {Memory::weights, weight.getOffsets()[plane]};
    return {Memory::cache, cast<plan::CacheOp>(symbol).getOffsets()[plane]};
  }

  Memory memoryOf(StringRef table, int64_t column) {
    auto op = cast<plan::TableOp>(SymbolTable::lookupSymbolIn(module, table));
    auto first = cast<FlatSymbolRefAttr>(cast<ArrayAttr>(op.getRows()[0])[column]);
    return placeOf(first, op.getPlanes()[column]).memory;
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

  /// Neither the step nor what it points to for the call's facts changes while it runs.
  Value load(Value address, Type type) {
    return LLVM::LoadOp::create(builder, location, type, address, /*alignment=*/0, /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/true);
  }
  Value field(Type type, Value base, ArrayRef<LLVM::GEPArg> indices) {
    return LLVM::GEPOp::create(builder, location, pointer, type, base, indices);
  }
  Value loadStep(int32_t number, Type type) { return load(field(step, stepPointer, {0, number}), type); }
  /// Of the only sequence that a step has.
  Value loadSequence(int32_t number, Type type) {
    Value sequences = loadStep(STEP_FIELD(sequences), pointer);
    return load(field(sequence, sequences, {0, number}), type);
  }
  Value count() { return loadStep(STEP_FIELD(count), i64); }
  Value base(Memory memory) {
    return memory == Memory::weights ? loadStep(STEP_FIELD(weights), pointer)
                                     : loadSequence(SEQUENCE_FIELD(cache), pointer);
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

  /// A memref at an address; `rows` is the size of the first axis where that is dynamic.
  Value memory(MemRefType type, Value address, Value rows) {
    MemRefDescriptor descriptor = MemRefDescriptor::poison(builder, location, converter.convertType(type));
    descriptor.setAllocatedPtr(builder, location, address);
    descriptor.setAlignedPtr(builder, location, address);
    descriptor.setConstantOffset(builder, location, 0);
    int64_t stride = 1;
    for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
      int64_t size = type.getDimSize(axis);
      descriptor.setConstantStride(builder, location, axis, stride);
      if (ShapedType::isDynamic(size))
        descriptor.setSize(builder, location, axis, rows);
      else
        descriptor.setConstantSize(builder, location, axis, size);
      stride *= ShapedType::isDynamic(size) ? 1 : size;
    }
    Value value = descriptor;
    return UnrealizedConversionCastOp::create(builder, location, type, value).getResult(0);
  }

  /// Fills the block of arguments and hands the thunk to the step, in one piece where the plan shares out
  /// nothing.
  void lowerCall(plan::CallOp call) {
    LLVM::LLVMFuncOp thunk = thunks.thunkOf(call);
    LLVM::LLVMStructType type = thunks.argumentsType(call);
    Value block;
    {
      // In the entry block, so that a loop does not grow the stack.
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
    Value shared; // the size of what is shared out
    for (Value operand : call.getOperands_()) {
      auto memref = dyn_cast<MemRefType>(operand.getType());
      if (!memref) {
        put(arith::IndexCastOp::create(builder, location, i32, operand));
        continue;
      }
      MemRefDescriptor descriptor(
          UnrealizedConversionCastOp::create(builder, location, converter.convertType(memref), operand)
              .getResult(0));
      SmallVector<int64_t> strides;
      int64_t offset;
      [[maybe_unused]] LogicalResult strided = memref.getStridesAndOffset(strides, offset);
      put(LLVM::GEPOp::create(builder, location, pointer, converter.convertType(memref.getElementType()),
                              descriptor.alignedPtr(builder, location),
                              ArrayRef<LLVM::GEPArg>{descriptor.offset(builder, location)}));
      for (int64_t axis = 0; axis < memref.getRank(); ++axis)
        if (memref.isDynamicDim(axis))
          put(descriptor.size(builder, location, axis));
      for (auto [axis, stride] : llvm::enumerate(strides))
        if (ShapedType::isDynamic(stride))
          put(descriptor.stride(builder, location, axis));
      if (call.getAxis())
        if (int64_t axis = *call.getAxis(); axis < memref.getRank())
          shared = memref.isDynamicDim(axis) ? descriptor.size(builder, location, axis)
                                             : constant(memref.getDimSize(axis));
    }
    Value pieces;
    if (call.getAxis()) {
      Value grain = constant(*call.getGrain());
      Value rounded = LLVM::AddOp::create(builder, location, shared,
                                          constant(static_cast<int64_t>(*call.getGrain()) - 1));
      pieces = LLVM::TruncOp::create(builder, location, i32,
                                     LLVM::SDivOp::create(builder, location, rounded, grain));
    } else {
      pieces = LLVM::ConstantOp::create(builder, location, i32, builder.getI32IntegerAttr(1));
    }
    Value task = LLVM::AddressOfOp::create(builder, location, thunk);
    auto parallel =
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, pointer, pointer, i32, i32});
    Value number = LLVM::ConstantOp::create(builder, location, i32, builder.getI32IntegerAttr(calls++));
    LLVM::CallOp::create(builder, location, parallel,
                         ValueRange{loadStep(STEP_FIELD(parallel), pointer),
                                    loadStep(STEP_FIELD(pool), pointer), task, block, pieces, number});
  }

  ModuleOp module;
  MLIRContext *context;
  OpBuilder builder;
  LLVMTypeConverter converter;
  Thunks thunks;
  Type pointer, i64, i32;
  LLVM::LLVMStructType step, sequence;
  int32_t calls = 0; ///< lowered so far: the number of the next one
  Location location = UnknownLoc::get(context);
  Value stepPointer;
  Block *entry = nullptr;
};

LogicalResult convertToLLVM(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  passes.addPass(createConvertFuncToLLVMPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  return passes.run(module);
}

} // namespace

LogicalResult lowerPlanToLLVM(ModuleOp module, const Target &target, const EmitOptions &options) {
  FailureOr<std::vector<plan::Entry>> entries = plan::entriesOf(module);
  if (failed(entries))
    return failure();
  PlanLowering lowering(module);
  lowering.lower();
  if (failed(convertToLLVM(module)))
    return failure();
  defineModel(module, target, options, *entries, lowering.callCount());
  return success();
}

} // namespace gemmac
