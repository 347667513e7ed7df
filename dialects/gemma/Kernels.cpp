//===- Kernels.cpp - the kernel of each op, and the weights and caches that it takes --------------------===//
// The table of kernels defines families and constants; storage is in the order of a kernel's
// arguments.

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Shapes.h"
#include "dialects/gemma/Stored.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace gemmac::gemma {

using StorageList = llvm::SmallVector<Storage>;

/// Skips optional symbols that the op does not have.
static StorageList vectors(std::initializer_list<FlatSymbolRefAttr> symbols) {
  StorageList list;
  for (FlatSymbolRefAttr symbol : symbols)
    if (symbol)
      list.push_back({symbol, StorageRole::vector});
  return list;
}

static WeightOp weightOf(FlatSymbolRefAttr symbol, const SymbolTable &symbols) {
  return symbols.lookup<WeightOp>(symbol.getAttr());
}

static int64_t sizeOf(Value value, unsigned axis) {
  return cast<RankedTensorType>(value.getType()).getDimSize(axis);
}

static std::string wordFor(Scheme scheme) {
  return std::string(nameOf(scheme));
}

/// Kernels that work on rows see (tokens, heads, size).
static KernelSpec rowKernel(const char *family, RankedTensorType type) {
  int64_t heads = type.getRank() == 3 ? type.getDimSize(1) : 1;
  KernelSpec spec{family, {{"heads", heads}, {"size", type.getShape().back()}}};
  if (isa_and_present<BlocksAttr>(type.getEncoding()))
    spec.constants["quantized"] = 1;
  return spec;
}

//===----------------------------------------------------------------------------------------------------===//
// Tables and matrices
//===----------------------------------------------------------------------------------------------------===//

StorageList EmbedOp::getStorage() {
  return {{getTableAttr(), StorageRole::table}};
}

KernelSpec EmbedOp::getKernelSpec(const SymbolTable &symbols, bool) {
  WeightOp table = weightOf(getTableAttr(), symbols);
  llvm::ArrayRef<int64_t> shape = table.getTensorType().getShape();
  return {"embed",
          {{"vocab", shape[0]},
           {"columns", shape[1]},
           {"width", *numbersFromAxis(getType(), 1)},
           {"offset", static_cast<int64_t>(getOffset())},
           {"scale", getScale().convertToDouble()},
           {"scheme", wordFor(table.getScheme())},
           {"layout", table->getAttrOfType<StringAttr>(kLayoutAttr).str()}}};
}

StorageList LinearOp::getStorage() {
  return {{getWeightAttr(), StorageRole::matrix, getX()}};
}

int64_t LinearOp::getFirstRow() {
  return static_cast<int64_t>(getOffset());
}

void LinearOp::setMatrix(FlatSymbolRefAttr matrix, int64_t firstRow) {
  setWeightAttr(matrix);
  setOffset(firstRow);
}

int64_t LinearOp::getOutputAxis() {
  return 1;
}

KernelSpec LinearOp::getKernelSpec(const SymbolTable &symbols, bool oneToken) {
  WeightOp matrix = weightOf(getWeightAttr(), symbols);
  llvm::ArrayRef<int64_t> shape = matrix.getTensorType().getShape();
  KernelSpec spec{"linear",
                  {{"input", shape[1]},
                   {"output", *numbersFromAxis(getType(), 1)},
                   {"rows", shape[0]},
                   {"offset", getFirstRow()},
                   {"tokens", oneToken ? 1 : 0},
                   {"scheme", wordFor(matrix.getScheme())}}};
  if (getCap())
    spec.constants["cap"] = getCap()->convertToDouble();
  return spec;
}

KernelSpec QuantizeOp::getKernelSpec(const SymbolTable &, bool) {
  return rowKernel("quantize", getX().getType());
}

//===----------------------------------------------------------------------------------------------------===//
// Norms, activations and elementwise ops
//===----------------------------------------------------------------------------------------------------===//

StorageList RmsNormOp::getStorage() {
  return vectors({getWeightAttr()});
}

KernelSpec RmsNormOp::getKernelSpec(const SymbolTable &, bool) {
  KernelSpec spec = rowKernel("rms_norm", getType());
  spec.constants["weighted"] = getWeight() ? 1 : 0;
  spec.constants["eps"] = getEps().convertToDouble();
  return spec;
}

StorageList AddNormOp::getStorage() {
  return vectors({getWeightAttr(), getScalarAttr()});
}

KernelSpec AddNormOp::getKernelSpec(const SymbolTable &, bool) {
  KernelSpec spec = rowKernel("add_norm", getType());
  spec.constants["scaled"] = getScalar() ? 1 : 0;
  spec.constants["eps"] = getEps().convertToDouble();
  return spec;
}

KernelSpec GeluOp::getKernelSpec(const SymbolTable &, bool) {
  return rowKernel("gelu", getType());
}

KernelSpec GeluMulOp::getKernelSpec(const SymbolTable &, bool) {
  return rowKernel("gelu_mul", getType());
}

StorageList ScaleOp::getStorage() {
  return vectors({getScalarAttr()});
}

KernelSpec ScaleOp::getKernelSpec(const SymbolTable &, bool) {
  KernelSpec spec = rowKernel("scale", getType());
  if (getBy())
    spec.constants["by"] = getBy()->convertToDouble();
  return spec;
}

KernelSpec SoftcapOp::getKernelSpec(const SymbolTable &, bool) {
  KernelSpec spec = rowKernel("softcap", getType());
  spec.constants["cap"] = getCap().convertToDouble();
  return spec;
}

KernelSpec SoftmaxOp::getKernelSpec(const SymbolTable &, bool) {
  return rowKernel("softmax", getType());
}

namespace {
template <typename Op>
struct ArithKernel : KernelOp::ExternalModel<ArithKernel<Op>, Op> {
  KernelSpec getKernelSpec(Operation *op, const SymbolTable &, bool) const {
    return rowKernel(std::is_same_v<Op, arith::AddFOp> ? "add" : "mul",
                     cast<RankedTensorType>(op->getResult(0).getType()));
  }
  KernelAxes getKernelAxes(Operation *) const { return KernelAxes::rows; }
  Parts getParts(Operation *) const { return Parts::numbers; }
  Value getInPlaceOperand(Operation *op) const { return op->getOperand(0); }
};
} // namespace

void giveKernelsToArith(MLIRContext &context) {
  arith::AddFOp::attachInterface<ArithKernel<arith::AddFOp>>(context);
  arith::MulFOp::attachInterface<ArithKernel<arith::MulFOp>>(context);
}

//===----------------------------------------------------------------------------------------------------===//
// Rotation, attention and caches
//===----------------------------------------------------------------------------------------------------===//

KernelSpec RopeOp::getKernelSpec(const SymbolTable &, bool) {
  return {"rope",
          {{"heads", sizeOf(getResult(), 1)},
           {"dim", sizeOf(getResult(), 2)},
           {"pairs", static_cast<int64_t>(getPairs())},
           {"theta", getTheta().convertToDouble()},
           {"factor", getFactor().convertToDouble()}}};
}

/// `heads` is the family's name for the number of the cache's heads.
static KernelSpec cacheKernel(const char *family, const char *heads, FlatSymbolRefAttr symbol,
                              const SymbolTable &symbols) {
  auto cache = symbols.lookup<CacheOp>(symbol.getAttr());
  llvm::ArrayRef<int64_t> shape = cache.getTensorType().getShape();
  KernelSpec spec{
      family,
      {{"slots", shape[0]}, {heads, shape[1]}, {"dim", shape[2]}, {"scheme", wordFor(cache.getScheme())}}};
  if (cache.getPairs())
    spec.constants["pairs"] = static_cast<int64_t>(*cache.getPairs());
  return spec;
}

StorageList CacheWriteOp::getStorage() {
  return {{getCacheAttr(), StorageRole::writtenCache}};
}

KernelSpec CacheWriteOp::getKernelSpec(const SymbolTable &symbols, bool) {
  return cacheKernel("cache_write", "heads", getCacheAttr(), symbols);
}

StorageList CachedAttentionOp::getStorage() {
  StorageList list = {{getCacheAttr(), StorageRole::cache}};
  llvm::append_range(list, vectors({getKeyWeightAttr()}));
  return list;
}

KernelSpec CachedAttentionOp::getKernelSpec(const SymbolTable &symbols, bool) {
  KernelSpec spec = cacheKernel("cached_attention", "kv_heads", getCacheAttr(), symbols);
  spec.constants["heads"] = sizeOf(getResult(), 1);
  spec.constants["window"] = static_cast<int64_t>(getWindow().value_or(0));
  spec.constants["scale"] = getScale().convertToDouble();
  return spec;
}

//===----------------------------------------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------------------------------------===//

StorageList TopKOp::getStorage() {
  return vectors({getExpertScaleAttr()});
}

KernelSpec TopKOp::getKernelSpec(const SymbolTable &, bool) {
  return {"top_k", {{"experts", sizeOf(getProbabilities(), 1)}, {"choices", sizeOf(getIds(), 1)}}};
}

StorageList ExpertsOp::getStorage() {
  return {{getGateUpAttr(), StorageRole::matrix, getX()}, {getDownAttr(), StorageRole::matrix}};
}

StorageList ExpertLinearOp::getStorage() {
  return {{getWeightAttr(), StorageRole::matrix, getX()}};
}

KernelSpec ExpertLinearOp::getKernelSpec(const SymbolTable &symbols, bool) {
  WeightOp matrix = weightOf(getWeightAttr(), symbols);
  llvm::ArrayRef<int64_t> shape = matrix.getTensorType().getShape();
  return {"expert_linear",
          {{"input", shape[2]},
           {"output", shape[1]},
           {"experts", shape[0]},
           {"choices", sizeOf(getIds(), 1)},
           {"shared", getX().getType().getRank() == 2 ? 1 : 0},
           {"scheme", wordFor(matrix.getScheme())}}};
}

KernelSpec CombineOp::getKernelSpec(const SymbolTable &, bool) {
  return {"combine", {{"width", sizeOf(getResult(), 1)}, {"choices", sizeOf(getWeights(), 1)}}};
}

KernelSpec GroupByExpertOp::getKernelSpec(const SymbolTable &, bool) {
  return {"group_by_expert", {{"experts", sizeOf(getOffsets(), 0) - 1}, {"choices", sizeOf(getIds(), 1)}}};
}

RowCount GroupByExpertOp::getRowCount(OpResult result) {
  return {getIds(), result == getOrder() ? sizeOf(getIds(), 1) : 1};
}

KernelSpec GatherTokensOp::getKernelSpec(const SymbolTable &, bool) {
  return {"gather_tokens",
          {{"width", sizeOf(getResult(), 1)},
           {"choices", static_cast<int64_t>(getChoices())},
           {"quantized", getType().getEncoding() ? 1 : 0}}};
}

StorageList GroupedLinearOp::getStorage() {
  return {{getWeightAttr(), StorageRole::matrix, getX()}};
}

KernelSpec GroupedLinearOp::getKernelSpec(const SymbolTable &symbols, bool) {
  WeightOp matrix = weightOf(getWeightAttr(), symbols);
  llvm::ArrayRef<int64_t> shape = matrix.getTensorType().getShape();
  return {"grouped_linear",
          {{"input", shape[2]},
           {"output", shape[1]},
           {"experts", shape[0]},
           {"scheme", wordFor(matrix.getScheme())}}};
}

KernelSpec CombineGroupsOp::getKernelSpec(const SymbolTable &, bool) {
  return {"combine_groups", {{"width", sizeOf(getResult(), 1)}, {"choices", sizeOf(getWeights(), 1)}}};
}

} // namespace gemmac::gemma
