//===- Hash.cpp - hashes for names ---------------------------------------------------------------------===//

#include "contract/Hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>

namespace gemmac {

std::string hashOf(std::string_view text) {
  XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return digits;
}

} // namespace gemmac
