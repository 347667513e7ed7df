//===- Units.cpp - amounts as people read and write them ------------------------------------------------===//

#include "compiler/package/Units.h"

#include "llvm/ADT/StringExtras.h"

#include <cstdio>

namespace gemmac {

static constexpr const char *kPrefixes[] = {"", "k", "M", "G", "T"};

std::string withUnit(double number, const char *unit) {
  size_t prefix = 0;
  for (; number >= 999.5 && prefix + 1 < std::size(kPrefixes); ++prefix)
    number /= 1000;
  const int decimals = prefix == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f %s%s", decimals, number, kPrefixes[prefix], unit);
  return text;
}

std::string bytesText(uint64_t bytes) {
  return withUnit(static_cast<double>(bytes), "B");
}

std::optional<uint64_t> parseBytes(llvm::StringRef text) {
  const llvm::StringRef digits = text.take_while([](char c) { return llvm::isDigit(c) || c == '.'; });
  const llvm::StringRef unit = text.drop_front(digits.size()).ltrim();
  if (unit.empty()) {
    uint64_t whole = 0;
    return digits.getAsInteger(10, whole) ? std::nullopt : std::optional(whole);
  }
  double number = 0;
  if (digits.empty() || digits.getAsDouble(number))
    return std::nullopt;
  for (const char *prefix : kPrefixes) {
    if (unit.equals_insensitive(std::string(prefix) + "B"))
      return number < 1.8e19 ? std::optional(static_cast<uint64_t>(number)) : std::nullopt;
    number *= 1000;
  }
  return std::nullopt;
}

} // namespace gemmac
