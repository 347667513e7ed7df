//===- Mutator.h - inputs made of others ----------------------------------------------------------------===//

#ifndef GEMMAC_TEST_FUZZ_MUTATOR_H
#define GEMMAC_TEST_FUZZ_MUTATOR_H

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace gemmac::test {

using Input = std::vector<uint8_t>;

/// The words of a dictionary in the format of libFuzzer: one a line, in quotes, with \\, \" and \xNN. None
/// without a path.
std::vector<Input> readDictionary(const std::string &path);

/// The same seed and corpus give the same inputs on every machine.
class Mutator {
public:
  Mutator(uint64_t seed, size_t maxLength, std::vector<Input> dictionary)
      : random(seed), maxLength(maxLength), dictionary(std::move(dictionary)) {}

  /// One to four changes of one of the inputs.
  Input mutate(const std::vector<Input> &corpus);

private:
  /// Not a distribution of the standard library, which differs between libraries.
  size_t below(size_t bound) { return bound ? size_t(random() % bound) : 0; }
  void change(Input &input, const std::vector<Input> &corpus);
  void putNumber(Input &input);
  void putDigits(Input &input);
  void insert(Input &input, const uint8_t *bytes, size_t size);

  std::mt19937_64 random;
  size_t maxLength;
  std::vector<Input> dictionary;
};

} // namespace gemmac::test

#endif
