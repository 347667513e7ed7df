//===- SpanProducts.h - the two products of attention to a span of positions ----------------------------===//
// Queries by keys, weights by values: all that depends on the type of a cache's numbers. Two ways of it,
// float32 and integers, under one softmax (SpanAttention.cpp).

#ifndef GEMMAC_TARGETS_KERNELS_SPANPRODUCTS_H
#define GEMMAC_TARGETS_KERNELS_SPANPRODUCTS_H

#include "targets/kernels/SpanAttention.h"

namespace gemmac {

inline constexpr int kPositions = int(kSpan), kLanes = int(kGroup), kGroups = kPositions / kLanes;

/// A span, its queries, and how much of both is in registers together.
struct Span {
  Span(const SpanQueries &queries, const AttentionShape &shape, const CacheArrays &cache,
       const Target &target);

  const SpanQueries &queries;
  const AttentionShape &shape;
  const CacheArrays &cache;
  Halide::Expr slots; ///< the span of the cache
  int vector;         ///< 32-bit numbers of a vector, 16 at most
  int strip, strips;
  int groupsTogether, stripsTogether;

  /// Indices before those that say which rows, head and span these are.
  std::vector<Halide::Expr> at(std::vector<Halide::Expr> indices) const;
  std::vector<Halide::Var> vars(std::vector<Halide::Var> indices) const;

  /// Does row m see a place of the span?
  Halide::Expr sees(const Halide::Expr &place, const Halide::Expr &m) const;
  /// The scales of what is kept of a place.
  Halide::Expr keyScale(const Halide::Expr &place) const {
    return cache.keyScale(place, queries.kvHead, slots);
  }
  Halide::Expr valueScale(const Halide::Expr &place) const {
    return cache.valueScale(place, queries.kvHead, slots);
  }
};

/// Loops that products are computed in: over groups of keys, over rows inside it, over the rows that pass a
/// strip of values.
struct SpanLoops {
  Halide::LoopLevel keys, rowsOfKeys, rowsOfStrips;
};

class SpanProducts {
public:
  virtual ~SpanProducts() = default;

  /// scale * q k for the place 16 group + lane. Any number, or none, where m does not see it.
  virtual Halide::Expr score(Halide::Expr lane, Halide::Expr group, Halide::Expr m) = 0;

  /// Takes the weights (lane, group, m), 0 for places that m does not see, and returns their products with
  /// channel 16 v + u of the values.
  virtual Halide::Expr mixed(Halide::Func weight, Halide::Expr u, Halide::Expr v, Halide::Expr m) = 0;

  /// After both. `perSpan` gets what is to be computed once for all rows of a span.
  virtual void schedule(const SpanLoops &loops, std::vector<Halide::Func> &perSpan) = 0;
};

std::unique_ptr<SpanProducts> floatProducts(const Span &span);
std::unique_ptr<SpanProducts> integerProducts(const Span &span);

} // namespace gemmac

#endif
