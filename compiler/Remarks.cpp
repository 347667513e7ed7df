//===- Remarks.cpp - what a compilation did to a model, in sentences ------------------------------------===//

#include "compiler/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace gemmac {

std::vector<std::string> remarksOnAdapters(const MergeSummary &merged, std::string_view scheme) {
  std::vector<std::string> texts;
  for (const MergedAdapter &adapter : merged.adapters) {
    std::string text =
        llvm::formatv("adapter {0} is merged into {1} matrices", adapter.name, adapter.matrices);
    if (adapter.saved > 0)
      text += llvm::formatv(" and replaces {0} weights", adapter.saved);
    if (adapter.unused > 0)
      text += llvm::formatv("; its {0} parts for towers, or for keys that no layer reads, are left out",
                            adapter.unused);
    texts.push_back(std::move(text));
  }
  if (scheme == "file")
    for (const auto &[stored, count] : merged.blocks)
      texts.push_back(llvm::formatv("{0} merged matrices that the file stores as {1} are quantized again: "
                                    "manifest.json says what each loses",
                                    count, stored));
  return texts;
}

std::vector<std::string> remarksOnTraining(std::span<const PackedWeight> packed) {
  int64_t matrices = 0, whole = 0, blocks = 0, recovered = 0;
  double loss = 0;
  for (const PackedWeight &weight : packed) {
    if (weight.blocks == 0)
      continue;
    ++matrices;
    blocks += weight.blocks;
    recovered += weight.recovered;
    if (weight.recovered == weight.blocks)
      ++whole;
    else
      loss = std::max(loss, weight.relativeError);
  }
  // A few blocks of any checkpoint have so few levels that they fit by chance.
  if (blocks == 0 || recovered * 100 < blocks)
    return {};
  std::string text = llvm::formatv("{0} of {1} quantized matrices were trained for it: their blocks give the "
                                   "checkpoint's bf16 numbers again, bit for bit",
                                   whole, matrices);
  if (whole < matrices)
    text += llvm::formatv("; in all, {0:P1} of the blocks do, and the other matrices lose up to {1:P2} (rms)",
                          double(recovered) / double(blocks), loss);
  return {text};
}

} // namespace gemmac
