//===- GemmaOps.td - all ops of the gemma dialect -------------------------------------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_OPS
#define GEMMAC_DIALECTS_GEMMA_OPS

include "dialects/gemma/GemmaBase.td"
include "dialects/gemma/ModelOps.td"
include "dialects/gemma/LinearOps.td"
include "dialects/gemma/ElementwiseOps.td"
include "dialects/gemma/AttentionOps.td"
include "dialects/gemma/ExpertOps.td"

#endif
