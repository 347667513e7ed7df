//===- Changes.h - changes of good bytes ----------------------------------------------------------------===//

#ifndef GEMMAC_TEST_FUZZ_CHANGES_H
#define GEMMAC_TEST_FUZZ_CHANGES_H

#include <cstddef>
#include <cstdint>
#include <span>

namespace gemmac::test {

/// Reads a byte with the number of changes and three bytes for each, an offset and a value, and makes them;
/// returns how many bytes were read. Files of fixed offsets of which most is zero are reached so by small
/// inputs.
inline size_t change(std::span<uint8_t> bytes, std::span<const uint8_t> input) {
  if (input.empty() || bytes.empty())
    return 0;
  size_t used = 1;
  for (size_t left = input[0]; left > 0 && input.size() - used >= 3; --left, used += 3)
    bytes[size_t(input[used] | input[used + 1] << 8) % bytes.size()] = input[used + 2];
  return used;
}

} // namespace gemmac::test

#endif
