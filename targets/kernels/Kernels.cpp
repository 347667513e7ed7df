//===- Kernels.cpp - families of kernels and who builds them --------------------------------------------===//

#include "targets/kernels/Kernels.h"

namespace gemmac {

static const std::map<std::string, KernelBuilder> &builders() {
  static const std::map<std::string, KernelBuilder> all = {
      {"add", buildAdd},
      {"add_norm", buildAddNorm},
      {"attention_spans", buildAttentionSpans},
      {"cache_write", buildCacheWrite},
      {"cached_attention", buildCachedAttention},
      {"combine", buildCombine},
      {"combine_groups", buildCombineGroups},
      {"embed", buildEmbed},
      {"expert_linear", buildExpertLinear},
      {"gather_tokens", buildGatherTokens},
      {"gelu", buildGelu},
      {"gelu_mul", buildGeluMul},
      {"group_by_expert", buildGroupByExpert},
      {"grouped_linear", buildGroupedLinear},
      {"linear", buildLinear},
      {"merge_spans", buildMergeSpans},
      {"mul", buildMul},
      {"quantize", buildQuantize},
      {"rms_norm", buildRmsNorm},
      {"rope", buildRope},
      {"scale", buildScale},
      {"softcap", buildSoftcap},
      {"softmax", buildSoftmax},
      {"top_k", buildTopK},
  };
  return all;
}

KernelBuilder findKernel(const std::string &family) {
  auto found = builders().find(family);
  return found == builders().end() ? nullptr : found->second;
}

std::vector<std::string> builtFamilies() {
  std::vector<std::string> families;
  for (const auto &[family, builder] : builders())
    families.push_back(family);
  return families;
}

} // namespace gemmac
