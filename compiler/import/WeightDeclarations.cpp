//===- WeightDeclarations.cpp - the symbols of a module and the tensors behind them ---------------------===//

#include "compiler/import/WeightDeclarations.h"
#include "compiler/import/BlockFormats.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/LayerRules.h"
#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace gemmac {
namespace {

std::string printed(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '[';
  llvm::interleaveComma(shape, stream);
  stream << ']';
  return text;
}

} // namespace

WeightDeclarations::WeightDeclarations(ModuleOp module, const ModelConfig &config,
                                       const WeightSource &weights, const TensorNames &names)
    : builder(OpBuilder::atBlockBegin(module.getBody())), whole(module.getLoc()), config(config),
      weights(weights), names(names) {}

FlatSymbolRefAttr WeightDeclarations::declare(Location location, std::optional<int64_t> layer, StringRef word,
                                              ArrayRef<int64_t> shape, bool addOne) {
  std::string tensor = layer ? names.of(*layer, word) : names.of(word);
  check(location, tensor, shape);
  return declare(location, layer, word, shape, TensorRange{tensor, {}, {}}, addOne);
}

FlatSymbolRefAttr WeightDeclarations::declareWholeOrHalves(Location location, int64_t layer, StringRef word,
                                                           StringRef first, StringRef second,
                                                           ArrayRef<int64_t> shape) {
  std::string half = names.of(layer, first), other = names.of(layer, second);
  if (weights.find(names.of(layer, word)) || !weights.find(half))
    return declare(location, layer, word, shape);
  SmallVector<int64_t> halfShape(shape);
  halfShape[1] /= 2;
  check(location, half, halfShape);
  check(location, other, halfShape);
  return declare(location, layer, word, shape, {{half, {}, {}}, {other, {}, {}}}, /*addOne=*/false);
}

FlatSymbolRefAttr WeightDeclarations::declareAloneOrFused(Location location, int64_t layer, StringRef word,
                                                          ArrayRef<int64_t> shape) {
  FusedRows fused = *fusedRows(config, layer, word);
  std::string tensor = names.of(layer, fused.word);
  if (weights.find(names.of(layer, word)) || tensor.empty() || !weights.find(tensor))
    return declare(location, layer, word, shape);
  check(location, tensor, {fused.rows, shape.back()});
  IndexRange rows = {fused.firstRow, fused.firstRow + shape.front()};
  return declare(location, layer, word, shape, TensorRange{tensor, rows, {}}, /*addOne=*/false);
}

FlatSymbolRefAttr WeightDeclarations::declare(Location location, std::optional<int64_t> layer, StringRef word,
                                              ArrayRef<int64_t> shape, ArrayRef<TensorRange> sources,
                                              bool addOne) {
  std::string symbol = layer ? ("layer" + Twine(*layer) + "." + word).str() : word.str();
  auto reference = FlatSymbolRefAttr::get(builder.getContext(), symbol);
  if (!declared.insert(symbol).second)
    return reference;
  SmallVector<StringRef> stored;
  for (const TensorRange &source : sources) {
    used.insert(source.tensor);
    const SourceTensor *found = weights.find(source.tensor);
    stored.push_back(found ? StringRef(found->chosenScheme()) : "f32");
  }
  // More than one source: equal parts.
  SmallVector<int64_t> parts;
  if (sources.size() > 1)
    parts.assign(sources.size(), shape[1] / int64_t(sources.size()));
  auto weight =
      gemma::WeightOp::create(builder, location, symbol, RankedTensorType::get(shape, builder.getF32Type()),
                              Scheme::f32, sourcesAttr(builder.getContext(), sources),
                              parts.empty() ? nullptr : builder.getDenseI64ArrayAttr(parts), addOne);
  weight->setAttr(gemma::kStoredAttr, builder.getStrArrayAttr(stored));
  if (layer)
    weight->setAttr("gemma.layer", builder.getI64IntegerAttr(*layer));
  return reference;
}

void WeightDeclarations::check(Location location, const std::string &tensor, ArrayRef<int64_t> shape) {
  if (broken)
    return;
  broken = true;
  const SourceTensor *found = weights.find(tensor);
  if (!found) {
    emitError(location) << "the checkpoint has no tensor " << inQuotes(tensor) << " of shape "
                        << printed(shape) << ", which " << config.file << " calls for";
  } else if (ArrayRef<int64_t>(found->shape) != shape) {
    InFlightDiagnostic error = emitError(location)
                               << weights.fileOf(tensor) << ": tensor " << inQuotes(tensor) << " has shape "
                               << printed(found->shape) << ", but " << printed(shape) << " is needed";
    // Fine-tuning that adds tokens may enlarge one table and not the other.
    if (names.isTable(tensor) && found->shape.size() == 2 && found->shape.back() == shape.back())
      error << ": it is " << std::abs(found->shape.front() - shape.front()) << " rows too "
            << (found->shape.front() < shape.front() ? "short" : "long") << " for the vocabulary of "
            << shape.front() << " tokens in " << config.file;
  } else if (!canReadNumbers(*found)) {
    emitError(location) << weights.fileOf(tensor) << ": tensor " << inQuotes(tensor) << " stores numbers as "
                        << inQuotes(found->scheme) << ", which this compiler cannot read; it reads "
                        << namesOfReadableFormats();
  } else {
    broken = false;
  }
}

bool WeightDeclarations::mayBeIdle(StringRef tensor) const {
  if (names.isTower(tensor) || names.isHead(tensor) || names.isDerived(tensor))
    return true;
  for (auto [index, layer] : llvm::enumerate(config.layers))
    if (!layer.ownsKeys && names.isKeyOrValue(tensor, int64_t(index)))
      return true;
  return false;
}

LogicalResult WeightDeclarations::finish() {
  if (broken)
    return failure();
  for (const std::string &tensor : weights.names())
    if (!used.contains(tensor) && !mayBeIdle(tensor))
      return emitError(whole) << weights.fileOf(tensor) << ": tensor " << inQuotes(tensor)
                              << " has no place in the model that " << config.file << " describes";
  if (size_t towers = countTowerTensors(weights))
    emitRemark(whole) << towers << " tensors of vision and audio towers are left out";
  return success();
}

} // namespace gemmac
