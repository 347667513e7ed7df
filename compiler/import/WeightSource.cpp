//===- WeightSource.cpp - where the bytes of weights come from ------------------------------------------===//

#include "compiler/import/WeightSource.h"
#include "compiler/import/BlockFormats.h"
#include <algorithm>
#include <array>
#include <cassert>

namespace gemmac {

int64_t SourceTensor::numbers() const {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

bool canReadNumbers(std::string_view scheme) {
  const BlockFormat *format = findBlockFormat(scheme);
  return format && format->decode;
}

bool canReadNumbers(const SourceTensor &tensor) {
  return tensor.computed || canReadNumbers(tensor.scheme);
}

void readNumbers(const SourceTensor &tensor, int64_t first, std::span<float> out) {
  assert(canReadNumbers(tensor) && "the importer refuses schemes that have no reader");
  assert(first >= 0 && int64_t(out.size()) <= tensor.numbers() - first &&
         "the range must lie inside the tensor");
  if (tensor.computed)
    return tensor.computed->read(first, out);
  const BlockFormat &format = *findBlockFormat(tensor.scheme);
  const uint8_t *block = tensor.bytes.data() + first / format.numbers * format.bytes;
  int64_t count = int64_t(out.size()), done = 0;
  // Blocks that the range covers only in part, at its start and end, are decoded whole.
  auto readPart = [&](int64_t skipped) {
    std::array<float, 256> whole;
    format.decode(block, format.numbers, whole.data());
    int64_t taken = std::min(format.numbers - skipped, count - done);
    std::copy_n(whole.begin() + skipped, taken, out.begin() + done);
    done += taken;
    block += format.bytes;
  };
  if (count > 0 && first % format.numbers != 0)
    readPart(first % format.numbers);
  int64_t whole = (count - done) / format.numbers;
  if (whole > 0)
    format.decode(block, whole * format.numbers, out.data() + done);
  done += whole * format.numbers;
  block += whole * format.bytes;
  if (done < count)
    readPart(0);
}

} // namespace gemmac
