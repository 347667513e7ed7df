//===- Kernels.h - the builder of each family -----------------------------------------------------------===//

#ifndef GEMMAC_TARGETS_KERNELS_KERNELS_H
#define GEMMAC_TARGETS_KERNELS_KERNELS_H

#include "targets/kernels/HalideEmit.h"

namespace gemmac {

KernelCode buildAdd(const KernelSpec &spec, const Target &target);
KernelCode buildAddNorm(const KernelSpec &spec, const Target &target);
KernelCode buildAttentionSpans(const KernelSpec &spec, const Target &target);
KernelCode buildCacheWrite(const KernelSpec &spec, const Target &target);
KernelCode buildCachedAttention(const KernelSpec &spec, const Target &target);
KernelCode buildCombine(const KernelSpec &spec, const Target &target);
KernelCode buildCombineGroups(const KernelSpec &spec, const Target &target);
KernelCode buildEmbed(const KernelSpec &spec, const Target &target);
KernelCode buildExpertLinear(const KernelSpec &spec, const Target &target);
KernelCode buildGatherTokens(const KernelSpec &spec, const Target &target);
KernelCode buildGelu(const KernelSpec &spec, const Target &target);
KernelCode buildGeluMul(const KernelSpec &spec, const Target &target);
KernelCode buildGroupByExpert(const KernelSpec &spec, const Target &target);
KernelCode buildGroupedLinear(const KernelSpec &spec, const Target &target);
KernelCode buildLinear(const KernelSpec &spec, const Target &target);
KernelCode buildMergeSpans(const KernelSpec &spec, const Target &target);
KernelCode buildMul(const KernelSpec &spec, const Target &target);
KernelCode buildQuantize(const KernelSpec &spec, const Target &target);
KernelCode buildRmsNorm(const KernelSpec &spec, const Target &target);
KernelCode buildRope(const KernelSpec &spec, const Target &target);
KernelCode buildScale(const KernelSpec &spec, const Target &target);
KernelCode buildSoftcap(const KernelSpec &spec, const Target &target);
KernelCode buildSoftmax(const KernelSpec &spec, const Target &target);
KernelCode buildTopK(const KernelSpec &spec, const Target &target);

} // namespace gemmac

#endif
