//===- Scheme.cpp - how numbers are stored: one row per format ------------------------------------------===//

#include "contract/Scheme.h"
#include "contract/BlockParts.h"
#include "contract/SmallFloats.h"
#include "contract/StoreBlocks.h"

#include <algorithm>
#include <cstring>

namespace gemmac {
namespace {

void storeFloats(const float *numbers, int64_t count, uint8_t *stored) {
  std::memcpy(stored, numbers, size_t(count) * sizeof(float));
}
void loadFloats(const uint8_t *stored, int64_t count, float *numbers) {
  std::memcpy(numbers, stored, size_t(count) * sizeof(float));
}

template <uint16_t (*ToBits)(float)>
void storeBits(const float *numbers, int64_t count, uint8_t *stored) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits = ToBits(numbers[i]);
    std::memcpy(stored + 2 * i, &bits, 2);
  }
}
template <float (*FromBits)(uint16_t)>
void loadBits(const uint8_t *stored, int64_t count, float *numbers) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, stored + 2 * i, 2);
    numbers[i] = FromBits(bits);
  }
}

template <Scheme S>
void storeFitted(const float *block, uint8_t *stored) {
  storeFittedBlock(rowOf(S), block, stored);
}

template <Scheme S, void (*StoreBlock)(const float *, uint8_t *) = storeFitted<S>>
void storeBlocks(const float *numbers, int64_t count, uint8_t *stored) {
  const SchemeRow &row = rowOf(S);
  for (int64_t i = 0; i < count; i += row.block, stored += row.blockBytes)
    StoreBlock(numbers + i, stored);
}

template <Scheme S>
void loadBlocks(const uint8_t *stored, int64_t count, float *numbers) {
  const SchemeRow &row = rowOf(S);
  BlockParts parts;
  for (int64_t start = 0; start < count; start += row.block, stored += row.blockBytes) {
    row.split(stored, parts);
    for (int64_t g = 0; g < row.block / row.group; ++g) {
      GroupStep step = stepOf(row, parts, g);
      const uint8_t *from = parts.numbers.data() + g * row.group;
      float *to = numbers + start + g * row.group;
      for (int64_t i = 0; i < row.group; ++i)
        to[i] = step.step * float(row.valueOf(from[i]));
      for (int64_t i = 0; row.hasMinimum && i < row.group; ++i)
        to[i] += step.offset;
    }
  }
}

constexpr SchemeRow floats(Scheme scheme, std::string_view name, Element element, int64_t bytes, bool weights,
                           bool caches, void (*store)(const float *, int64_t, uint8_t *),
                           void (*load)(const uint8_t *, int64_t, float *)) {
  return {.scheme = scheme,
          .name = name,
          .element = element,
          .block = 1,
          .blockBytes = bytes,
          .weights = weights,
          .caches = caches,
          .store = store,
          .load = load};
}

constexpr SchemeRow kRows[] = {
    floats(Scheme::f32, "f32", Element::f32, 4, true, true, storeFloats, loadFloats),
    floats(Scheme::bf16, "bf16", Element::bf16, 2, true, false, storeBits<toBfloat>, loadBits<fromBfloat>),
    floats(Scheme::f16, "f16", Element::f16, 2, false, true, storeBits<toHalf>, loadBits<fromHalf>),
    {.scheme = Scheme::q8_0,
     .name = "q8_0",
     .element = Element::i8,
     .block = 32,
     .blockBytes = 34,
     .weights = true,
     .caches = true,
     .store = storeBlocks<Scheme::q8_0, storeQ8Block>,
     .load = loadBlocks<Scheme::q8_0>,
     .group = 32,
     .bits = 8,
     .split = splitQ8_0,
     .join = joinQ8_0},
    {.scheme = Scheme::q4_0,
     .name = "q4_0",
     .element = Element::u8,
     .block = 32,
     .blockBytes = 18,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q4_0, storeQ4Block>,
     .load = loadBlocks<Scheme::q4_0>,
     .group = 32,
     .bits = 4,
     .bias = 8,
     .split = splitQ4_0,
     .join = joinQ4_0},
    {.scheme = Scheme::q4_1,
     .name = "q4_1",
     .element = Element::u8,
     .block = 32,
     .blockBytes = 20,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q4_1>,
     .load = loadBlocks<Scheme::q4_1>,
     .group = 32,
     .bits = 4,
     .hasMinimum = true,
     .split = splitQ4_1,
     .join = joinQ4_1},
    {.scheme = Scheme::q5_0,
     .name = "q5_0",
     .element = Element::u8,
     .block = 32,
     .blockBytes = 22,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q5_0>,
     .load = loadBlocks<Scheme::q5_0>,
     .group = 32,
     .bits = 4,
     .highBits = 1,
     .bias = 16,
     .split = splitQ5_0,
     .join = joinQ5_0},
    {.scheme = Scheme::q5_1,
     .name = "q5_1",
     .element = Element::u8,
     .block = 32,
     .blockBytes = 24,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q5_1>,
     .load = loadBlocks<Scheme::q5_1>,
     .group = 32,
     .bits = 4,
     .highBits = 1,
     .hasMinimum = true,
     .split = splitQ5_1,
     .join = joinQ5_1},
    {.scheme = Scheme::iq4_nl,
     .name = "iq4_nl",
     .element = Element::u8,
     .block = 32,
     .blockBytes = 18,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::iq4_nl>,
     .load = loadBlocks<Scheme::iq4_nl>,
     .group = 32,
     .bits = 4,
     .values = kUnevenValues,
     .split = splitQ4_0,
     .join = joinQ4_0},
    {.scheme = Scheme::q2_k,
     .name = "q2_k",
     .element = Element::u8,
     .block = 256,
     .blockBytes = 84,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q2_k>,
     .load = loadBlocks<Scheme::q2_k>,
     .group = 16,
     .bits = 2,
     .mostFactor = 15,
     .inSmallBlocks = Scheme::q4_0,
     .hasMinimum = true,
     .split = splitQ2_K,
     .join = joinQ2_K},
    {.scheme = Scheme::q3_k,
     .name = "q3_k",
     .element = Element::u8,
     .block = 256,
     .blockBytes = 110,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q3_k>,
     .load = loadBlocks<Scheme::q3_k>,
     .group = 16,
     .bits = 2,
     .highBits = 1,
     .bias = 4,
     .mostFactor = 31,
     .inSmallBlocks = Scheme::q4_0,
     .split = splitQ3_K,
     .join = joinQ3_K},
    {.scheme = Scheme::q4_k,
     .name = "q4_k",
     .element = Element::u8,
     .block = 256,
     .blockBytes = 144,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q4_k>,
     .load = loadBlocks<Scheme::q4_k>,
     .group = 32,
     .bits = 4,
     .mostFactor = 63,
     .inSmallBlocks = Scheme::q5_0,
     .hasMinimum = true,
     .split = splitQ4_K,
     .join = joinQ4_K},
    {.scheme = Scheme::q5_k,
     .name = "q5_k",
     .element = Element::u8,
     .block = 256,
     .blockBytes = 176,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q5_k>,
     .load = loadBlocks<Scheme::q5_k>,
     .group = 32,
     .bits = 4,
     .highBits = 1,
     .mostFactor = 63,
     .inSmallBlocks = Scheme::q5_1,
     .hasMinimum = true,
     .split = splitQ5_K,
     .join = joinQ5_K},
    {.scheme = Scheme::q6_k,
     .name = "q6_k",
     .element = Element::u8,
     .block = 256,
     .blockBytes = 210,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::q6_k>,
     .load = loadBlocks<Scheme::q6_k>,
     .group = 16,
     .bits = 4,
     .highBits = 2,
     .bias = 32,
     .mostFactor = 127,
     .inSmallBlocks = Scheme::q8_0,
     .split = splitQ6_K,
     .join = joinQ6_K},
    {.scheme = Scheme::iq4_xs,
     .name = "iq4_xs",
     .element = Element::u8,
     .block = 256,
     .blockBytes = 136,
     .weights = true,
     .caches = false,
     .store = storeBlocks<Scheme::iq4_xs>,
     .load = loadBlocks<Scheme::iq4_xs>,
     .group = 32,
     .bits = 4,
     .values = kUnevenValues,
     .mostFactor = 31,
     .inSmallBlocks = Scheme::iq4_nl,
     .split = splitIQ4_XS,
     .join = joinIQ4_XS},
};

} // namespace

std::span<const SchemeRow> allSchemes() {
  return kRows;
}

const SchemeRow &rowOf(Scheme scheme) {
  const SchemeRow *row = std::ranges::find(kRows, scheme, &SchemeRow::scheme);
  assert(row != std::end(kRows) && "every scheme has a row");
  return *row;
}

std::optional<Scheme> findScheme(std::string_view name) {
  const SchemeRow *row = std::ranges::find(kRows, name, &SchemeRow::name);
  return row == std::end(kRows) ? std::nullopt : std::optional(row->scheme);
}

std::string namesOfSchemes(bool SchemeRow::*use) {
  std::string names;
  for (const SchemeRow &row : kRows)
    if (row.*use)
      names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

int64_t storedRowBytes(Scheme scheme, int64_t columns) {
  const SchemeRow &row = rowOf(scheme);
  assert(columns % row.block == 0 && "rows are whole blocks");
  return columns / row.block * row.blockBytes;
}

void storeRow(Scheme scheme, std::span<const float> row, uint8_t *stored) {
  assert(int64_t(row.size()) % rowOf(scheme).block == 0 && "rows are whole blocks");
  rowOf(scheme).store(row.data(), int64_t(row.size()), stored);
}

void loadRow(Scheme scheme, const uint8_t *stored, std::span<float> row) {
  assert(int64_t(row.size()) % rowOf(scheme).block == 0 && "rows are whole blocks");
  rowOf(scheme).load(stored, int64_t(row.size()), row.data());
}

GroupStep stepOf(const SchemeRow &scheme, const BlockParts &parts, int64_t g) {
  float scale = fromHalf(parts.scale), minimum = scheme.hasMinimum ? fromHalf(parts.minimum) : 0;
  if (!scheme.hasFactors())
    return {scale, minimum};
  return {scale * float(parts.factors[size_t(g)]), minimum * float(parts.offsets[size_t(g)])};
}

} // namespace gemmac
