//===- SpanProducts.h - the two products of attention to a span of positions ----------------------------===//
// Queries by keys and weights by values: everything that depends on the type of a cache's numbers. There are
// two versions, float32 and integers, under one softmax (SpanAttention.cpp).

#ifndef GEMMAC_TARGETS_KERNELS_SPANPRODUCTS_H
#define GEMMAC_TARGETS_KERNELS_SPANPRODUCTS_H

#include "targets/kernels/SpanAttention.h"

namespace gemmac {

inline constexpr int kPositions = int(kSpan), kLanes = int(kGroup), kGroups = kPositions / kLanes;

/// A span, its queries, and the register tiles of both.
struct Span {
  Span(const SpanQueries &queries, const AttentionShape &shape, const CacheArrays &cache,
       const Target &target);

  const SpanQueries &queries;
  const AttentionShape &shape;
  const CacheArrays &cache;
  Halide::Expr slots; ///< the span's index in the cache
  int vector;         ///< 32-bit lanes of a vector, at most 16
  int strip, strips;
  int groupsTogether, stripsTogether;

  /// Appends the indices that select the rows, head and span.
  std::vector<Halide::Expr> at(std::vector<Halide::Expr> indices) const;
  std::vector<Halide::Var> vars(std::vector<Halide::Var> indices) const;

  /// Does row m see a slot of the span?
  Halide::Expr sees(const Halide::Expr &place, const Halide::Expr &m) const;
  /// The scales of the key and the value that are stored at a slot.
  Halide::Expr keyScale(const Halide::Expr &place) const {
    return cache.keyScale(place, queries.kvHead, slots);
  }
  Halide::Expr valueScale(const Halide::Expr &place) const {
    return cache.valueScale(place, queries.kvHead, slots);
  }
};

/// Loops in which products are computed: over groups of keys, over the rows inside that loop, and over the
/// rows inside the loop over strips of values.
struct SpanLoops {
  Halide::LoopLevel keys, rowsOfKeys, rowsOfStrips;
};

class SpanProducts {
public:
  virtual ~SpanProducts() = default;

  /// scale * q k for slot 16 group + lane. The value is arbitrary or undefined where m does not see the slot.
  virtual Halide::Expr score(Halide::Expr lane, Halide::Expr group, Halide::Expr m) = 0;

  /// Takes the weights (lane, group, m), 0 for slots that m does not see, and returns their products with
  /// channel 16 v + u of the values.
  virtual Halide::Expr mixed(Halide::Func weight, Halide::Expr u, Halide::Expr v, Halide::Expr m) = 0;

  /// Call after both. Appends to `perSpan` the Funcs that are computed once for all rows of a span.
  virtual void schedule(const SpanLoops &loops, std::vector<Halide::Func> &perSpan) = 0;
};

std::unique_ptr<SpanProducts> floatProducts(const Span &span);
std::unique_ptr<SpanProducts> integerProducts(const Span &span);

} // namespace gemmac

#endif
