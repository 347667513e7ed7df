//===- WeightSource.h - where the bytes of weights come from --------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_WEIGHTSOURCE_H
#define GEMMAC_COMPILER_IMPORT_WEIGHTSOURCE_H

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

/// Numbers that no file holds as they are: they are computed when they are read. Thread safe.
class ComputedNumbers {
public:
  virtual ~ComputedNumbers() = default;
  /// Numbers of the tensor from number `first` on, as many as fit.
  virtual void read(int64_t first, std::span<float> out) const = 0;
  /// Writes `count` numbers, whole blocks, as a scheme stores them, and nothing if it cannot hold them
  /// exactly.
  virtual bool store(std::string_view scheme, int64_t first, int64_t count, std::span<uint8_t> out) const {
    return false;
  }
};

/// The scheme of computed numbers: none that a file or a weight could have.
inline constexpr std::string_view kComputed = "computed";

/// A tensor of a checkpoint: a view into the mapped file, valid as long as its source.
struct SourceTensor {
  std::string name;
  std::string scheme; ///< "f32", "f16", "bf16"; from GGUF also "q8_0", "q4_0" and the other block formats
  std::vector<int64_t> shape;                ///< slowest axis first
  std::span<const uint8_t> bytes;            ///< checked: as long as scheme and shape say, inside the file
  const ComputedNumbers *computed = nullptr; ///< where `scheme` is kComputed; there are no `bytes` then
  std::string computedFrom = {};             ///< the scheme in the file of what they are computed from

  int64_t numbers() const; ///< product of the shape
  /// How whoever made the file chose to store the tensor.
  const std::string &chosenScheme() const { return computed ? computedFrom : scheme; }
};

/// A checkpoint's tensors, mapped and never copied whole. Thread safe after opening.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  /// Null if the checkpoint has no such tensor.
  virtual const SourceTensor *find(std::string_view name) const = 0;
  virtual std::vector<std::string> names() const = 0;
  /// The file that holds the tensor, for messages: "model-00002-of-00002.safetensors".
  virtual std::string fileOf(std::string_view name) const = 0;
  /// Whether the schemes of its tensors were chosen for running the model, as in GGUF files.
  virtual bool choosesSchemes() const { return false; }
  /// Hint: these bytes of a tensor are not needed soon, their pages may be evicted. They stay readable.
  virtual void release(std::string_view name, std::span<const uint8_t> bytes) const {}
};

/// Whether readNumbers can decode a scheme, or a tensor.
bool canReadNumbers(std::string_view scheme);
bool canReadNumbers(const SourceTensor &tensor);

/// Reads out.size() numbers of a tensor, from number `first` on, as float32.
void readNumbers(const SourceTensor &tensor, int64_t first, std::span<float> out);

} // namespace gemmac

#endif
