//===- WeightPacker.cpp - a weight's numbers, from the checkpoint into its planes -----------------------===//

#include "compiler/package/WeightPacker.h"

#include "compiler/import/FiniteNumbers.h"
#include "compiler/import/SourceRows.h"
#include "compiler/package/OutputFile.h"
#include "contract/SmallFloats.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace gemmac {
namespace {

/// Numbers in one unit of work: 4 MiB as float32, plus their stored and packed forms.
constexpr int64_t kPieceNumbers = 1 << 20;

/// Quantization error of some numbers.
struct Loss {
  double squares = 0, of = 0; ///< sums of squares: of the errors, of the original numbers
  double largest = 0;
  int64_t blocks = 0, recovered = 0; ///< as in PackedWeight

  void add(const Loss &other) {
    squares += other.squares;
    of += other.of;
    largest = std::max(largest, other.largest);
    blocks += other.blocks;
    recovered += other.recovered;
  }

  /// `numbers` are bfloat16.
  void countRecovered(std::span<const float> numbers, std::span<const float> kept) {
    auto rounded = [](float number) { return fromBfloat(toBfloat(number)); };
    for (size_t first = 0; first + kBlock <= numbers.size(); first += kBlock) {
      auto original = numbers.subspan(first, kBlock), stored = kept.subspan(first, kBlock);
      if (std::ranges::all_of(original, [](float number) { return number == 0; }))
        continue;
      ++blocks;
      recovered += std::ranges::equal(original, stored, {}, {}, rounded);
    }
  }
};

/// A weight's sources, addressed by expert and row.
class Rows {
public:
  static llvm::Expected<Rows> open(const PlannedWeight &weight, const WeightSource &source);

  /// Writes the row in its stored form and adds its error to `loss`. A number that is not finite, or that the
  /// scheme cannot hold, is an error that names its place in the file.
  llvm::Error store(int64_t expert, int64_t row, std::span<uint8_t> stored, Loss &loss) const;

  /// Hint: these rows of one expert will not be read again.
  void release(int64_t expert, int64_t firstRow, int64_t count) const;

private:
  struct Part {
    SourceRows source;
    int64_t first; ///< row of the weight that is this part's row 0
  };
  Rows(const PlannedWeight &weight, const WeightSource &source)
      : weight_(weight), source_(source), shape_(weight.shape()) {}
  const Part &partOf(int64_t row) const;
  void readVector(std::span<float> numbers) const;
  llvm::Error wrongNumber(int64_t expert, int64_t row, int64_t column, float number,
                          const llvm::Twine &why) const;

  const PlannedWeight &weight_;
  const WeightSource &source_;
  WeightShape shape_;
  std::vector<Part> parts_;
};

llvm::Expected<Rows> Rows::open(const PlannedWeight &weight, const WeightSource &source) {
  Rows rows(weight, source);
  bool vector = weight.logical.size() == 1;
  // For stacking, each number of a vector counts as a row.
  int64_t experts = std::max<int64_t>(rows.shape_.experts, 1), columns = vector ? 1 : rows.shape_.columns;
  int64_t expected = vector ? rows.shape_.columns : rows.shape_.rows, found = 0;
  for (const TensorRange &range : weight.sources) {
    llvm::Expected<SourceRows> part = SourceRows::open(range, source, experts, columns);
    if (!part)
      return makeError("weight '" + weight.name + "': " + llvm::toString(part.takeError()));
    rows.parts_.push_back({*part, found});
    found += part->rows();
  }
  if (found != expected)
    return makeError("weight '" + weight.name + "' has " + llvm::Twine(expected) +
                     " rows, but its tensors have " + llvm::Twine(found));
  return rows;
}

void Rows::readVector(std::span<float> numbers) const {
  for (const Part &part : parts_)
    part.source.read(
        0, 0, numbers.subspan(static_cast<size_t>(part.first), static_cast<size_t>(part.source.rows())));
}

const Rows::Part &Rows::partOf(int64_t row) const {
  return *std::find_if(parts_.rbegin(), parts_.rend(),
                       [&](const Part &candidate) { return candidate.first <= row; });
}

llvm::Error Rows::wrongNumber(int64_t expert, int64_t row, int64_t column, float number,
                              const llvm::Twine &why) const {
  bool vector = weight_.logical.size() == 1;
  const Part &part = partOf(vector ? column : row);
  const SourceTensor &tensor = part.source.tensor();
  std::string place = part.source.placeOf(expert, (vector ? column : row) - part.first, vector ? 0 : column);
  std::string shown;
  llvm::raw_string_ostream(shown) << llvm::format("%g", static_cast<double>(number));
  return makeError(source_.fileOf(tensor.name) + ": tensor '" + tensor.name + "': number " + place + " is " +
                   shown + ", " + why);
}

/// Blocks with a scale in float16 cannot hold every float32: their scale becomes infinite, or no scale fits
/// and their numbers become 0. Of numbers that fit, the largest of a block loses less than half.
static bool isLost(float number, float kept) {
  constexpr float kLargestHalf = 65504;
  return !std::isfinite(kept) ||
         (std::fabs(number) > kLargestHalf && std::fabs(number - kept) > std::fabs(number) / 2);
}

/// The largest number that is lost; nothing if none is.
static std::optional<int64_t> largestLost(std::span<const float> numbers, std::span<const float> kept) {
  std::optional<int64_t> largest;
  for (size_t i = 0; i < numbers.size(); ++i)
    if (isLost(numbers[i], kept[i]) &&
        (!largest || std::fabs(numbers[i]) > std::fabs(numbers[static_cast<size_t>(*largest)])))
      largest = static_cast<int64_t>(i);
  return largest;
}

llvm::Error Rows::store(int64_t expert, int64_t row, std::span<uint8_t> stored, Loss &loss) const {
  thread_local std::vector<float> numbers, kept;
  constexpr const char *kFinite = "but every weight must be finite";
  numbers.resize(static_cast<size_t>(shape_.columns));
  bool fromBfloats = false, isStored = false;
  if (weight_.logical.size() == 1) {
    readVector(numbers);
  } else {
    const Part &part = partOf(row);
    auto done = SourceRows::Kept::nothing;
    if (!weight_.addOne)
      done = part.source.keep(expert, row - part.first, weight_.scheme, stored);
    if (done == SourceRows::Kept::numbers && !firstNotFinite(nameOf(weight_.scheme), stored))
      return llvm::Error::success();
    isStored = done == SourceRows::Kept::integers;
    part.source.read(expert, row - part.first, numbers);
    fromBfloats = part.source.tensor().scheme == nameOf(Scheme::bf16) && !weight_.addOne;
  }
  if (auto column = firstNotFinite(numbers))
    return wrongNumber(expert, row, *column, numbers[static_cast<size_t>(*column)], kFinite);
  if (weight_.addOne)
    for (float &number : numbers)
      number += 1.0f;
  if (!isStored)
    storeRow(weight_.scheme, numbers, stored.data());
  if (weight_.scheme == Scheme::f32)
    return llvm::Error::success();
  kept.resize(numbers.size());
  loadRow(weight_.scheme, stored.data(), kept);
  double worst = 0;
  bool finite = true;
  for (size_t i = 0; i < numbers.size(); ++i) {
    double difference = static_cast<double>(numbers[i]) - kept[i];
    loss.squares += difference * difference;
    loss.of += static_cast<double>(numbers[i]) * numbers[i];
    worst = std::max(worst, std::fabs(difference));
    finite &= std::isfinite(kept[i]);
  }
  loss.largest = std::max(loss.largest, worst);
  if (fromBfloats && isQuantized(weight_.scheme))
    loss.countRecovered(numbers, kept);
  // Small errors are those of numbers that fit.
  if (!finite || worst > 1000)
    if (auto column = largestLost(numbers, kept))
      return wrongNumber(expert, row, *column, numbers[static_cast<size_t>(*column)],
                         "too large for " + std::string(nameOf(weight_.scheme)) +
                             "; another --scheme, such as f32, holds it");
  return llvm::Error::success();
}

void Rows::release(int64_t expert, int64_t firstRow, int64_t count) const {
  if (weight_.logical.size() == 1)
    return;
  for (const Part &part : parts_) {
    int64_t first = std::max(firstRow, part.first),
            last = std::min(firstRow + count, part.first + part.source.rows());
    if (first < last)
      source_.release(part.source.tensor().name,
                      part.source.around(expert, first - part.first, last - first));
  }
}

/// Rows of one expert that are packed as a small weight of their own: they begin at a tile, so their planes
/// are contiguous parts of the whole planes.
struct Piece {
  int64_t expert = 0, firstRow = 0, rows = 0;
  std::vector<std::vector<uint8_t>> planes;
  Loss loss;
  std::string problem; ///< empty: all rows are packed
};

void pack(Piece &piece, const PlannedWeight &weight, const Rows &rows) {
  WeightShape shape{0, piece.rows, weight.shape().columns};
  std::vector<uint8_t *> starts;
  piece.planes.clear();
  for (const Plane &plane : planesOf(weight.layout, weight.scheme, shape)) {
    piece.planes.emplace_back(static_cast<size_t>(plane.bytes()), uint8_t{0});
    starts.push_back(piece.planes.back().data());
  }
  auto rowBytes = static_cast<size_t>(storedRowBytes(weight.scheme, shape.columns));
  std::vector<uint8_t> stored(rowBytes * static_cast<size_t>(piece.rows));
  for (int64_t row = 0; row < piece.rows; ++row)
    if (llvm::Error error = rows.store(
            piece.expert, piece.firstRow + row,
            std::span(stored).subspan(static_cast<size_t>(row) * rowBytes, rowBytes), piece.loss)) {
      piece.problem = llvm::toString(std::move(error));
      return;
    }
  packRows(weight.layout, weight.scheme, shape, 0, 0, piece.rows, stored.data(), starts);
}

std::vector<Piece> cut(WeightShape shape) {
  std::vector<Piece> pieces;
  int64_t most = std::max(kPieceNumbers / shape.columns / kTileRows, int64_t{1}) * kTileRows;
  for (int64_t expert = 0; expert < std::max<int64_t>(shape.experts, 1); ++expert)
    for (int64_t row = 0; row < shape.rows; row += most)
      pieces.push_back({expert, row, std::min(most, shape.rows - row), {}, {}, {}});
  return pieces;
}

/// The planes of a weight while they are written, each with its running hash.
class Planes {
public:
  Planes(const PlannedWeight &weight, ByteSink sink)
      : sink_(sink), next_(weight.offsets), states_(weight.offsets.size()) {
    for (XXH3_state_t &state : states_)
      XXH3_64bits_reset(&state);
  }

  llvm::Error append(const Piece &piece) {
    for (size_t plane = 0; plane < piece.planes.size(); ++plane) {
      const std::vector<uint8_t> &bytes = piece.planes[plane];
      XXH3_64bits_update(&states_[plane], bytes.data(), bytes.size());
      if (llvm::Error error = sink_(next_[plane], bytes))
        return error;
      next_[plane] += static_cast<int64_t>(bytes.size());
    }
    return llvm::Error::success();
  }

  std::vector<uint64_t> checksums() const {
    std::vector<uint64_t> sums;
    for (const XXH3_state_t &state : states_)
      sums.push_back(XXH3_64bits_digest(&state));
    return sums;
  }

private:
  ByteSink sink_;
  std::vector<int64_t> next_;
  std::vector<XXH3_state_t> states_;
};

} // namespace

llvm::Expected<PackedWeight> packWeight(const PlannedWeight &weight, const WeightSource &source,
                                        llvm::ThreadPoolInterface &threads, ByteSink sink) {
  llvm::Expected<Rows> rows = Rows::open(weight, source);
  if (!rows)
    return rows.takeError();

  Planes planes(weight, sink);
  Loss loss;
  std::vector<Piece> pieces = cut(weight.shape());
  size_t together = std::max(threads.getMaxConcurrency(), 1u);
  for (size_t first = 0; first < pieces.size(); first += together) {
    std::span<Piece> batch = std::span(pieces).subspan(first, std::min(together, pieces.size() - first));
    for (Piece &piece : batch.subspan(1))
      threads.async([&] { pack(piece, weight, *rows); });
    pack(batch.front(), weight, *rows);
    threads.wait();
    // In order, so that checksums and sums of errors are the same for any number of threads.
    for (Piece &piece : batch) {
      if (!piece.problem.empty())
        return makeError(piece.problem);
      if (llvm::Error error = planes.append(piece))
        return error;
      loss.add(piece.loss);
      piece.planes = {};
      rows->release(piece.expert, piece.firstRow, piece.rows);
    }
  }
  return PackedWeight{planes.checksums(), loss.of > 0 ? std::sqrt(loss.squares / loss.of) : 0.0, loss.largest,
                      loss.blocks, loss.recovered};
}

} // namespace gemmac
