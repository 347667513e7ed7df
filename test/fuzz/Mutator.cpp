//===- Mutator.cpp - inputs made of others --------------------------------------------------------------===//

#include "test/fuzz/Mutator.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace gemmac::test {

std::vector<Input> readDictionary(const std::string &path) {
  std::vector<Input> words;
  if (path.empty())
    return words;
  std::ifstream file(path);
  if (!file)
    throw std::runtime_error("cannot read " + path);
  for (std::string line; std::getline(file, line);) {
    const size_t begin = line.find('"'), end = line.rfind('"');
    if (line.empty() || line[0] == '#' || begin == end)
      continue;
    Input word;
    for (size_t i = begin + 1; i < end; ++i)
      if (line[i] == '\\' && line[i + 1] == 'x') {
        word.push_back(uint8_t(std::stoul(line.substr(i + 2, 2), nullptr, 16)));
        i += 3;
      } else {
        i += line[i] == '\\';
        word.push_back(uint8_t(line[i]));
      }
    words.push_back(std::move(word));
  }
  return words;
}

Input Mutator::mutate(const std::vector<Input> &corpus) {
  Input input = corpus[below(corpus.size())];
  for (size_t changes = 1 + below(4); changes > 0; --changes)
    change(input, corpus);
  if (input.size() > maxLength)
    input.resize(maxLength);
  return input;
}

void Mutator::insert(Input &input, const uint8_t *bytes, size_t size) {
  const size_t at = below(input.size() + 1);
  // Half of the time in the place of what is there, so that files of fixed offsets keep them.
  if (below(2))
    input.erase(input.begin() + ptrdiff_t(at), input.begin() + ptrdiff_t(std::min(input.size(), at + size)));
  input.insert(input.begin() + ptrdiff_t(at), bytes, bytes + size);
}

/// A number at the edge of some range, little-endian.
void Mutator::putNumber(Input &input) {
  static const uint64_t kEdges[] = {0,
                                    1,
                                    2,
                                    16,
                                    127,
                                    128,
                                    255,
                                    256,
                                    4096,
                                    32767,
                                    65535,
                                    65536,
                                    uint64_t(1) << 24,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    uint64_t(1) << 32,
                                    uint64_t(1) << 48,
                                    uint64_t(1) << 61,
                                    uint64_t(1) << 63,
                                    ~uint64_t(0)};
  const uint64_t value = kEdges[below(std::size(kEdges))] + (below(4) ? 0 : below(9)) - (below(4) ? 0 : 4);
  const size_t size = size_t(1) << below(4);
  if (input.size() < size)
    return;
  for (size_t at = below(input.size() - size + 1), i = 0; i < size; ++i)
    input[at + i] = uint8_t(value >> 8 * i);
}

/// Another number in the place of one that is written in digits.
void Mutator::putDigits(Input &input) {
  static const char *const kEdges[] = {"0",
                                       "1",
                                       "-1",
                                       "2",
                                       "7",
                                       "63",
                                       "64",
                                       "65537",
                                       "0.5",
                                       "1e-9",
                                       "1e308",
                                       "2147483647",
                                       "-0",
                                       "1e999",
                                       "16384",
                                       "2147483648",
                                       "4294967295",
                                       "1000000",
                                       "false",
                                       "null",
                                       "[]",
                                       "{}",
                                       "\"\"",
                                       "9223372036854775807",
                                       "18446744073709551615"};
  const auto isDigit = [](uint8_t byte) { return std::isdigit(byte) != 0; };
  const auto from = input.begin() + ptrdiff_t(below(input.size() + 1));
  const auto begin = std::find_if(from, input.end(), isDigit);
  const auto end = std::find_if_not(begin, input.end(), isDigit);
  if (begin == end)
    return;
  const char *text = kEdges[below(std::size(kEdges))];
  input.insert(input.erase(begin, end), text, text + strlen(text));
}

void Mutator::change(Input &input, const std::vector<Input> &corpus) {
  const size_t size = input.size(), at = below(size);
  const auto here = input.begin() + ptrdiff_t(at);
  const auto end = here + ptrdiff_t(below(std::min<size_t>(size - at, 64) + 1));
  switch (below(9)) {
  case 0:
    if (size)
      *here ^= uint8_t(1 << below(8));
    return;
  case 1:
    if (size)
      *here = uint8_t(random());
    return;
  case 2:
    return putNumber(input);
  case 3:
    return putDigits(input);
  case 4:
    input.erase(here, end);
    return;
  case 5: {
    const Input part(here, end);
    return insert(input, part.data(), part.size());
  }
  case 6: {
    const Input &other = corpus[below(corpus.size())];
    const size_t from = below(other.size());
    return insert(input, other.data() + from, below(other.size() - from + 1));
  }
  case 7:
    if (size && below(8) == 0)
      input.resize(at);
    return;
  default:
    if (!dictionary.empty()) {
      const Input &word = dictionary[below(dictionary.size())];
      insert(input, word.data(), word.size());
    }
  }
}

} // namespace gemmac::test
