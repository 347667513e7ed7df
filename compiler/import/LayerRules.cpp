//===- LayerRules.cpp - what must hold between the layers of a model ------------------------------------===//

#include "compiler/import/LayerRules.h"
#include "llvm/ADT/STLExtras.h"

using llvm::StringRef;
using llvm::Twine;

namespace gemmac {

void shareKeys(ConfigFields &fields, StringRef key, ModelConfig &config, int64_t shared) {
  int64_t count = int64_t(config.layers.size()), owners = count - shared;
  for (int64_t index = owners; index < count; ++index) {
    LayerConfig &layer = config.layers[index];
    layer.ownsKeys = false;
    layer.valueProjection = false;
    layer.donor = owners - 1;
    while (layer.donor >= 0 && config.layers[layer.donor].global() != layer.global())
      --layer.donor;
    if (layer.donor < 0)
      return fields.fail(key,
                         "leaves layer " + Twine(index) + " without a layer of its kind to share keys with");
    const LayerConfig &donor = config.layers[layer.donor];
    if (donor.headDim != layer.headDim || donor.keyHeads != layer.keyHeads)
      return fields.fail(key, "lets layer " + Twine(index) + " read keys of layer " + Twine(layer.donor) +
                                  ", whose heads have another shape");
  }
}

void checkHeads(ConfigFields &fields, StringRef headsKey, StringRef dimKey, const ModelConfig &config) {
  for (const auto &[index, layer] : llvm::enumerate(config.layers)) {
    if (config.heads % layer.keyHeads != 0)
      return fields.fail(headsKey, "is " + Twine(config.heads) + ", which the " + Twine(layer.keyHeads) +
                                       " key heads of layer " + Twine(index) + " cannot share evenly");
    if (layer.headDim % 2 != 0)
      return fields.fail(dimKey, "is " + Twine(layer.headDim) + " in layer " + Twine(index) +
                                     ", but rotation needs pairs");
  }
}

std::optional<FusedRows> fusedRows(const ModelConfig &config, int64_t index, StringRef word) {
  const LayerConfig &layer = config.layers[size_t(index)];
  int64_t keys = layer.ownsKeys ? layer.keyHeads : 0, values = layer.valueProjection ? keys : 0;
  int64_t heads = (config.heads + keys + values) * layer.headDim;
  if (word == "query")
    return FusedRows{"qkv", 0, heads};
  if (word == "key")
    return FusedRows{"qkv", config.heads * layer.headDim, heads};
  if (word == "value")
    return FusedRows{"qkv", (config.heads + keys) * layer.headDim, heads};
  if (word == "gate")
    return FusedRows{"gate_up", 0, 2 * layer.ffnWidth};
  if (word == "up")
    return FusedRows{"gate_up", layer.ffnWidth, 2 * layer.ffnWidth};
  return std::nullopt;
}

} // namespace gemmac
