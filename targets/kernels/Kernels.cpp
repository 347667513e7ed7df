//===- Kernels.cpp - families of kernels and who builds them
//------------------------------------------------===//

#include "targets/kernels/Kernels.h"

namespace gemmac {

KernelBuilder findKernel(const std::string &family) {
  static const std::map<std::string, KernelBuilder> builders = {
      {"add", buildAdd},
      {"add_norm", buildAddNorm},
      {"cache_write", buildCacheWrite},
      {"cached_attention", buildCachedAttention},
      {"embed", buildEmbed},
      {"gelu", buildGelu},
      {"gelu_mul", buildGeluMul},
      {"linear", buildLinear},
      {"mul", buildMul},
      {"rms_norm", buildRmsNorm},
      {"rope", buildRope},
      {"scale", buildScale},
      {"softcap", buildSoftcap},
      {"softmax", buildSoftmax},
  };
  auto found = builders.find(family);
  return found == builders.end() ? nullptr : found->second;
}

} // namespace gemmac
