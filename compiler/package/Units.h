//===- Units.h - amounts as people read and write them --------------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_UNITS_H
#define GEMMAC_COMPILER_PACKAGE_UNITS_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace gemmac {

/// Three digits and a unit with its decimal prefix: 2.61e9 of "B" are "2.61 GB".
std::string withUnit(double number, const char *unit);

/// "2.61 GB", "347 kB".
std::string bytesText(uint64_t bytes);

/// "20GB", "1.5 TB", "300000000"; nothing if it is no size.
std::optional<uint64_t> parseBytes(llvm::StringRef text);

} // namespace gemmac

#endif
