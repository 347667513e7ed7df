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

} // namespace gemmac
