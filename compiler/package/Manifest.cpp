//===- Manifest.cpp - a compiled model's sizes, kernels and losses, as JSON -----------------------------===//

#include "compiler/package/Manifest.h"
#include "compiler/package/Version.h"

#include "runtime/include/gemmac/model.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <nlohmann/json.hpp>

namespace gemmac {

using Json = nlohmann::ordered_json;

static Json describe(const KernelFacts &kernel) {
  Json constants = Json::object();
  for (const auto &[name, constant] : kernel.spec.constants)
    std::visit([&](const auto &value) { constants[name] = value; }, constant);
  return {{"symbol", kernel.spec.symbol()},
          {"family", kernel.spec.family},
          {"constants", constants},
          {"object_bytes", kernel.bytes}};
}

static Json describe(const PlannedWeight &weight, const PackedWeight &packed) {
  return {{"name", weight.name},          {"shape", weight.logical},
          {"scheme", weight.scheme},      {"layout", weight.layout},
          {"bytes", weight.bytes()},      {"relative_error", packed.relativeError},
          {"max_error", packed.maxError}, {"sources", weight.sources}};
}

std::string manifest(const ModelFacts &facts, const Contents &contents) {
  std::map<std::string, int64_t> byScheme;
  Json tensors = Json::array(), kernels = Json::array();
  for (auto [weight, packed] : llvm::zip_equal(contents.weights, contents.packed)) {
    byScheme[weight.scheme] += weight.bytes();
    tensors.push_back(describe(weight, packed));
  }
  int64_t kernelBytes = 0;
  for (const KernelFacts &kernel : contents.kernels) {
    kernelBytes += kernel.bytes;
    kernels.push_back(describe(kernel));
  }

  Json text = {
      {"name", facts.name},
      {"target",
       {{"name", facts.target.name}, {"triple", facts.target.triple}, {"needs", facts.target.requires_}}},
      {"versions",
       {{"gemmac", compilerVersion()}, {"model", GEMMAC_MODEL_VERSION}, {"kernels", kKernelVersion}}},
      {"fingerprint", llvm::utohexstr(facts.fingerprint, /*LowerCase=*/true, /*Width=*/16)},
      {"scheme", facts.scheme},
      {"activations", facts.activations},
      {"cache_scheme", facts.cacheScheme},
      {"vocab_size", facts.vocabSize},
      {"context", facts.context},
      {"max_tokens", facts.maxTokens},
      {"bytes",
       {{"package", contents.packageBytes},
        {"weights", facts.weightsBytes},
        {"weights_by_scheme", byScheme},
        {"arena", facts.arenaBytes},
        {"cache", facts.cacheBytes},
        {"driver_object", contents.driverBytes},
        {"kernel_objects", kernelBytes}}},
      {"kernels", kernels},
      {"tensors", tensors},
  };
  return text.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

} // namespace gemmac
