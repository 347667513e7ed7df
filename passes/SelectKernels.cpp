//===- SelectKernels.cpp - every op names the kernel that will run it -----------------------------------===//
//
// The kernel stands on the op as `gemma.kernel`, a #plan.kernel; how its work is shared by threads as
// `gemma.parallel = [axis, grain]`, in axes and indices of the result as the kernel sees it. Both depend on
// the op, on the number of tokens (one in decode) and on what the target can do.

#include "contract/CacheLayout.h"
#include "dialects/gemma/Gemma.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Passes.h"
#include "targets/Devices.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_SELECTKERNELS
#include "passes/Passes.h.inc"
namespace {

/// Collects the constants of one specification.
class Constants {
public:
  explicit Constants(MLIRContext *context) : builder(context) {}
  Constants &operator()(StringRef name, int64_t value) {
    list.set(name, builder.getI64IntegerAttr(value));
    return *this;
  }
  Constants &number(StringRef name, double value) {
    list.set(name, builder.getF64FloatAttr(value));
    return *this;
  }
  Constants &word(StringRef name, StringRef value) {
    list.set(name, builder.getStringAttr(value));
    return *this;
  }
  plan::KernelAttr kernel(StringRef family) {
    MLIRContext *context = builder.getContext();
    return plan::KernelAttr::get(context, builder.getStringAttr(family), list.getDictionary(context));
  }

private:
  Builder builder;
  NamedAttrList list;
};

int64_t inner(Type type, unsigned from = 1) {
  int64_t product = 1;
  for (int64_t size : cast<RankedTensorType>(type).getShape().drop_front(from))
    product *= size;
  return product;
}
int64_t size(Type type, unsigned axis) {
  return cast<RankedTensorType>(type).getDimSize(axis);
}

bool isQuantized(Type type) {
  return isa_and_present<gemma::BlocksAttr>(cast<RankedTensorType>(type).getEncoding());
}

/// Kernels that work on rows take (tokens, heads, size), and leave what is quantized as (tokens, blocks, 32).
Constants rows(MLIRContext *context, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t heads = tensor.getRank() == 3 ? tensor.getDimSize(1) : 1;
  Constants constants = Constants(context)("heads", heads)("size", tensor.getShape().back());
  return isQuantized(type) ? constants("quantized", 1) : constants;
}

struct Selection {
  plan::KernelAttr kernel;
  /// Axis and indices per piece; no grain: one thread does it.
  int64_t axis = 0, grain = 0;
};

/// Exponentials of so many numbers take some microseconds.
constexpr int64_t kNumbersForThreads = 4096;

class Selector {
public:
  Selector(ModuleOp module, const Target &target) : symbols(module), module(module), target(target) {}

  /// Null kernel: the op needs none.
  FailureOr<Selection> select(Operation *op, bool oneToken);

private:
  gemma::WeightOp weight(StringRef name) { return symbols.lookup<gemma::WeightOp>(name); }

  /// A few pieces per thread, so that a late thread costs little, in whole units.
  int64_t grainOf(int64_t indices, int64_t unit) {
    int64_t pieces = std::max<int64_t>(1, int64_t(target.cores) * 4);
    return llvm::alignTo(llvm::divideCeil(indices, pieces), unit);
  }
  /// Rows of a matrix: in whole groups of tiles where one token reads it.
  Selection byRows(plan::KernelAttr kernel, int64_t axis, int64_t outputs, bool oneToken) {
    int64_t unit = oneToken ? 4 * kTileRows : kTileRows;
    return {kernel, axis, target.cores > 1 && outputs > unit ? grainOf(outputs, unit) : 0};
  }
  /// Tokens of a prompt; of one token, numbers (blocks where they are quantized) if they take longer than to
  /// wake a second thread.
  Selection byNumbers(plan::KernelAttr kernel, Type type, bool oneToken) {
    int64_t numbers = inner(type), heads = numbers / cast<RankedTensorType>(type).getShape().back();
    if (!oneToken || target.cores == 1 || numbers < kNumbersForThreads)
      return byTokens(kernel, oneToken);
    if (isQuantized(type))
      return {kernel, 1, grainOf(numbers / kBlock, 1)};
    return heads == 1 ? Selection{kernel, 2, grainOf(numbers, kBlock)} : Selection{kernel};
  }
  /// Tokens of a prompt; one token is not worth a second thread.
  Selection byTokens(plan::KernelAttr kernel, bool oneToken) {
    return {kernel, 0, target.cores > 1 && !oneToken ? 8 : 0};
  }

  SymbolTable symbols;
  ModuleOp module;
  const Target &target;
};

FailureOr<Selection> Selector::select(Operation *op, bool oneToken) {
  MLIRContext *context = op->getContext();
  using Result = FailureOr<Selection>;
  auto elementwise = [&](StringRef family) -> Result {
    Type type = op->getResult(0).getType();
    return byNumbers(rows(context, type).kernel(family), type, oneToken);
  };
  return TypeSwitch<Operation *, Result>(op)
      .Case([&](gemma::EmbedOp embed) -> Result {
        gemma::WeightOp table = weight(embed.getTable());
        ArrayRef<int64_t> shape = table.getTensorType().getShape();
        auto constants = Constants(context)("vocab", shape[0])("columns", shape[1])(
                             "width", inner(embed.getType()))("offset", embed.getOffset())
                             .number("scale", embed.getScale().convertToDouble())
                             .word("scheme", nameOf(table.getScheme()))
                             .word("layout", table->getAttrOfType<StringAttr>("gemma.layout").getValue());
        return byTokens(constants.kernel("embed"), oneToken);
      })
      .Case([&](gemma::LinearOp linear) -> Result {
        gemma::WeightOp matrix = weight(linear.getWeight());
        int64_t output = inner(linear.getType());
        auto constants = Constants(context)("input", matrix.getTensorType().getDimSize(1))("output", output)(
                             "rows", matrix.getTensorType().getDimSize(0))("offset", linear.getOffset())(
                             "tokens", oneToken ? 1 : 0)
                             .word("scheme", nameOf(matrix.getScheme()));
        if (linear.getCap())
          constants.number("cap", linear.getCap()->convertToDouble());
        return byRows(constants.kernel("linear"), 1, output, oneToken);
      })
      .Case([&](gemma::ExpertLinearOp linear) -> Result {
        gemma::WeightOp matrix = weight(linear.getWeight());
        ArrayRef<int64_t> shape = matrix.getTensorType().getShape();
        auto constants = Constants(context)("input", shape[2])("output", shape[1])("experts", shape[0])(
                             "choices", size(linear.getIds().getType(), 1))(
                             "shared", cast<RankedTensorType>(linear.getX().getType()).getRank() == 2)
                             .word("scheme", nameOf(matrix.getScheme()));
        return byRows(constants.kernel("expert_linear"), 2, shape[1], oneToken);
      })
      .Case([&](gemma::GroupedLinearOp linear) -> Result {
        gemma::WeightOp matrix = weight(linear.getWeight());
        ArrayRef<int64_t> shape = matrix.getTensorType().getShape();
        auto constants = Constants(context)("input", shape[2])("output", shape[1])("rows", shape[1])(
                             "offset", 0)("tokens", 0)
                             .word("scheme", nameOf(matrix.getScheme()));
        return byRows(constants.kernel("linear"), 1, shape[1], oneToken);
      })
      .Case([&](gemma::RmsNormOp norm) -> Result {
        auto constants = rows(context, norm.getType())("weighted", norm.getWeight() ? 1 : 0)
                             .number("eps", norm.getEps().convertToDouble());
        return byTokens(constants.kernel("rms_norm"), oneToken);
      })
      .Case([&](gemma::AddNormOp norm) -> Result {
        auto constants = rows(context, norm.getType())("scaled", norm.getScalar() ? 1 : 0)
                             .number("eps", norm.getEps().convertToDouble());
        return byTokens(constants.kernel("add_norm"), oneToken);
      })
      .Case([&](gemma::GeluOp) -> Result { return elementwise("gelu"); })
      .Case([&](gemma::GeluMulOp) -> Result { return elementwise("gelu_mul"); })
      .Case([&](gemma::SoftmaxOp) -> Result { return elementwise("softmax"); })
      .Case([&](arith::AddFOp) -> Result { return elementwise("add"); })
      .Case([&](arith::MulFOp) -> Result { return elementwise("mul"); })
      .Case([&](gemma::ScaleOp scale) -> Result {
        auto constants = rows(context, scale.getType());
        if (scale.getBy())
          constants.number("by", scale.getBy()->convertToDouble());
        return byTokens(constants.kernel("scale"), oneToken);
      })
      .Case([&](gemma::SoftcapOp cap) -> Result {
        return byTokens(
            rows(context, cap.getType()).number("cap", cap.getCap().convertToDouble()).kernel("softcap"),
            oneToken);
      })
      .Case([&](gemma::QuantizeOp quantize) -> Result {
        return byTokens(rows(context, quantize.getX().getType()).kernel("quantize"), oneToken);
      })
      .Case([&](gemma::RopeOp rope) -> Result {
        auto constants = Constants(context)("heads", size(rope.getType(), 1))("dim", size(rope.getType(), 2))(
                             "pairs", rope.getPairs())
                             .number("theta", rope.getTheta().convertToDouble())
                             .number("factor", rope.getFactor().convertToDouble());
        return byTokens(constants.kernel("rope"), oneToken);
      })
      .Case([&](gemma::CacheWriteOp write) -> Result {
        auto cache = symbols.lookup<gemma::CacheOp>(write.getCache());
        ArrayRef<int64_t> shape = cache.getTensorType().getShape();
        auto constants = Constants(context)("slots", shape[0])("heads", shape[1])("dim", shape[2])
                             .word("scheme", nameOf(cache.getScheme()));
        if (cache.getPairs())
          constants("pairs", *cache.getPairs());
        return Selection{constants.kernel("cache_write")};
      })
      .Case([&](gemma::CachedAttentionOp attention) -> Result {
        auto cache = symbols.lookup<gemma::CacheOp>(attention.getCache());
        ArrayRef<int64_t> shape = cache.getTensorType().getShape();
        auto constants = Constants(context)("heads", size(attention.getType(), 1))("kv_heads", shape[1])(
                             "dim", shape[2])("slots", shape[0])("window", attention.getWindow().value_or(0))
                             .number("scale", attention.getScale().convertToDouble())
                             .word("scheme", nameOf(cache.getScheme()));
        if (cache.getPairs())
          constants("pairs", *cache.getPairs());
        if (!oneToken)
          return Selection{constants.kernel("cached_attention"), 0,
                           target.cores > 1 ? tokensTogether(size(attention.getType(), 1) / shape[1]) : 0};
        // Spans and kv heads are shared out, then what they add to each head.
        op->setAttr("gemma.merge_kernel", Constants(context)("heads", size(attention.getType(), 1))(
                                              "kv_heads", shape[1])("dim", shape[2])
                                              .kernel("merge_spans"));
        // Without a window there are so many parts that the heads are shared out again.
        if (target.cores > 1 && !attention.getWindow())
          op->setAttr("gemma.merge_parallel", DenseI64ArrayAttr::get(context, {1, 1}));
        return Selection{constants.kernel("attention_spans"), 0, target.cores > 1 ? 1 : 0};
      })
      .Case([&](gemma::TopKOp top) -> Result {
        return Selection{Constants(context)("experts", size(top.getProbabilities().getType(), 1))(
                             "choices", size(top.getIds().getType(), 1))
                             .kernel("top_k")};
      })
      .Case([&](gemma::GroupByExpertOp group) -> Result {
        return Selection{Constants(context)("experts", size(group.getOffsets().getType(), 0) -
                                                           1)("choices", size(group.getIds().getType(), 1))
                             .kernel("group_by_expert")};
      })
      .Case([&](gemma::GatherTokensOp gather) -> Result {
        auto type = cast<RankedTensorType>(gather.getType());
        return byTokens(Constants(context)("width", inner(type))("choices", gather.getChoices())(
                            "quantized", type.getEncoding() ? 1 : 0)
                            .kernel("gather_tokens"),
                        oneToken);
      })
      .Case([&](gemma::CombineOp combine) -> Result {
        return byTokens(Constants(context)("width", inner(combine.getType()))(
                            "choices", size(combine.getWeights().getType(), 1))
                            .kernel("combine"),
                        oneToken);
      })
      .Case([&](gemma::CombineGroupsOp combine) -> Result {
        return byTokens(Constants(context)("width", inner(combine.getType()))(
                            "choices", size(combine.getWeights().getType(), 1))
                            .kernel("combine_groups"),
                        oneToken);
      })
      .Case([&](gemma::SliceOp) -> Result { return Selection{}; })
      .Default([&](Operation *other) -> Result {
        return other->emitOpError("has no kernel; the stages before `select` replace it");
      });
}

struct SelectKernels : impl::SelectKernelsBase<SelectKernels> {
  using SelectKernelsBase::SelectKernelsBase;

  void runOnOperation() override {
    const Target *found = findTarget(target);
    if (!found) {
      getOperation().emitError("unknown target '") << target << "'; known are " << targetNames();
      return signalPassFailure();
    }
    setWeightLayouts();
    Selector selector(getOperation(), *found);
    getOperation()->setAttr("gemma.target", StringAttr::get(&getContext(), found->name));
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto tokens = function->getAttrOfType<IntegerAttr>("gemma.tokens");
      bool oneToken = tokens && tokens.getInt() == 1;
      for (Operation &op : function.getBody().getOps()) {
        if (isa<func::ReturnOp>(op))
          continue;
        FailureOr<Selection> selection = selector.select(&op, oneToken);
        if (failed(selection))
          return signalPassFailure();
        if (!selection->kernel)
          continue;
        op.setAttr("gemma.kernel", selection->kernel);
        if (selection->grain)
          op.setAttr("gemma.parallel",
                     DenseI64ArrayAttr::get(&getContext(), {selection->axis, selection->grain}));
      }
    }
  }

  /// A matrix is stored in tiles; a table that is only looked up, by rows; a vector as it is.
  void setWeightLayouts() {
    SymbolTable symbols(getOperation());
    llvm::DenseSet<Attribute> matrices;
    getOperation().walk([&](Operation *op) {
      TypeSwitch<Operation *>(op)
          .Case([&](gemma::LinearOp linear) { matrices.insert(linear.getWeightAttr().getAttr()); })
          .Case([&](gemma::ExpertLinearOp linear) { matrices.insert(linear.getWeightAttr().getAttr()); })
          .Case([&](gemma::GroupedLinearOp linear) { matrices.insert(linear.getWeightAttr().getAttr()); });
    });
    for (auto weight : getOperation().getOps<gemma::WeightOp>()) {
      StringRef layout = weight.getTensorType().getRank() == 1        ? "vector"
                         : matrices.contains(weight.getSymNameAttr()) ? "tiles16"
                                                                      : "rows";
      weight->setAttr("gemma.layout", StringAttr::get(&getContext(), layout));
    }
  }
};

} // namespace
} // namespace gemmac
