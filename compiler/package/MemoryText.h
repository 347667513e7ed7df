//===- MemoryText.h - planned memory, part by part, as it is printed ------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_MEMORYTEXT_H
#define GEMMAC_COMPILER_PACKAGE_MEMORYTEXT_H

#include "compiler/package/PlannedMemory.h"
#include "llvm/Support/raw_ostream.h"
#include <nlohmann/json_fwd.hpp>

namespace gemmac {

/// A line for the sum and one for each part, in bytes.
void printMemory(llvm::raw_ostream &out, const PlannedMemory &memory);

nlohmann::ordered_json memoryAsJson(const PlannedMemory &memory);

} // namespace gemmac

#endif
