//===- Hash.h - hashes for names -----------------------------------------------------------------------===//

#ifndef GEMMAC_CONTRACT_HASH_H
#define GEMMAC_CONTRACT_HASH_H

#include <string>
#include <string_view>

namespace gemmac {

/// XXH3 (128 bits) of a text as 32 hexadecimal digits, the same on every machine. Any substring of the digits
/// can serve as a shorter hash.
std::string hashOf(std::string_view text);

} // namespace gemmac

#endif
