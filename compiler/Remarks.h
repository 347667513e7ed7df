//===- Remarks.h - what a compilation did to a model, in sentences --------------------------------------===//

#ifndef GEMMAC_COMPILER_REMARKS_H
#define GEMMAC_COMPILER_REMARKS_H

#include "compiler/import/MergedWeights.h"
#include "compiler/package/WeightPacker.h"

namespace gemmac {

/// What became of adapters. `scheme` is the option of that name: with "file", matrices that the file has in
/// blocks are quantized again.
std::vector<std::string> remarksOnAdapters(const MergeSummary &merged, std::string_view scheme);

/// How many matrices were trained for the blocks that they are stored in (QAT); nothing if that is not so.
std::vector<std::string> remarksOnTraining(std::span<const PackedWeight> packed);

} // namespace gemmac

#endif
