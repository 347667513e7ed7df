//===- Thunks.cpp - how a plan calls a Halide kernel ----------------------------------------------------===//

#include "targets/emit/Thunks.h"
#include "dialects/plan/KernelSpecs.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace gemmac {
namespace {

Type pointer(MLIRContext *context) {
  return LLVM::LLVMPointerType::get(context);
}

/// halide_type_t as a little-endian 32-bit word: code, bits, lanes.
int32_t halideType(Type element) {
  int32_t code = element.isFloat() ? 2 : 0, bits = element.getIntOrFloatBitWidth();
  return code | bits << 8 | 1 << 16;
}

/// halide_buffer_t: device, device_interface, host, flags, type, dimensions, dim, padding.
LLVM::LLVMStructType halideBuffer(MLIRContext *context) {
  Type i64 = IntegerType::get(context, 64), i32 = IntegerType::get(context, 32), ptr = pointer(context);
  return LLVM::LLVMStructType::getLiteral(context, {i64, ptr, ptr, i64, i32, i32, ptr, ptr});
}

/// Size and stride of one memref axis in the thunk; Halide counts both in 32 bits, addresses have 64.
struct Axis {
  Value size, stride; ///< i64
};

class ThunkWriter {
public:
  ThunkWriter(plan::CallOp call, LLVM::LLVMFuncOp thunk, LLVM::LLVMFuncOp kernel,
              LLVM::LLVMStructType arguments)
      : call(call), thunk(thunk), kernel(kernel), arguments(arguments), builder(thunk.getContext()),
        location(thunk.getLoc()) {}

  void write() {
    builder.setInsertionPointToStart(thunk.addEntryBlock(builder));
    int64_t operands = call.getOperands_().size(),
            firstOutput = operands - static_cast<int64_t>(call.getOutputs());
    SmallVector<Value> kernelArguments;
    for (auto [number, type] : llvm::enumerate(call.getOperands_().getTypes()))
      kernelArguments.push_back(buffer(cast<MemRefType>(type), static_cast<int64_t>(number) >= firstOutput));
    LLVM::CallOp::create(builder, location, kernel, kernelArguments);
    LLVM::ReturnOp::create(builder, location, ValueRange{});
  }

private:
  Value i64(int64_t value) {
    return LLVM::ConstantOp::create(builder, location, builder.getI64Type(),
                                    builder.getI64IntegerAttr(value));
  }
  Value i32(int32_t value) {
    return LLVM::ConstantOp::create(builder, location, builder.getI32Type(),
                                    builder.getI32IntegerAttr(value));
  }
  Value narrow(Value value) { return LLVM::TruncOp::create(builder, location, builder.getI32Type(), value); }
  Value widen(Value value) { return LLVM::SExtOp::create(builder, location, builder.getI64Type(), value); }
  Value add(Value a, Value b) { return LLVM::AddOp::create(builder, location, a, b); }
  Value multiply(Value a, Value b) { return LLVM::MulOp::create(builder, location, a, b); }

  Value nextArgument() {
    Value address = LLVM::GEPOp::create(builder, location, pointer(builder.getContext()), arguments,
                                        thunk.getArgument(0), ArrayRef<LLVM::GEPArg>{0, field});
    return LLVM::LoadOp::create(builder, location, arguments.getBody()[field++], address);
  }

  void store(Value base, Type type, int32_t index, Value value) {
    Value address = LLVM::GEPOp::create(builder, location, pointer(builder.getContext()), type, base,
                                        ArrayRef<LLVM::GEPArg>{0, index});
    LLVM::StoreOp::create(builder, location, value, address);
  }

  Value buffer(MemRefType type, bool output) {
    MLIRContext *context = builder.getContext();
    Value host = nextArgument();
    SmallVector<int64_t> strides;
    int64_t offset;
    [[maybe_unused]] LogicalResult strided = type.getStridesAndOffset(strides, offset);
    assert(succeeded(strided) && "kernels take strided buffers");
    SmallVector<Axis> axes(type.getRank());
    for (auto [axis, size] : llvm::zip(axes, type.getShape()))
      axis.size = ShapedType::isDynamic(size) ? nextArgument() : i64(size);
    for (auto [axis, stride] : llvm::zip(axes, strides))
      axis.stride = i64(stride);

    auto dimsType = LLVM::LLVMArrayType::get(builder.getI32Type(), 4 * type.getRank());
    Value dims = LLVM::AllocaOp::create(builder, location, pointer(context), dimsType, i32(1));
    for (auto [number, axis] : llvm::enumerate(axes)) {
      Value minimum = i64(0), extent = axis.size;
      if (output && call.getAxis() && *call.getAxis() == number) {
        // A piece is `grain` indices; the last one may be shorter.
        Value grain = i64(*call.getGrain());
        minimum = multiply(widen(thunk.getArgument(1)), grain);
        Value end = multiply(widen(thunk.getArgument(2)), grain);
        end = LLVM::SMinOp::create(builder, location, end, axis.size);
        extent = LLVM::SubOp::create(builder, location, end, minimum);
        host = LLVM::GEPOp::create(builder, location, pointer(context), type.getElementType(), host,
                                   ArrayRef<LLVM::GEPArg>{multiply(minimum, axis.stride)});
      }
      // Halide's first dimension is the last axis.
      int32_t at = 4 * (type.getRank() - 1 - static_cast<int32_t>(number));
      store(dims, dimsType, at, narrow(minimum));
      store(dims, dimsType, at + 1, narrow(extent));
      store(dims, dimsType, at + 2, narrow(axis.stride));
      store(dims, dimsType, at + 3, i32(0));
    }
    Type bufferType = halideBuffer(context);
    Value result = LLVM::AllocaOp::create(builder, location, pointer(context), bufferType, i32(1));
    Value null = LLVM::ZeroOp::create(builder, location, pointer(context));
    Value fields[] = {i64(0), null, host, i64(0), i32(halideType(type.getElementType())), i32(type.getRank()),
                      dims,   null};
    for (auto [number, value] : llvm::enumerate(fields))
      store(result, bufferType, number, value);
    return result;
  }

  plan::CallOp call;
  LLVM::LLVMFuncOp thunk, kernel;
  LLVM::LLVMStructType arguments;
  OpBuilder builder;
  Location location;
  int32_t field = 0;
};

} // namespace

LLVM::LLVMStructType Thunks::argumentsType(plan::CallOp call) {
  MLIRContext *context = call.getContext();
  Type i64 = IntegerType::get(context, 64);
  SmallVector<Type> fields;
  for (Type type : call.getOperands_().getTypes()) {
    fields.push_back(pointer(context));
    fields.append(static_cast<size_t>(cast<MemRefType>(type).getNumDynamicDims()), i64);
  }
  return LLVM::LLVMStructType::getLiteral(context, fields);
}

LLVM::LLVMFuncOp Thunks::kernelOf(plan::CallOp call) {
  std::string symbol = specOf(call.getKernel()).symbol();
  LLVM::LLVMFuncOp &kernel = kernels[symbol];
  if (kernel)
    return kernel;
  MLIRContext *context = module.getContext();
  SmallVector<Type> types(call.getOperands_().size(), pointer(context));
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(IntegerType::get(context, 32), types);
  return kernel = LLVM::LLVMFuncOp::create(builder, UnknownLoc::get(context), symbol, type);
}

LLVM::LLVMFuncOp Thunks::thunkOf(plan::CallOp call) {
  // The offset of a slice is part of its address, so slices that differ only in offset share a thunk.
  std::string key;
  llvm::raw_string_ostream stream(key);
  stream << call.getKernel() << call.getOutputs() << ' ' << call.getAxis().value_or(0) << ' '
         << call.getGrain().value_or(0);
  for (Type type : call.getOperands_().getTypes()) {
    auto memref = cast<MemRefType>(type);
    SmallVector<int64_t> strides;
    int64_t offset;
    [[maybe_unused]] LogicalResult strided = memref.getStridesAndOffset(strides, offset);
    stream << memref.getElementType();
    llvm::interleave(memref.getShape(), stream, "x");
    stream << ':';
    llvm::interleave(strides, stream, ",");
    stream << ';';
  }
  LLVM::LLVMFuncOp &thunk = thunks[key];
  if (thunk)
    return thunk;
  LLVM::LLVMFuncOp kernel = kernelOf(call);
  MLIRContext *context = module.getContext();
  Type i32 = IntegerType::get(context, 32);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer(context), i32, i32});
  // Numbered in the order of first use, which the plan fixes.
  std::string name = (kernel.getName() + "_task" + llvm::Twine(thunks.size() - 1)).str();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  thunk = LLVM::LLVMFuncOp::create(builder, UnknownLoc::get(context), name, type, LLVM::Linkage::Internal);
  ThunkWriter(call, thunk, kernel, argumentsType(call)).write();
  return thunk;
}

} // namespace gemmac
