//===- Interpreter.cpp - runs gemma IR with the reference's math ----------------------------------------===//

#include "compiler/reference/Interpreter.h"

#include "dialects/gemma/Ports.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace gemmac::reference {

static llvm::Error failure(Operation *op, const llvm::Twine &text) {
  std::string where;
  llvm::raw_string_ostream(where) << op->getLoc() << ": '" << op->getName() << "' ";
  return llvm::createStringError(where + text);
}

/// The axes after the first, which are constants.
static Shape innerOf(Value value) {
  llvm::ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape().drop_front();
  assert(!ShapedType::isDynamicShape(shape) && "only the number of tokens is dynamic");
  return Shape(shape.begin(), shape.end());
}

static float toFloat(const llvm::APFloat &number) {
  return number.convertToFloat();
}

static std::optional<float> toFloat(const std::optional<llvm::APFloat> &number) {
  return number ? std::optional(toFloat(*number)) : std::nullopt;
}

static std::optional<int64_t> toWindow(std::optional<uint64_t> window) {
  return window ? std::optional(int64_t(*window)) : std::nullopt;
}

/// One run of one function.
class Interpreter::Frame {
public:
  Frame(Interpreter &interpreter, llvm::ArrayRef<int32_t> ids, int64_t position,
        llvm::ArrayRef<int32_t> seeing)
      : interpreter(interpreter), ids(ids), position(position), seeing(seeing) {}

  llvm::Expected<std::vector<Array>> run(func::FuncOp function);

private:
  using Results = std::vector<Array>;

  llvm::Error bindArguments(func::FuncOp function);
  /// What a caller can get wrong is found before the math asserts it.
  llvm::Error check(Operation *op);
  /// Nothing for an op that has no meaning here.
  std::optional<Results> evaluate(Operation *op);
  void finish(Operation *op, Results results);

  const Array &get(Value value) { return values.find(value)->second; }
  /// Row i of a function without positions stands at position i.
  Array positionsOf(gemma::RopeOp rope) {
    if (rope.getPositions())
      return get(rope.getPositions());
    std::vector<int32_t> rows(size_t(get(rope.getX()).rows()));
    std::iota(rows.begin(), rows.end(), 0);
    return {{int64_t(rows.size())}, std::move(rows)};
  }
  const Weight &weight(llvm::StringRef name) { return interpreter.weights.find(name)->second; }
  const Array &numbers(llvm::StringRef name) { return weight(name).numbers; }
  /// The form of a weight that fits the input: integers for int8 rows, floats for floats.
  const Array &weightFor(Value x, llvm::StringRef name) {
    return get(x).isBlocks() ? *weight(name).blocks : numbers(name);
  }
  Cache &cache(llvm::StringRef name) { return interpreter.caches.find(name)->second; }
  float scalar(llvm::StringRef name) { return numbers(name).floats().front(); }

  llvm::Error checkCache(Operation *op, llvm::StringRef name, int64_t first, int64_t last);

  Interpreter &interpreter;
  llvm::ArrayRef<int32_t> ids;
  int64_t position;
  llvm::ArrayRef<int32_t> seeing; ///< empty: each token its own position
  llvm::DenseMap<Value, Array> values;
  llvm::DenseMap<Value, unsigned> uses; ///< uses still to come: a value that has none left is freed
};

static std::vector<Array> one(Array array) {
  std::vector<Array> results;
  results.push_back(std::move(array));
  return results;
}

/// Float rows as the result's type wants them: quantized where it is in blocks.
static Array asResult(Value result, Array rows) {
  auto type = cast<RankedTensorType>(result.getType());
  if (auto blocks = dyn_cast_if_present<gemma::BlocksAttr>(type.getEncoding()))
    return quantize(rows, blocks.getSize());
  return rows;
}

std::optional<std::vector<Array>> Interpreter::Frame::evaluate(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Results>>(op)
      .Case<gemma::EmbedOp>([&](auto op) {
        return one(embed(get(op.getIds()), numbers(op.getTable()), toFloat(op.getScale()), op.getOffset(),
                         innerOf(op.getResult())));
      })
      .Case<gemma::LinearOp>([&](auto op) {
        Array rows = linear(get(op.getX()), weightFor(op.getX(), op.getWeight()), op.getOffset(),
                            innerOf(op.getResult()));
        return one(op.getCap() ? softcap(rows, toFloat(*op.getCap())) : std::move(rows));
      })
      .Case<gemma::QuantizeOp>([&](auto op) { return one(asResult(op.getResult(), get(op.getX()))); })
      .Case<gemma::RmsNormOp>([&](auto op) {
        const Array *weight = op.getWeight() ? &numbers(*op.getWeight()) : nullptr;
        return one(asResult(op.getResult(), rmsNorm(get(op.getX()), weight, toFloat(op.getEps()))));
      })
      .Case<gemma::AddNormOp>([&](auto op) {
        std::optional<float> by = op.getScalar() ? std::optional(scalar(*op.getScalar())) : std::nullopt;
        return one(addNorm(get(op.getResidual()), get(op.getX()), numbers(op.getWeight()),
                           toFloat(op.getEps()), by));
      })
      .Case<gemma::GeluOp>([&](auto op) { return one(gelu(get(op.getX()))); })
      .Case<gemma::GeluMulOp>(
          [&](auto op) { return one(asResult(op.getResult(), geluMul(get(op.getGate()), get(op.getUp())))); })
      .Case<gemma::ScaleOp>([&](auto op) {
        std::optional<float> by = toFloat(op.getBy());
        return one(scale(get(op.getX()), by ? *by : scalar(*op.getScalar())));
      })
      .Case<gemma::SoftcapOp>([&](auto op) { return one(softcap(get(op.getX()), toFloat(op.getCap()))); })
      .Case<gemma::SoftmaxOp>([&](auto op) { return one(softmax(get(op.getX()))); })
      .Case<gemma::SliceOp>([&](auto op) {
        int64_t axis = op.getAxis();
        int64_t count = op.getDrop() ? 1 : cast<RankedTensorType>(op.getType()).getDimSize(axis);
        return one(slice(get(op.getX()), axis, op.getOffset(), count, op.getDrop()));
      })
      .Case<arith::AddFOp>([&](auto op) { return one(add(get(op.getLhs()), get(op.getRhs()))); })
      .Case<arith::MulFOp>([&](auto op) { return one(multiply(get(op.getLhs()), get(op.getRhs()))); })
      .Case<gemma::RopeOp>([&](auto op) {
        return one(rope(get(op.getX()), positionsOf(op), op.getTheta().convertToDouble(), op.getPairs(),
                        op.getFactor().convertToDouble()));
      })
      .Case<gemma::ScoresOp>(
          [&](auto op) { return one(scores(get(op.getQuery()), get(op.getKeys()), toFloat(op.getScale()))); })
      .Case<gemma::MaskOp>([&](auto op) { return one(mask(get(op.getScores()), toWindow(op.getWindow()))); })
      .Case<gemma::MixOp>([&](auto op) { return one(mix(get(op.getProbabilities()), get(op.getValues()))); })
      .Case<gemma::AttentionOp>([&](auto op) {
        return one(attention(get(op.getQuery()), get(op.getKeys()), get(op.getValues()),
                             toFloat(op.getScale()), toWindow(op.getWindow())));
      })
      .Case<gemma::CacheWriteOp>([&](auto op) {
        cacheWrite(cache(op.getCache()), get(op.getKeys()), get(op.getValues()), get(op.getPositions()));
        return Results();
      })
      .Case<gemma::CachedAttentionOp>([&](auto op) {
        std::span<const float> keyWeight;
        if (op.getKeyWeight())
          keyWeight = numbers(*op.getKeyWeight()).floats();
        return one(cachedAttention(get(op.getQuery()), cache(op.getCache()), get(op.getPositions()),
                                   get(op.getVisible()), toFloat(op.getScale()), toWindow(op.getWindow()),
                                   keyWeight));
      })
      .Case<gemma::TopKOp>([&](auto op) {
        Chosen chosen =
            topK(get(op.getProbabilities()), numbers(op.getExpertScale()), innerOf(op.getIds()).front());
        Results results = one(std::move(chosen.weights));
        results.push_back(std::move(chosen.ids));
        return results;
      })
      .Case<gemma::ExpertsOp>([&](auto op) {
        return one(experts(get(op.getX()), get(op.getIds()), get(op.getWeights()), numbers(op.getGateUp()),
                           numbers(op.getDown())));
      })
      .Case<gemma::ExpertLinearOp>([&](auto op) {
        return one(expertLinear(get(op.getX()), get(op.getIds()), weightFor(op.getX(), op.getWeight())));
      })
      .Case<gemma::CombineOp>([&](auto op) { return one(combine(get(op.getX()), get(op.getWeights()))); })
      .Case<gemma::GroupByExpertOp>([&](auto op) {
        int64_t experts = cast<RankedTensorType>(op.getOffsets().getType()).getDimSize(0) - 1;
        Groups groups = groupByExpert(get(op.getIds()), experts);
        Results results = one(std::move(groups.order));
        results.push_back(std::move(groups.place));
        results.push_back(std::move(groups.offsets));
        return results;
      })
      .Case<gemma::GatherTokensOp>(
          [&](auto op) { return one(gatherTokens(get(op.getX()), get(op.getOrder()), op.getChoices())); })
      .Case<gemma::GroupedLinearOp>([&](auto op) {
        return one(groupedLinear(get(op.getX()), get(op.getOffsets()), weightFor(op.getX(), op.getWeight())));
      })
      .Case<gemma::CombineGroupsOp>([&](auto op) {
        return one(combineGroups(get(op.getX()), get(op.getPlace()), get(op.getWeights())));
      })
      .Default(std::nullopt);
}

llvm::Error Interpreter::Frame::checkCache(Operation *op, llvm::StringRef name, int64_t first, int64_t last) {
  int64_t slots = cache(name).keys.rows();
  if (last - first >= slots)
    return failure(op, "needs positions " + llvm::Twine(first) + " to " + llvm::Twine(last) +
                           ", but cache @" + name + " has " + llvm::Twine(slots) + " slots");
  return llvm::Error::success();
}

llvm::Error Interpreter::Frame::check(Operation *op) {
  return llvm::TypeSwitch<Operation *, llvm::Error>(op)
      .Case<gemma::EmbedOp>([&](auto op) -> llvm::Error {
        int64_t rows = numbers(op.getTable()).rows();
        for (int32_t id : get(op.getIds()).ids())
          if (id < 0 || id >= rows)
            return failure(op, "token " + llvm::Twine(id) + " is outside a table of " + llvm::Twine(rows) +
                                   " rows");
        return llvm::Error::success();
      })
      .Case<gemma::CacheWriteOp>([&](auto op) {
        const std::vector<int32_t> &positions = get(op.getPositions()).ids();
        if (int64_t(positions.size()) != get(op.getKeys()).rows())
          return failure(op, "has another number of positions than of keys");
        auto [first, last] = std::ranges::minmax(positions);
        return checkCache(op, op.getCache(), first, last);
      })
      .Case<gemma::CachedAttentionOp>([&](auto op) {
        const std::vector<int32_t> &positions = get(op.getPositions()).ids(),
                                   &visible = get(op.getVisible()).ids();
        if (int64_t(positions.size()) != get(op.getQuery()).rows() || visible.size() != positions.size())
          return failure(op, "has another number of positions than of queries");
        int64_t least = std::ranges::min(positions);
        int64_t first = op.getWindow() ? std::max<int64_t>(0, least - *toWindow(op.getWindow()) + 1) : 0;
        return checkCache(op, op.getCache(), first, std::ranges::max(visible));
      })
      .Default([](Operation *) { return llvm::Error::success(); });
}

void Interpreter::Frame::finish(Operation *op, Results results) {
  for (auto [value, array] : llvm::zip_equal(op->getResults(), results)) {
    if (interpreter.observer)
      interpreter.observer(value, array);
    if (!value.use_empty())
      values.try_emplace(value, std::move(array));
  }
  for (Value operand : op->getOperands())
    if (++uses[operand] == unsigned(std::distance(operand.use_begin(), operand.use_end())))
      values.erase(operand);
}

llvm::Error Interpreter::Frame::bindArguments(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    auto tensor = dyn_cast<RankedTensorType>(argument.getType());
    auto port = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), gemma::kPortAttr);
    if (!tensor || tensor.getRank() != 1 || !tensor.getElementType().isInteger(32))
      return failure(function, "takes something else than ids and positions");
    std::vector<int32_t> numbers = ids.vec();
    if (port && (port.getValue() == "positions" || port.getValue() == "visible"))
      std::iota(numbers.begin(), numbers.end(), int32_t(position));
    if (port && port.getValue() == "visible" && !seeing.empty())
      numbers = seeing.vec();
    values.try_emplace(argument, Array({int64_t(numbers.size())}, std::move(numbers)));
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<Array>> Interpreter::Frame::run(func::FuncOp function) {
  if (llvm::Error error = bindArguments(function))
    return error;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (llvm::Error error = check(&op))
      return error;
    std::optional<Results> results = evaluate(&op);
    if (!results)
      return failure(&op, "has no meaning for the reference interpreter");
    finish(&op, std::move(*results));
  }
  Results results;
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    results.push_back(get(value));
  return results;
}

Interpreter::Interpreter(ModuleOp module, const WeightSource &source) : source(source), symbols(module) {}

llvm::Error Interpreter::prepare(func::FuncOp function) {
  std::optional<SymbolTable::UseRange> uses = SymbolTable::getSymbolUses(&function.getBody());
  if (!uses)
    return failure(function, "has an op whose symbols are unknown");
  for (const SymbolTable::SymbolUse &use : *uses) {
    llvm::StringRef name = use.getSymbolRef().getRootReference();
    Operation *symbol = symbols.lookup(name);
    if (auto weight = dyn_cast_or_null<gemma::WeightOp>(symbol)) {
      if (weights.contains(name))
        continue;
      llvm::Expected<Weight> read = readWeight(weight, source);
      if (!read)
        return read.takeError();
      weights.try_emplace(name, std::move(*read));
    } else if (auto cache = dyn_cast_or_null<gemma::CacheOp>(symbol)) {
      llvm::ArrayRef<int64_t> shape = cache.getTensorType().getShape();
      Array empty = Array::zeros(Shape(shape.begin(), shape.end()));
      caches.try_emplace(
          name, Cache{empty, empty, cache.getScheme(), static_cast<int64_t>(cache.getPairs().value_or(0))});
    } else {
      return failure(use.getUser(),
                     "names @" + name + ", which is neither a weight nor a cache of the module");
    }
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<Array>> Interpreter::call(llvm::StringRef name, llvm::ArrayRef<int32_t> ids,
                                                     int64_t position, llvm::ArrayRef<int32_t> seeing) {
  func::FuncOp function = find(name);
  if (!function || function.isExternal())
    return llvm::createStringError("the module has no function @" + name);
  if (llvm::Error error = prepare(function))
    return error;
  return Frame(*this, ids, position, seeing).run(function);
}

} // namespace gemmac::reference
