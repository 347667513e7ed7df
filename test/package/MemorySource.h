//===- MemorySource.h - a checkpoint in memory ----------------------------------------------------------===//

#ifndef GEMMAC_TEST_PACKAGE_MEMORYSOURCE_H
#define GEMMAC_TEST_PACKAGE_MEMORYSOURCE_H

#include "compiler/import/WeightSource.h"

#include <cstring>
#include <map>

namespace gemmac::test {

class MemorySource : public WeightSource {
public:
  void add(const std::string &name, const std::string &scheme, std::vector<int64_t> shape,
           std::vector<uint8_t> bytes) {
    Held &held = tensors_[name];
    held.bytes = std::move(bytes);
    held.tensor = {name, scheme, std::move(shape), held.bytes};
  }

  void addFloats(const std::string &name, std::vector<int64_t> shape, const std::vector<float> &numbers) {
    std::vector<uint8_t> bytes(numbers.size() * sizeof(float));
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
    add(name, "f32", std::move(shape), std::move(bytes));
  }

  const SourceTensor *find(std::string_view name) const override {
    auto found = tensors_.find(std::string(name));
    return found == tensors_.end() ? nullptr : &found->second.tensor;
  }
  std::vector<std::string> names() const override { return {}; }
  std::string fileOf(std::string_view) const override { return "memory"; }
  void release(std::string_view name, std::span<const uint8_t> bytes) const override {
    released[std::string(name)].push_back(bytes);
  }

  mutable std::map<std::string, std::vector<std::span<const uint8_t>>> released; ///< by tensor, in order

private:
  struct Held {
    std::vector<uint8_t> bytes;
    SourceTensor tensor;
  };
  std::map<std::string, Held> tensors_;
};

} // namespace gemmac::test

#endif
