//===- KernelOperands.cpp - arrays of a plan as arrays of the reference ---------------------------------===//

#include "compiler/reference/Math.h"
#include "compiler/verify/PlanKernels.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace gemmac::verify {

using reference::Array;
using reference::Blocks;

void KernelOperands::fail(const llvm::Twine &text) {
  if (error.empty())
    error = ("operand " + llvm::Twine(used ? used - 1 : 0) + " " + text).str();
}

bool KernelOperands::check(bool right, const llvm::Twine &otherwise) {
  if (!right)
    fail(otherwise);
  return !failed();
}

const Region &KernelOperands::next() {
  static const Region none = [] {
    Region region;
    region.sizes = region.strides = {0};
    return region;
  }();
  if (used < operands.size())
    return operands[used++];
  fail("is missing");
  return none;
}

std::vector<uint8_t> KernelOperands::bytesOf(const Region &region) {
  std::vector<uint8_t> bytes;
  if (!failed())
    if (llvm::Error loaded = memory.load(region, bytes))
      fail(llvm::toString(std::move(loaded)));
  if (failed())
    bytes.assign(region.element ? size_t(region.numbers() * region.elementBytes()) : 0, 0);
  return bytes;
}

void KernelOperands::store(const Region &region, std::span<const uint8_t> bytes) {
  if (failed())
    return;
  if (llvm::Error stored = memory.store(region, bytes))
    fail(llvm::toString(std::move(stored)));
}

template <typename T>
std::vector<T> KernelOperands::numbersOf(const Region &region, bool fits) {
  std::vector<T> numbers(static_cast<size_t>(region.numbers()));
  if (!fits)
    fail("has elements of another type");
  if (std::vector<uint8_t> bytes = bytesOf(region); !failed() && !bytes.empty())
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

Array KernelOperands::floats() {
  const Region &region = next();
  return {region.sizes, numbersOf<float>(region, region.element && region.element.isF32())};
}

Array KernelOperands::ids() {
  const Region &region = next();
  return {region.sizes, numbersOf<int32_t>(region, region.element && region.element.isInteger(32))};
}

Array KernelOperands::indices(int64_t end) {
  Array array = ids();
  for (int32_t &index : array.ids())
    if (index < 0 || index >= end) {
      fail("has the index " + llvm::Twine(index) + ", which is not below " + llvm::Twine(end));
      index = 0;
    }
  return array;
}

static int32_t sumOf(std::span<const int8_t> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), int32_t{0});
}

Array KernelOperands::blocks() {
  const Region &region = next();
  std::vector<int8_t> bytes = numbersOf<int8_t>(region, region.element && region.element.isInteger(8));
  if (region.sizes.back() % kBlock)
    fail("has rows that are no whole blocks");
  Array scales = floats(), sums = ids();
  size_t count = bytes.size() / kBlock;
  if (scales.floats().size() != 2 * count || sums.ids().size() != 2 * count)
    fail("has no two scales and two sums for each block");
  std::vector<float> ofBlocks(count);
  for (size_t b = 0; b < count && !failed(); ++b) {
    int32_t first = sumOf(std::span(bytes).subspan(b * kBlock, kBlock / 2)),
            sum = first + sumOf(std::span(bytes).subspan(b * kBlock + kBlock / 2, kBlock / 2));
    if (sums.ids()[2 * b] != -8 * sum || sums.ids()[2 * b + 1] != -8 * first)
      fail("is " + llvm::Twine(sums.ids()[2 * b]) + " and " + llvm::Twine(sums.ids()[2 * b + 1]) +
           " for block " + llvm::Twine(b) + ", whose numbers are " + llvm::Twine(sum) + " together, and " +
           llvm::Twine(first) + " those of the first half: not -8 times that");
    ofBlocks[b] = scales.floats()[2 * b];
    float scaled = ofBlocks[b] * float(sum);
    if (scales.floats()[2 * b + 1] != scaled)
      fail("is " + std::to_string(scales.floats()[2 * b + 1]) + " behind the scale of block " +
           llvm::Twine(b) + ", not the scale times the sum of its numbers, " + std::to_string(scaled));
  }
  if (failed())
    return {region.sizes, Blocks{region.sizes.back(), std::vector<int8_t>(bytes.size()),
                                 std::vector<float>(bytes.size() / size_t(region.sizes.back()))}};
  return {region.sizes, Blocks{kBlock, std::move(bytes), std::move(ofBlocks)}};
}

template <typename T>
static std::span<const uint8_t> asBytes(const std::vector<T> &numbers) {
  return {reinterpret_cast<const uint8_t *>(numbers.data()), numbers.size() * sizeof(T)};
}

void KernelOperands::put(const Array &numbers) {
  if (numbers.isBlocks()) {
    const Blocks &blocks = numbers.blocks();
    std::vector<int32_t> sums;
    std::vector<float> scales;
    auto half = size_t(blocks.size / 2);
    for (size_t b = 0; b < blocks.scales.size(); ++b) {
      auto numbers = std::span(blocks.bytes).subspan(2 * b * half, 2 * half);
      int32_t first = sumOf(numbers.first(half)), sum = first + sumOf(numbers.last(half));
      sums.insert(sums.end(), {-8 * sum, -8 * first});
      scales.insert(scales.end(), {blocks.scales[b], blocks.scales[b] * float(sum)});
    }
    const Region &bytes = next();
    if (bytes.numbers() != int64_t(blocks.bytes.size()) || !bytes.element.isInteger(8))
      return fail("is no array of the kernel's int8 numbers");
    store(bytes, asBytes(blocks.bytes));
    auto rows = int64_t(sums.size());
    put(Array({rows}, std::move(scales)));
    put(Array({rows}, std::move(sums)));
    return;
  }
  const Region &region = next();
  if (region.numbers() != reference::numbersOf(numbers.shape()))
    return fail("has " + llvm::Twine(region.numbers()) + " numbers, but the kernel makes " +
                llvm::Twine(reference::numbersOf(numbers.shape())));
  if (numbers.isFloats() ? !region.element.isF32() : !region.element.isInteger(32))
    return fail("has elements of another type than the kernel makes");
  store(region, numbers.isFloats() ? asBytes(numbers.floats()) : asBytes(numbers.ids()));
}

llvm::Error KernelOperands::finish() {
  if (!failed() && used != operands.size())
    error = ("has " + llvm::Twine(operands.size()) + " operands, but takes " + llvm::Twine(used)).str();
  return failed() ? llvm::createStringError(error) : llvm::Error::success();
}

} // namespace gemmac::verify
