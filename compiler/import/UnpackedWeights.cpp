//===- UnpackedWeights.cpp - a quantized checkpoint as one of numbers -----------------------------------===//

#include "compiler/import/UnpackedWeights.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/TensorNames.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace gemmac {
namespace {

/// What stands behind a module's name.
struct Suffixes {
  StringRef codes, scales, otherScales, zeros, order, shape;
};

Suffixes suffixesOf(Packing packing) {
  switch (packing) {
  case Packing::words:
    return {".weight_packed", ".weight_scale", "", ".weight_zero_point", ".weight_g_idx", ".weight_shape"};
  case Packing::bytes:
    return {".weight", ".weight_scale", ".weight_scale_inv", ".weight_zero_point", "", ""};
  case Packing::gptq:
    return {".qweight", ".scales", "", ".qzeros", ".g_idx", ""};
  case Packing::awq:
    return {".qweight", ".scales", "", ".qzeros", "", ""};
  case Packing::mlx:
    return {".weight", ".scales", "", ".biases", "", ""};
  }
  return {};
}

class UnpackedWeights final : public WeightSource {
public:
  explicit UnpackedWeights(std::unique_ptr<WeightSource> packed) : packed(std::move(packed)) {}

  Error unpack(const Quantization &quantization);
  std::string summary() const;

  const SourceTensor *find(std::string_view name) const override {
    auto found = matrices.find(name);
    if (found != matrices.end())
      return &found->second.tensor;
    return parts.contains(name) ? nullptr : packed->find(name);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const std::string &name : packed->names())
      if (!parts.contains(name))
        all.push_back(name);
    for (const auto &[name, matrix] : matrices)
      all.push_back(name);
    return all;
  }
  std::string fileOf(std::string_view name) const override {
    auto found = matrices.find(name);
    return packed->fileOf(found == matrices.end() ? name : std::string_view(found->second.codes));
  }
  bool choosesSchemes() const override { return true; }
  void release(std::string_view name, std::span<const uint8_t> bytes) const override {
    if (!matrices.contains(name))
      packed->release(name, bytes);
  }

private:
  struct Matrix {
    std::unique_ptr<PackedMatrix> numbers;
    SourceTensor tensor;
    std::string codes; ///< a tensor of the packed checkpoint
  };

  Error unpackModule(StringRef module, const Quantization &quantization);

  std::unique_ptr<WeightSource> packed;
  std::map<std::string, Matrix, std::less<>> matrices; ///< by the name of the tensor that they give
  llvm::StringSet<> parts;                             ///< packed tensors, which are not seen from outside
};

Error UnpackedWeights::unpack(const Quantization &quantization) {
  StringRef end = suffixesOf(quantization.form.packing).codes;
  for (const std::string &name : packed->names())
    if (StringRef module = name; module.consume_back(end) && !TensorNames::isHuggingFaceTower(module))
      if (Error error = unpackModule(module, quantization))
        return error;
  return Error::success();
}

Error UnpackedWeights::unpackModule(StringRef module, const Quantization &quantization) {
  Suffixes suffixes = suffixesOf(quantization.form.packing);
  std::vector<std::string> used;
  auto part = [&](StringRef suffix) -> const SourceTensor * {
    std::string name = (module + suffix).str();
    const SourceTensor *tensor = suffix.empty() ? nullptr : packed->find(name);
    if (tensor)
      used.push_back(std::move(name));
    return tensor;
  };
  PackedTensors tensors{.codes = part(suffixes.codes), .scales = part(suffixes.scales)};
  if (!tensors.scales)
    tensors.scales = part(suffixes.otherScales);
  auto wrong = [&](const Twine &what) {
    return fileError(packed->fileOf(tensors.codes->name),
                     "module " + inQuotes(module) + " of " + quantization.name + ": " + what);
  };
  if (!tensors.scales) {
    // Modules that were not quantized keep the plain name.
    if (suffixes.codes == ".weight")
      return Error::success();
    return wrong("there is no " + suffixes.scales.drop_front());
  }
  tensors.zeros = part(suffixes.zeros);
  tensors.order = part(suffixes.order);
  PackedForm form = quantization.form;
  if (auto own = quantization.bits.find(module); own != quantization.bits.end())
    form.bits = own->second;
  const SourceTensor *shape = part(suffixes.shape);
  int64_t rows = 0, columns = 0;
  if (shape) {
    if (shape->scheme != "i64" || shape->numbers() != 2)
      return wrong("weight_shape does not hold two int64");
    rows = llvm::support::endian::read64le(shape->bytes.data());
    columns = llvm::support::endian::read64le(shape->bytes.data() + 8);
    // Modules may differ in bits: 4 or 8 codes are in a word.
    if (tensors.codes->shape.size() == 2 && columns > 0 && tensors.codes->shape[1] == columns / 4)
      form.bits = 8;
    else
      form.bits = 4;
  }
  Expected<std::unique_ptr<PackedMatrix>> opened = PackedMatrix::open(form, tensors);
  if (!opened)
    return wrong(llvm::toString(opened.takeError()));
  PackedMatrix &numbers = **opened;
  if (shape && (rows != numbers.rows() || columns != numbers.columns()))
    return wrong("weight_shape is [" + Twine(rows) + ", " + Twine(columns) + "], but " +
                 Twine(numbers.rows()) + " by " + Twine(numbers.columns()) + " numbers are packed");
  std::string name = (module + ".weight").str();
  if (suffixes.codes != ".weight" && packed->find(name))
    return wrong("there is a weight beside the packed one");
  SourceTensor tensor{.name = name,
                      .scheme = std::string(kComputed),
                      .shape = {numbers.rows(), numbers.columns()},
                      .bytes = {},
                      .computed = &numbers,
                      .computedFrom = std::string(numbers.scheme())};
  matrices[name] = {std::move(*opened), std::move(tensor), tensors.codes->name};
  for (const std::string &each : used)
    parts.insert(each);
  return Error::success();
}

std::string UnpackedWeights::summary() const {
  std::map<std::string, int64_t> counts;
  for (const auto &[name, matrix] : matrices)
    ++counts[std::string(matrix.numbers->scheme()) +
             (matrix.numbers->exact() ? " with the same numbers" : " with numbers near them")];
  std::string text;
  for (const auto &[what, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " as " + what;
  return text;
}

} // namespace

Expected<std::unique_ptr<WeightSource>> unpackWeights(std::unique_ptr<WeightSource> packed,
                                                      ModelConfig &config) {
  auto unpacked = std::make_unique<UnpackedWeights>(std::move(packed));
  if (Error error = unpacked->unpack(*config.quantization))
    return error;
  std::string kept = unpacked->summary();
  config.remarks.push_back(
      config.file + ": the checkpoint is already quantized as " + config.quantization->name +
      (kept.empty() ? ", but no matrix is packed so" : "; scheme file keeps its matrices: " + kept));
  return unpacked;
}

} // namespace gemmac
