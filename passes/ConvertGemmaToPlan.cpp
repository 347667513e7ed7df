//===- ConvertGemmaToPlan.cpp - tensors become buffers, ops become kernel calls -------------------------===//
//
// Each op becomes a call of the kernel in its `gemma.kernel`. Arguments are in the kernel's order:
// operands, planes of weights and caches, results, with the axes that the op's KernelOp gives. A
// quantized value is three buffers: bytes, scales, sums. Results reuse operands' buffers where
// possible (TensorBuffers.h), so the residual stream is one buffer from the first layer to the
// last.

#include "contract/CacheLayout.h"
#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"
#include "dialects/plan/KernelSpecs.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/EntryPorts.h"
#include "passes/Passes.h"
#include "passes/TensorBuffers.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_CONVERTGEMMATOPLAN
#include "passes/Passes.h.inc"
namespace {

class FunctionConverter {
public:
  FunctionConverter(func::FuncOp source, const EntryPorts &ports)
      : source(source), ports(ports), builder(func::FuncOp(ports.entry).getBody()),
        symbols(source->getParentOfType<ModuleOp>()), buffers(source) {}

  LogicalResult convert();

private:
  LogicalResult convert(Operation &op);
  void slice(gemma::SliceOp op);
  /// Calls the kernel in the op's attribute `<role>kernel`, by default `gemma.kernel`.
  void call(Operation *op, ArrayRef<Value> arguments, int64_t outputs, StringRef role = "gemma.");
  void spanBySpan(gemma::CachedAttentionOp op);

  Value flat(Value buffer) { return gemmac::flat(buffer, builder, location); }
  Value withAxes(gemma::KernelAxes axes, Value part, const Buffer &whole, bool isResult);
  void appendPlanes(FlatSymbolRefAttr symbol, SmallVectorImpl<Value> &arguments);
  /// Appends the planes of all weights and caches that the op's kernel reads, or of those that it writes.
  void appendStorage(Operation *op, bool written, SmallVectorImpl<Value> &arguments);

  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, location, value); }

  func::FuncOp source;
  const EntryPorts &ports;
  OpBuilder builder;
  SymbolTable symbols;
  Location location = source.getLoc();
  Value position, count;
  TensorBuffers buffers;
};

/// The producer of quantized rows writes them as (tokens, blocks, numbers of a block).
Value FunctionConverter::withAxes(gemma::KernelAxes axes, Value part, const Buffer &whole, bool isResult) {
  switch (axes) {
  case gemma::KernelAxes::asTheyAre:
    return part;
  case gemma::KernelAxes::flat:
    return flat(part);
  case gemma::KernelAxes::rows:
    if (!isResult || !whole.scales)
      return threeAxes(part, whole.rows, builder, location);
    return inBlocks(part, whole.rows,
                    cast<MemRefType>(flat(whole.scales).getType()).getDimSize(1) / kScalesOfBlock, builder,
                    location);
  }
  llvm_unreachable("axes are listed above");
}

void FunctionConverter::appendPlanes(FlatSymbolRefAttr symbol, SmallVectorImpl<Value> &arguments) {
  auto weight = symbols.lookup<plan::WeightOp>(symbol.getAttr());
  ArrayAttr planes =
      weight ? weight.getPlanes() : symbols.lookup<plan::CacheOp>(symbol.getAttr()).getPlanes();
  for (auto [plane, type] : llvm::enumerate(planes.getAsValueRange<TypeAttr>()))
    arguments.push_back(plan::GetOp::create(builder, location, type, symbol.getValue(), plane));
}

void FunctionConverter::appendStorage(Operation *op, bool written, SmallVectorImpl<Value> &arguments) {
  for (const gemma::Storage &storage : gemma::storageOf(op))
    if ((storage.role == gemma::StorageRole::writtenCache) == written)
      appendPlanes(storage.symbol, arguments);
}

void FunctionConverter::call(Operation *op, ArrayRef<Value> arguments, int64_t outputs, StringRef role) {
  auto parallel = op->getAttrOfType<DenseI64ArrayAttr>((role + "parallel").str());
  IntegerAttr axis, grain;
  if (parallel) {
    axis = builder.getI64IntegerAttr(parallel[0]);
    grain = builder.getI64IntegerAttr(parallel[1]);
  }
  plan::CallOp::create(builder, location, op->getAttrOfType<plan::KernelAttr>((role + "kernel").str()),
                       arguments, outputs, axis, grain, /*number=*/IntegerAttr(), /*layer=*/IntegerAttr());
}

void FunctionConverter::slice(gemma::SliceOp op) {
  Buffer whole = buffers.lookup(op.getX());
  auto type = cast<MemRefType>(whole.data.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)), sizes,
      strides(type.getRank(), builder.getIndexAttr(1));
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    sizes.push_back(axis == 0 ? OpFoldResult(whole.rows) : builder.getIndexAttr(type.getDimSize(axis)));
  int64_t axis = op.getAxis();
  sizes[axis] =
      builder.getIndexAttr(op.getDrop() ? 1 : cast<RankedTensorType>(op.getType()).getDimSize(axis));
  // Slices of one layer differ between layers only in this index. As a value, not an attribute, it lets
  // layers share a procedure.
  if (op.getDrop())
    offsets[axis] = index(op.getOffset());
  else
    offsets[axis] = builder.getIndexAttr(op.getOffset());
  MemRefType resultType;
  if (op.getDrop())
    resultType = memref::SubViewOp::inferRankReducedResultType(
        cast<RankedTensorType>(op.getType()).getShape(), type, offsets, sizes, strides);
  else
    resultType = memref::SubViewOp::inferResultType(type, offsets, sizes, strides);
  Value view = memref::SubViewOp::create(builder, location, resultType, whole.data, offsets, sizes, strides);
  buffers.set(op.getResult(), {view, {}, {}, whole.rows});
}

/// Calls attention_spans, one piece for each kv head of each span that the token sees, then merge_spans.
void FunctionConverter::spanBySpan(gemma::CachedAttentionOp op) {
  Value result = buffers.lookup(op.getResult()).data;
  SmallVector<Value> arguments;
  for (Value operand : op->getOperands())
    arguments.push_back(buffers.lookup(operand).data);
  appendStorage(op, /*written=*/false, arguments);
  auto spans = op->getAttrOfType<plan::KernelAttr>("gemma.kernel");
  auto constant = [&](StringRef name) {
    return spans.getConstants().getAs<IntegerAttr>(name).getValue().getSExtValue();
  };
  int64_t heads = constant("heads"), kvHeads = constant("kv_heads"), dim = constant("dim");
  Value count;
  if (int64_t window = constant("window")) {
    // The upper bound of the number of spans that a window overlaps.
    count = index((llvm::divideCeil(window - 1, kSpan) + 1) * kvHeads);
  } else {
    Value before = arith::DivUIOp::create(builder, location, position, index(kSpan));
    count = arith::AddIOp::create(builder, location, before, index(1));
    count = arith::MulIOp::create(builder, location, count, index(kvHeads));
  }
  auto type = MemRefType::get({ShapedType::kDynamic, heads / kvHeads, dim + kGroup}, builder.getF32Type());
  Value parts = memref::AllocOp::create(builder, location, type, ValueRange{count});
  arguments.push_back(parts);
  call(op, arguments, 1);
  call(op, {parts, result}, 1, "gemma.merge_");
}

LogicalResult FunctionConverter::convert(Operation &op) {
  location = op.getLoc();
  if (isa<func::ReturnOp>(op))
    return success();
  if (auto view = dyn_cast<gemma::SliceOp>(op)) {
    slice(view);
    return success();
  }
  for (Value result : op.getResults())
    buffers.allocate(result, count, builder, location);
  if (op.hasAttr("gemma.merge_kernel")) {
    spanBySpan(cast<gemma::CachedAttentionOp>(op));
    return success();
  }

  gemma::KernelAxes axes = cast<gemma::KernelOp>(op).getKernelAxes();
  SmallVector<Value> arguments;
  auto append = [&](Value value, bool isResult) {
    Buffer buffer = buffers.lookup(value);
    for (Value part : {buffer.data, buffer.scales, buffer.sums})
      if (part)
        arguments.push_back(withAxes(axes, part, buffer, isResult));
  };
  for (Value operand : op.getOperands())
    append(operand, /*isResult=*/false);
  appendStorage(&op, /*written=*/false, arguments);

  size_t inputs = arguments.size();
  appendStorage(&op, /*written=*/true, arguments);
  for (Value result : op.getResults())
    append(result, /*isResult=*/true);
  call(&op, arguments, arguments.size() - inputs);
  return success();
}

LogicalResult FunctionConverter::convert() {
  count = plan::CountOp::create(builder, location, builder.getIndexType());
  position = plan::PositionOp::create(builder, location, builder.getIndexType());
  for (auto [tensor, port] : ports.inputs)
    buffers.set(tensor, {port, {}, {}, count});
  for (auto [tensor, port] : ports.outputs)
    buffers.setReturned(tensor, {port, {}, {}, count});

  for (Operation &op : source.getBody().getOps()) {
    Block::iterator last = std::prev(builder.getInsertionPoint());
    if (failed(convert(op)))
      return failure();
    if (Attribute layer = op.getAttr("gemma.layer"))
      for (auto it = std::next(last); it != builder.getInsertionPoint(); ++it)
        it->setAttr("gemma.layer", layer);
  }
  location = source.getLoc();
  func::ReturnOp::create(builder, location);
  return success();
}

struct ConvertGemmaToPlan : impl::ConvertGemmaToPlanBase<ConvertGemmaToPlan> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto weight : llvm::make_early_inc_range(module.getOps<gemma::WeightOp>()))
      convertWeight(weight);
    for (auto cache : llvm::make_early_inc_range(module.getOps<gemma::CacheOp>()))
      convertCache(cache);
    for (auto function : llvm::to_vector(module.getOps<func::FuncOp>())) {
      FailureOr<EntryPorts> ports = makeEntry(function);
      if (failed(ports) || failed(FunctionConverter(function, *ports).convert()))
        return signalPassFailure();
      StringAttr name = function.getSymNameAttr();
      function.erase();
      ports->entry.setSymNameAttr(name);
    }
  }

private:
  void convertWeight(gemma::WeightOp weight) {
    OpBuilder builder(weight);
    RankedTensorType type = weight.getTensorType();
    ArrayRef<int64_t> shape = type.getShape();
    WeightShape logical = {shape.size() == 3 ? shape[0] : 0, shape.size() == 1 ? 1 : shape[shape.size() - 2],
                           shape.back()};
    Layout layout = *findLayout(weight->getAttrOfType<StringAttr>(gemma::kLayoutAttr).getValue());
    Scheme scheme = weight.getScheme();
    SmallVector<Type> planes;
    for (const Plane &plane : planesOf(layout, scheme, logical))
      planes.push_back(MemRefType::get(plane.shape, elementTypeOf(plane.element, builder)));
    plan::WeightOp::create(builder, weight.getLoc(), weight.getSymName(), layout,
                           builder.getTypeArrayAttr(planes), ArrayRef<int64_t>{}, shape, scheme,
                           weight.getAddOne(), weight.getSources());
    weight.erase();
  }

  void convertCache(gemma::CacheOp cache) {
    OpBuilder builder(cache);
    ArrayRef<int64_t> shape = cache.getTensorType().getShape();
    SmallVector<Type> planes;
    for (const Plane &plane : cachePlanesOf(cache.getScheme(), shape[0], shape[1], shape[2],
                                            static_cast<int64_t>(cache.getPairs().value_or(0))))
      planes.push_back(MemRefType::get(plane.shape, elementTypeOf(plane.element, builder)));
    plan::CacheOp::create(builder, cache.getLoc(), cache.getSymName(), builder.getTypeArrayAttr(planes),
                          ArrayRef<int64_t>{});
    cache.erase();
  }
};

} // namespace
} // namespace gemmac
