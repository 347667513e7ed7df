//===- PlanCaches.cpp - caches in their planes, and attention over them ---------------------------------===//
//
// Where a head of a position stands in a plane is contract/CacheLayout.h's; what becomes of it is the
// reference's math.

#include "compiler/reference/Math.h"
#include "compiler/verify/PlanKernels.h"
#include "contract/CacheLayout.h"
#include "contract/SmallFloats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace gemmac::verify {

using reference::Array;
using reference::Cache;

namespace {

/// The planes of a cache, a head of a position at a time.
class CachePlanes {
public:
  CachePlanes(const KernelSpec &spec, KernelOperands &operands)
      : operands(operands), scheme(spec.scheme()),
        heads(spec.integer(spec.has("kv_heads") ? "kv_heads" : "heads")), dim(spec.integer("dim")),
        pairs(spec.has("pairs") ? spec.integer("pairs") : 0), beside(neighboursOf(scheme, pairs)),
        spans(spansOf(spec.integer("slots"))) {
    for (const Plane &plane : cachePlanesOf(scheme, spec.integer("slots"), heads, dim, pairs)) {
      planes.push_back(&operands.next());
      if (planes.back()->sizes != plane.shape)
        operands.fail("has another shape than the cache's plane");
    }
  }

  void write(int64_t position, int64_t head, std::span<const float> key, std::span<const float> value) {
    std::vector<float> kept;
    for (int64_t i = 0; i < keptChannels(); ++i)
      kept.push_back(key[size_t(channelOf(i))]);
    writeHead(keyAt(position, head), 2, position, head, kept);
    writeHead(valueAt(position, head), 3, position, head, value);
  }

  /// Positions first … last as the reference has a cache: channels of keys that are not kept are 0.
  Cache read(int64_t first, int64_t last) {
    int64_t rows = std::max<int64_t>(last - first + 1, 1);
    Cache cache{Array::zeros({rows, heads, dim}), Array::zeros({rows, heads, dim}), Scheme::f32, pairs};
    for (int64_t p = first; p <= last && !operands.failed(); ++p)
      for (int64_t h = 0; h < heads; ++h) {
        std::vector<float> key = readHead(keyAt(p, h), 2, p, h), value = readHead(valueAt(p, h), 3, p, h);
        for (size_t i = 0; i < key.size(); ++i)
          cache.keys.row(p % rows)[size_t(h * dim + channelOf(int64_t(i)))] = key[i];
        std::ranges::copy(value, cache.values.row(p % rows).begin() + h * dim);
      }
    return cache;
  }

private:
  int64_t keptChannels() const { return pairs ? 2 * pairs : dim; }
  int64_t channelOf(int64_t kept) const { return pairs && kept >= pairs ? kept - pairs + dim / 2 : kept; }

  /// A head of a position: its numbers are `sizes`, each `strides` elements from the one before.
  Region part(size_t plane, int64_t position, int64_t head, int64_t at, std::vector<int64_t> sizes,
              std::vector<int64_t> strides) const {
    Region region = *planes[plane];
    int64_t span = position / kSpan % spans;
    region.offset += (span * region.strides[0] + head * region.strides[1] + at) * region.elementBytes();
    region.sizes = std::move(sizes), region.strides = std::move(strides);
    return region;
  }
  /// Positions in groups of 16, channel after channel.
  Region inGroup(size_t plane, int64_t position, int64_t head, int64_t channels) const {
    const Region &whole = *planes[plane];
    int64_t place = position % kSpan;
    return part(plane, position, head, place / kGroup * whole.strides[2] + place % kGroup * beside,
                {channels / beside, beside}, {whole.strides[3], 1});
  }
  Region keyAt(int64_t position, int64_t head) const { return inGroup(0, position, head, keptChannels()); }
  Region valueAt(int64_t position, int64_t head) const {
    if (pairs)
      return inGroup(1, position, head, dim);
    const Region &whole = *planes[1];
    int64_t place = position % kSpan, strip = stripOf(dim);
    return part(1, position, head, place / beside * whole.strides[3] + place % beside, {dim / strip, strip},
                {whole.strides[2], beside});
  }
  Region scaleAt(size_t plane, int64_t position, int64_t head) const {
    return part(plane, position, head, position % kSpan, {1}, {1});
  }

  void writeHead(const Region &region, size_t scales, int64_t position, int64_t head,
                 std::span<const float> numbers) {
    std::vector<uint8_t> bytes(size_t(region.numbers() * region.elementBytes()));
    if (!isQuantized(scheme)) {
      rowOf(scheme).store(numbers.data(), int64_t(numbers.size()), bytes.data());
      return operands.store(region, bytes);
    }
    auto count = int64_t(numbers.size());
    Array rows = quantize(Array({count}, std::vector<float>(numbers.begin(), numbers.end())), count);
    std::memcpy(bytes.data(), rows.blocks().bytes.data(), bytes.size());
    operands.store(region, bytes);
    std::vector<uint8_t> scale(sizeof(float));
    std::memcpy(scale.data(), rows.blocks().scales.data(), scale.size());
    operands.store(scaleAt(scales, position, head), scale);
  }

  std::vector<float> readHead(const Region &region, size_t scales, int64_t position, int64_t head) {
    std::vector<float> numbers(size_t(region.numbers()));
    std::vector<uint8_t> bytes = operands.bytesOf(region);
    if (!isQuantized(scheme)) {
      rowOf(scheme).load(bytes.data(), int64_t(numbers.size()), numbers.data());
      return numbers;
    }
    float scale = 0;
    std::memcpy(&scale, operands.bytesOf(scaleAt(scales, position, head)).data(), sizeof(scale));
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = float(int8_t(bytes[i])) * scale;
    return numbers;
  }

  KernelOperands &operands;
  Scheme scheme;
  int64_t heads, dim, pairs, beside, spans;
  std::vector<const Region *> planes;
};

/// What attention takes, and the positions that its tokens see.
struct AttentionInputs {
  AttentionInputs(const KernelSpec &spec, KernelOperands &operands)
      : query(operands.floats()), positions(operands.ids()), visible(operands.ids()), planes(spec, operands),
        window(spec.integer("window")), slots(spansOf(spec.integer("slots")) * kSpan) {
    if (spec.has("pairs"))
      keyWeight = operands.floats();
    if (positions.rows() != query.rows() || visible.rows() != query.rows())
      operands.fail("has another number of positions than of queries");
    if (operands.failed() || query.rows() == 0)
      return;
    first = firstSeen(*std::ranges::min_element(positions.ids()));
    last = *std::ranges::max_element(visible.ids());
    if (first < 0 || last - first >= slots)
      operands.fail("asks for positions " + llvm::Twine(first) + " to " + llvm::Twine(last) +
                    " of a cache with " + llvm::Twine(slots) + " places");
  }

  int64_t firstSeen(int64_t position) const {
    return window ? std::max<int64_t>(0, position - window + 1) : 0;
  }
  std::span<const float> weight() const {
    return keyWeight ? std::span<const float>(keyWeight->floats()) : std::span<const float>();
  }

  Array query, positions, visible;
  CachePlanes planes;
  std::optional<Array> keyWeight;
  int64_t window, slots, first = 0, last = -1;
};

constexpr float kLowestPower = -100000;

} // namespace

void cacheWrite(const KernelSpec &spec, KernelOperands &operands) {
  Array keys = operands.floats(), values = operands.floats(), positions = operands.ids();
  CachePlanes planes(spec, operands);
  if (positions.rows() != keys.rows() || keys.shape() != values.shape())
    operands.fail("does not fit the keys");
  int64_t dim = spec.integer("dim");
  for (int64_t t = 0; t < keys.rows() && !operands.failed(); ++t)
    for (int64_t h = 0; h < keys.size(1); ++h)
      planes.write(positions.ids()[size_t(t)], h, keys.row(t).subspan(size_t(h * dim), size_t(dim)),
                   values.row(t).subspan(size_t(h * dim), size_t(dim)));
}

void cachedAttention(const KernelSpec &spec, KernelOperands &operands) {
  AttentionInputs in(spec, operands);
  Cache cache = in.planes.read(in.first, in.last);
  if (operands.failed())
    return;
  std::optional<int64_t> window = in.window ? std::optional(in.window) : std::nullopt;
  operands.put(reference::cachedAttention(in.query, cache, in.positions, in.visible,
                                          float(spec.number("scale")), window, in.weight()));
}

/// A head's numbers in row `row` of (rows, heads, dim).
static std::vector<float> headOf(const Array &all, int64_t row, int64_t head) {
  std::span<const float> from = all.row(row).subspan(size_t(head * all.size(2)), size_t(all.size(2)));
  return {from.begin(), from.end()};
}

/// part[c] = sum over j of e^score[j] / 2^power * value[j, c] for positions first … last, which one query
/// head sees; behind them the sum of the weights, and the power: that of the largest score.
static void addSpan(const AttentionInputs &in, const Cache &cache, int64_t head, int64_t kv, float scale,
                    int64_t first, int64_t last, std::span<float> part) {
  int64_t dim = in.query.size(2), rows = cache.keys.rows(), count = last - first + 1;
  std::vector<float> keys;
  for (int64_t p = first; p <= last; ++p) {
    std::vector<float> key = headOf(cache.keys, p % rows, kv), value = headOf(cache.values, p % rows, kv);
    for (int64_t c = 0; cache.pairs && c < dim; ++c)
      if (c % (dim / 2) >= cache.pairs)
        key[size_t(c)] = value[size_t(c)] * in.weight()[size_t(c)];
    keys.insert(keys.end(), key.begin(), key.end());
  }
  Array query({1, 1, dim}, headOf(in.query, 0, head));
  Array scores = reference::scores(query, Array({count, 1, dim}, std::move(keys)), scale);
  double most = *std::ranges::max_element(scores.floats());
  double power = std::max<double>(std::ceil(most * std::numbers::log2e), kLowestPower);
  std::vector<double> sums(size_t(dim) + 1, 0.0);
  for (int64_t j = 0; j < count; ++j) {
    double weight = std::exp(double(scores.floats()[size_t(j)]) - power * std::numbers::ln2);
    std::vector<float> value = headOf(cache.values, (first + j) % rows, kv);
    for (int64_t c = 0; c < dim; ++c)
      sums[size_t(c)] += weight * double(value[size_t(c)]);
    sums[size_t(dim)] += weight;
  }
  std::ranges::transform(sums, part.begin(), [](double sum) { return float(sum); });
  part[size_t(dim + 1)] = float(power);
}

void attentionSpans(const KernelSpec &spec, KernelOperands &operands) {
  AttentionInputs in(spec, operands);
  Cache cache = in.planes.read(in.first, in.last);
  if (in.query.rows() != 1)
    operands.fail("is not one token");
  const Region &out = operands.next();
  int64_t heads = spec.integer("heads"), kvHeads = spec.integer("kv_heads"), dim = spec.integer("dim");
  int64_t group = heads / kvHeads, channels = dim + kGroup;
  if (out.sizes.size() != 3 || out.sizes[1] != group || out.sizes[2] != channels)
    operands.fail("is no array of parts");
  if (operands.failed())
    return;
  Array parts = Array::zeros(out.sizes);
  for (int64_t piece = 0; piece < parts.rows(); ++piece) {
    int64_t span = in.first / kSpan + piece / kvHeads, kv = piece % kvHeads;
    int64_t first = std::max(in.first, span * kSpan), last = std::min(in.last, (span + 1) * kSpan - 1);
    for (int64_t m = 0; m < group; ++m) {
      std::span<float> part = parts.row(piece).subspan(size_t(m * channels), size_t(channels));
      part[size_t(dim + 1)] = kLowestPower;
      if (first <= last)
        addSpan(in, cache, kv * group + m, kv, float(spec.number("scale")), first, last, part);
    }
  }
  operands.store(
      out, {reinterpret_cast<const uint8_t *>(parts.floats().data()), parts.floats().size() * sizeof(float)});
}

void mergeSpans(const KernelSpec &spec, KernelOperands &operands) {
  Array parts = operands.floats();
  int64_t heads = spec.integer("heads"), kvHeads = spec.integer("kv_heads"), dim = spec.integer("dim");
  int64_t group = heads / kvHeads, channels = dim + kGroup;
  if (parts.rank() != 3 || parts.size(1) != group || parts.size(2) != channels)
    return operands.fail("is no array of parts");
  Array result = Array::zeros({1, heads, dim});
  for (int64_t h = 0; h < heads; ++h) {
    auto part = [&](int64_t piece) {
      return parts.row(piece).subspan(size_t(h % group * channels), size_t(channels));
    };
    double highest = kLowestPower;
    for (int64_t piece = h / group; piece < parts.rows(); piece += kvHeads)
      highest = std::max(highest, double(part(piece)[size_t(dim + 1)]));
    std::vector<double> sums(size_t(dim) + 1, 0.0);
    for (int64_t piece = h / group; piece < parts.rows(); piece += kvHeads)
      for (int64_t c = 0; c <= dim; ++c)
        sums[size_t(c)] +=
            double(part(piece)[size_t(c)]) * std::exp2(double(part(piece)[size_t(dim + 1)]) - highest);
    for (int64_t c = 0; c < dim; ++c)
      result.row(0)[size_t(h * dim + c)] = float(sums[size_t(c)] / sums[size_t(dim)]);
  }
  operands.put(result);
}

} // namespace gemmac::verify
