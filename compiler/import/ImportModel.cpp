//===- ImportModel.cpp - from a configuration to the gemma dialect --------------------------------------===//
// Numbers in parentheses are the equations of the specification of the family.

#include "compiler/import/ImportModel.h"
#include "compiler/import/WeightDeclarations.h"
#include "dialects/gemma/Gemma.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include <cmath>

using namespace mlir;

namespace gemmac {
namespace {

class ModelBuilder {
public:
  ModelBuilder(func::FuncOp forward, const ModelConfig &config, WeightDeclarations &weights,
               bool normsHoldOne)
      : builder(OpBuilder::atBlockBegin(forward.addEntryBlock())), forward(forward), config(config),
        weights(weights), addOne(config.family == ModelFamily::gemma3 && !normsHoldOne),
        location(forward.getLoc()) {}

  void build() {
    Value ids = forward.getArgument(0);
    enter(std::nullopt, "embedding");
    Value x = embed(ids, "embedding", config.vocabulary, {config.hidden});
    if (config.perLayerWidth > 0)
      perLayerInputs = buildPerLayerInputs(ids, x);
    for (int64_t i = 0; i < int64_t(config.layers.size()); ++i)
      x = buildLayer(i, x);
    enter(std::nullopt, "head");
    func::ReturnOp::create(builder, location, buildHead(x));
  }

private:
  OpBuilder builder;
  func::FuncOp forward;
  const ModelConfig &config;
  WeightDeclarations &weights;
  const bool addOne; ///< norms multiply by 1 + weight

  // The layer that ops are created for. Ops and weights are created in statement order: no call creates two
  // of them among its arguments, whose order of evaluation is unspecified in C++.
  Location location;
  std::optional<int64_t> layerIndex;

  Value perLayerInputs; ///< (tokens, layers, width)
  struct KeysAndValues {
    Value keys, values;
  };
  SmallVector<KeysAndValues> caches; ///< by layer; of layers that share keys: their donor's

  const LayerConfig &layer() const { return config.layers[*layerIndex]; }

  void enter(std::optional<int64_t> index, StringRef part) {
    layerIndex = index;
    std::string name = index ? ("layer" + Twine(*index) + "." + part).str() : part.str();
    location = NameLoc::get(builder.getStringAttr(name));
  }

  template <typename Op, typename... Arguments>
  Op create(Arguments &&...arguments) {
    auto op = Op::create(builder, location, std::forward<Arguments>(arguments)...);
    if (layerIndex)
      op->setAttr("gemma.layer", builder.getI64IntegerAttr(*layerIndex));
    return op;
  }

  /// (tokens, sizes…)
  RankedTensorType rows(ArrayRef<int64_t> sizes) {
    SmallVector<int64_t> shape = {ShapedType::kDynamic};
    shape.append(sizes.begin(), sizes.end());
    return RankedTensorType::get(shape, builder.getF32Type());
  }

  static ArrayRef<int64_t> rowShape(Value x) {
    return cast<RankedTensorType>(x.getType()).getShape().drop_front();
  }
  static int64_t product(ArrayRef<int64_t> sizes) {
    int64_t result = 1;
    for (int64_t size : sizes)
      result *= size;
    return result;
  }

  FlatSymbolRefAttr weight(StringRef word, ArrayRef<int64_t> shape, bool plusOne = false) {
    return weights.declare(location, layerIndex, word, shape, plusOne);
  }

  Value embed(Value ids, StringRef table, int64_t tableRows, ArrayRef<int64_t> sizes) {
    FlatSymbolRefAttr symbol = weight(table, {tableRows, product(sizes)});
    FloatAttr scale = builder.getF32FloatAttr(float(std::sqrt(double(sizes.back()))));
    return create<gemma::EmbedOp>(rows(sizes), ids, symbol, scale);
  }

  Value linear(Value x, StringRef word, ArrayRef<int64_t> sizes) {
    return linearWith(x, weight(word, {product(sizes), product(rowShape(x))}), sizes);
  }
  /// Of a weight of a layer that may stand among the rows of a fused tensor.
  Value linearAloneOrFused(Value x, StringRef word, ArrayRef<int64_t> sizes) {
    int64_t shape[] = {product(sizes), product(rowShape(x))};
    return linearWith(x, weights.declareAloneOrFused(location, *layerIndex, word, shape), sizes);
  }
  Value linearWith(Value x, FlatSymbolRefAttr symbol, ArrayRef<int64_t> sizes) {
    return create<gemma::LinearOp>(rows(sizes), x, symbol, builder.getI64IntegerAttr(0), FloatAttr());
  }

  Value normWith(Value x, FlatSymbolRefAttr symbol) {
    return create<gemma::RmsNormOp>(x.getType(), x, symbol, builder.getF32FloatAttr(float(config.eps)));
  }
  Value norm(Value x, StringRef word) { return normWith(x, weight(word, rowShape(x).back(), addOne)); }
  Value plainNorm(Value x) { return normWith(x, nullptr); }

  Value scale(Value x, double by) {
    return create<gemma::ScaleOp>(x.getType(), x, builder.getF32FloatAttr(float(by)), nullptr);
  }
  Value add(Value a, Value b) { return create<arith::AddFOp>(a, b); }

  /// (2)
  Value buildPerLayerInputs(Value ids, Value x) {
    enter(std::nullopt, "per_layer_embedding");
    const int64_t sizes[] = {int64_t(config.layers.size()), config.perLayerWidth};
    Value token = embed(ids, "per_layer_embedding", config.perLayerVocabulary, sizes);
    Value context = linear(x, "per_layer_projection", sizes);
    context = scale(context, 1.0 / std::sqrt(double(config.hidden)));
    context = norm(context, "per_layer_norm");
    return scale(add(context, token), std::sqrt(0.5));
  }

  Value buildLayer(int64_t index, Value x) {
    enter(index, "attention");
    x = add(x, norm(buildAttention(norm(x, "attention_norm")), "post_attention_norm")); // (3), (7)
    enter(index, "feedforward");
    Value m = buildGatedMlp(norm(x, "feedforward_norm"));
    if (config.experts) {
      enter(index, "experts");
      Value dense = norm(m, "post_dense_norm");
      m = add(dense, norm(buildExperts(x), "post_expert_norm")); // (9)
      enter(index, "feedforward");
    }
    x = add(x, norm(m, "post_feedforward_norm")); // (10)
    if (perLayerInputs) {
      enter(index, "per_layer");
      x = add(x, norm(buildPerLayerBranch(x), "per_layer_norm")); // (11)
    }
    if (config.family == ModelFamily::gemma4) {
      enter(index, "scalar");
      x = create<gemma::ScaleOp>(x.getType(), x, nullptr, weight("scalar", {1})); // (12)
    }
    return x;
  }

  /// (4), (5), (6), on the normed residual.
  Value buildAttention(Value a) {
    const int64_t heads[] = {config.heads, layer().headDim};
    Value query = rotate(norm(linearAloneOrFused(a, "query", heads), "query_norm"));
    caches.push_back(layer().ownsKeys ? buildKeysAndValues(a) : caches[layer().donor]);
    const auto [keys, values] = caches.back();
    RankedTensorType pairs = rows({config.heads, ShapedType::kDynamic});
    Value scores =
        create<gemma::ScoresOp>(pairs, query, keys, builder.getF32FloatAttr(float(config.attentionScale)));
    IntegerAttr window = layer().window ? builder.getI64IntegerAttr(*layer().window) : nullptr;
    Value masked = create<gemma::MaskOp>(pairs, scores, window);
    Value probabilities = create<gemma::SoftmaxOp>(pairs, masked);
    Value mixed = create<gemma::MixOp>(rows(heads), probabilities, values);
    return linear(mixed, "output", {config.hidden});
  }

  KeysAndValues buildKeysAndValues(Value a) {
    const int64_t heads[] = {layer().keyHeads, layer().headDim};
    Value key = linearAloneOrFused(a, "key", heads);
    // K = V: values are the projection itself, before the keys' norm and rotation.
    Value value = layer().valueProjection ? linearAloneOrFused(a, "value", heads) : key;
    key = rotate(norm(key, "key_norm"));
    if (config.family == ModelFamily::gemma4)
      value = plainNorm(value);
    return {key, value};
  }

  Value rotate(Value x) {
    const RopeConfig &rope = layer().rope;
    return create<gemma::RopeOp>(x.getType(), x, Value(), builder.getF64FloatAttr(rope.theta),
                                 builder.getI64IntegerAttr(rope.pairs), builder.getF64FloatAttr(rope.factor));
  }

  /// (8)
  Value buildGatedMlp(Value h) {
    int64_t width = layer().ffnWidth;
    Value gate = linearAloneOrFused(h, "gate", {width});
    Value up = linearAloneOrFused(h, "up", {width});
    Value gated = create<arith::MulFOp>(gelu(gate), up);
    return linear(gated, "down", {config.hidden});
  }

  Value gelu(Value x) { return create<gemma::GeluOp>(x.getType(), x); }

  /// The routed experts, before their norm. Router and experts read x through norms of their own.
  Value buildExperts(Value x) {
    const auto [count, chosen, width] = *config.experts;
    // router.scale is the weight of a norm that has no other; it is a plain factor (no 1 +) in every family.
    Value routed = normWith(x, weight("router_scale", {config.hidden}));
    routed = scale(routed, 1.0 / std::sqrt(double(config.hidden)));
    Value logits = linear(routed, "router", {count});
    Value probabilities = create<gemma::SoftmaxOp>(logits.getType(), logits);
    RankedTensorType weightsType = rows({chosen});
    auto idsType = RankedTensorType::get(weightsType.getShape(), builder.getI32Type());
    auto choice = create<gemma::TopKOp>(weightsType, idsType, probabilities, weight("expert_scale", {count}));
    Value h = norm(x, "expert_norm");
    FlatSymbolRefAttr gateUp =
        weights.declareWholeOrHalves(location, *layerIndex, "expert_gate_up", "expert_gate", "expert_up",
                                     {count, 2 * width, config.hidden});
    FlatSymbolRefAttr down = weight("expert_down", {count, config.hidden, width});
    return create<gemma::ExpertsOp>(h.getType(), h, choice.getIds(), choice.getWeights(), gateUp, down);
  }

  Value buildPerLayerBranch(Value x) {
    Value gate = gelu(linear(x, "per_layer_gate", {config.perLayerWidth}));
    Value own =
        create<gemma::SliceOp>(rows({config.perLayerWidth}), perLayerInputs, builder.getI64IntegerAttr(1),
                               builder.getI64IntegerAttr(*layerIndex), builder.getUnitAttr());
    Value gated = create<arith::MulFOp>(gate, own);
    return linear(gated, "per_layer_projection", {config.hidden});
  }

  /// (13), (14), (15)
  Value buildHead(Value x) {
    Value z = norm(x, "final_norm");
    Value logits = linear(z, config.tiedHead ? "embedding" : "head", {config.vocabulary});
    if (config.softcap)
      logits =
          create<gemma::SoftcapOp>(logits.getType(), logits, builder.getF32FloatAttr(float(*config.softcap)));
    return logits;
  }
};

/// Context and tokens per call, or an error that says what would fit.
LogicalResult setSizes(ModuleOp module, const ModelConfig &config, const ImportOptions &options) {
  int64_t positions = options.context == 0 ? config.context : options.context;
  if (positions < 1 || positions > config.context)
    return emitError(module.getLoc())
           << "a context of " << positions << " positions was asked for, but the model of " << config.file
           << " was made for 1 to " << config.context;
  if (options.maxTokens < 1)
    return emitError(module.getLoc()) << "a call must take at least one token, not " << options.maxTokens;
  OpBuilder builder(module.getContext());
  module->setAttr("gemma.name", builder.getStringAttr(options.name));
  module->setAttr("gemma.context", builder.getI64IntegerAttr(positions));
  module->setAttr("gemma.max_tokens", builder.getI64IntegerAttr(std::min(options.maxTokens, positions)));
  return success();
}

} // namespace

FailureOr<OwningOpRef<ModuleOp>> importModel(MLIRContext &context, const ModelConfig &config,
                                             const WeightSource &weights, const ImportOptions &options) {
  context.loadDialect<gemma::GemmaDialect, arith::ArithDialect, func::FuncDialect>();
  OpBuilder builder(&context);
  Location location = NameLoc::get(builder.getStringAttr(options.name));
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, location);
  if (failed(setSizes(*module, config, options)))
    return failure();

  std::optional<TensorNames> names = TensorNames::recognise(weights);
  if (!names)
    return emitError(location) << "the checkpoint beside " << config.file
                               << " has no embedding table under any name that this compiler knows, such as "
                                  "'model.language_model.embed_tokens.weight'";

  builder.setInsertionPointToEnd(module->getBody());
  auto ids = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto logits = RankedTensorType::get({ShapedType::kDynamic, config.vocabulary}, builder.getF32Type());
  auto forward = func::FuncOp::create(builder, location, "forward", builder.getFunctionType({ids}, {logits}));
  WeightDeclarations declarations(*module, config, weights, *names);
  ModelBuilder(forward, config, declarations, names->normsHoldOne()).build();
  if (failed(declarations.finish()) || failed(verify(*module)))
    return failure();
  return module;
}

} // namespace gemmac
