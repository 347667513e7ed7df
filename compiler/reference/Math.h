//===- Math.h - each op of the gemma dialect as a plain function: the definition of right ---------------===//
//
// One function an op, named after it. Sums run in double and are rounded to float32 once; everything else is
// rounded to float32 where the op's formula has a result of its own. A fused op is exactly the composition of
// the ops that it stands for (attention, add_norm, gelu_mul, experts), so a pass that fuses or splits changes
// no bit. A row's result depends on no other row of the call: any cut of a sequence into calls gives the same
// numbers. Shapes are the caller's business: here they are asserted.

#ifndef GEMMAC_COMPILER_REFERENCE_MATH_H
#define GEMMAC_COMPILER_REFERENCE_MATH_H

#include "compiler/reference/Array.h"
#include "contract/Scheme.h"

#include <optional>

namespace gemmac::reference {

//===--- LinearMath.cpp: tables, matrices and what their inputs need ---===//

/// result[t] = scale * table[ids[t], offset : offset + width]; the result is (tokens, inner...).
Array embed(const Array &ids, const Array &table, float scale, int64_t offset, Shape inner);

/// result[t, r] = sum over k of x[t, k] * weight[offset + r, k]; the result is (tokens, inner...).
/// x and weight are both floats or both blocks. Blocks: the int32 dot of each block times the product of its
/// two float32 scales, added in float32 in order. Where a weight's blocks are smaller than x's or have
/// offsets, the dot times the scale and the sum of x's bytes times the offset, in double, times x's scale.
Array linear(const Array &x, const Array &weight, int64_t offset, Shape inner);

/// Per block of the last axis: scale = max |x| / 127, byte = round to nearest even (x / scale), all zero
/// where the block is zero.
Array quantize(const Array &x, int64_t block);

/// byte * scale, + offset where there is one.
Array dequantize(const Array &x);

//===--- ElementwiseMath.cpp: norms, activations and what acts on every number ---===//

/// x * (mean(x^2) + eps)^(-1/2) * weight over the last axis; without weight the last factor is 1.
Array rmsNorm(const Array &x, const Array *weight, float eps);

/// (residual + rmsNorm(x)) * scalar; without scalar the last factor is 1.
Array addNorm(const Array &residual, const Array &x, const Array &weight, float eps,
              std::optional<float> scalar);

/// 0.5 * x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3)))
Array gelu(const Array &x);
Array geluMul(const Array &gate, const Array &up);
Array scale(const Array &x, float by);
Array softcap(const Array &x, float cap);
/// exp(x - max) / sum exp(x - max) over the last axis; where x is minus infinity the result is 0.
Array softmax(const Array &x);
Array add(const Array &a, const Array &b);
Array multiply(const Array &a, const Array &b);
/// The indices from `offset`, `count` of them, of one axis; with `drop` the axis disappears from the shape.
Array slice(const Array &x, int64_t axis, int64_t offset, int64_t count, bool drop);

//===--- AttentionMath.cpp: rotation, attention and its caches. Heads are grouped in order. ---===//

/// Turns the first `pairs` pairs (j, j + dim/2) of each head by position * theta^(-2j/dim) / factor; row i
/// stands at positions[i]. Frequency and angle are float32.
Array rope(const Array &x, const Array &positions, double theta, int64_t pairs, double factor);

/// result[t, h, j] = scale * sum over c of query[t, h, c] * keys[j, h / g, c]
Array scores(const Array &query, const Array &keys, float scale);

/// Minus infinity unless j <= t and, with a window, j > t - window.
Array mask(const Array &scores, std::optional<int64_t> window);

/// result[t, h, c] = sum over j of probabilities[t, h, j] * values[j, h / g, c]
Array mix(const Array &probabilities, const Array &values);

/// mix(softmax(mask(scores(query, keys))), values)
Array attention(const Array &query, const Array &keys, const Array &values, float scale,
                std::optional<int64_t> window);

/// What one layer keeps between calls: position p lives in slot p mod slots.
struct Cache {
  Array keys, values; ///< (slots, kv heads, dim)
  /// What numbers are rounded to where they are stored; quantized ones share a float32 scale for each head of
  /// a position.
  Scheme stored = Scheme::f32;
  /// Not 0: of keys only channels c and c + dim / 2 are kept, c < pairs; the others are 0.
  int64_t pairs = 0;
};

/// Row i goes to slot positions[i] mod slots.
void cacheWrite(Cache &cache, const Array &keys, const Array &values, const Array &positions);

/// As attention, with query row i at positions[i], which sees the last `window` positions up to its own and
/// those up to visible[i], and keys and values from the cache, which holds this call's own tokens already.
/// What a cache of pairs does not keep of a key is its value times `keyWeight`.
Array cachedAttention(const Array &query, const Cache &cache, const Array &positions, const Array &visible,
                      float scale, std::optional<int64_t> window, std::span<const float> keyWeight = {});

//===--- ExpertMath.cpp: mixture of experts. n tokens, E experts of which K work for a token. ---===//

struct Chosen {
  Array weights; ///< (n, K)
  Array ids;     ///< (n, K)
};
/// The K largest probabilities of a token, largest first, the lower id first among equals; weights sum to 1
/// before each is scaled.
Chosen topK(const Array &probabilities, const Array &expertScale, int64_t choices);

/// combine(expertLinear(geluMul(expertLinear(x, gateUp)), down))
Array experts(const Array &x, const Array &ids, const Array &weights, const Array &gateUp, const Array &down);

/// result[t, i, r] = sum over k of x[t, (i,) k] * weight[ids[t, i], r, k], as linear does it.
Array expertLinear(const Array &x, const Array &ids, const Array &weight);

/// result[t] = sum over i of weights[t, i] * x[t, i]
Array combine(const Array &x, const Array &weights);

struct Groups {
  Array order;   ///< (n * K): pairs t * K + i, those of expert 0 first, stable
  Array place;   ///< (n, K): where a pair stands in order
  Array offsets; ///< (E + 1): expert e has order[offsets[e] : offsets[e + 1]]
};
Groups groupByExpert(const Array &ids, int64_t experts);

/// result[p] = x[order[p] / choices]
Array gatherTokens(const Array &x, const Array &order, int64_t choices);

/// result[p, r] = sum over k of x[p, k] * weight[e, r, k] for p in [offsets[e], offsets[e + 1]), as linear
/// does it.
Array groupedLinear(const Array &x, const Array &offsets, const Array &weight);

/// result[t] = sum over i of weights[t, i] * x[place[t, i]]
Array combineGroups(const Array &x, const Array &place, const Array &weights);

} // namespace gemmac::reference

#endif
