//===- SpanAttention.h - attention of some queries to a span of positions -------------------------------===//
// Shared by cached_attention and attention_spans, so that both compute the same numbers to the bit.

#ifndef GEMMAC_TARGETS_KERNELS_SPANATTENTION_H
#define GEMMAC_TARGETS_KERNELS_SPANATTENTION_H

#include "contract/CacheLayout.h"
#include "targets/kernels/Expressions.h"

namespace gemmac {

/// The position of each token of a call, and the last position that it sees: i32[n] each. Positions are
/// consecutive; a token sees at least its own position and at most the call's last one.
///
/// `first` and `ahead` bound the loops over visible positions.
struct TokenPlaces {
  Halide::ImageParam positions{Halide::Int(32), 1, "positions"}, visible{Halide::Int(32), 1, "visible"};
  Halide::Param<int32_t> first{"first_position"}; ///< of the call's first token
  Halide::Param<int32_t> ahead{"ahead"};          ///< the maximum of visible[t] - positions[t]

  /// The first position that a token sees; a window of 0 means no window.
  Halide::Expr firstSeen(const Halide::Expr &token, int window) const {
    return window ? max(first + token - (window - 1), 0) : Halide::Expr(0);
  }
  /// Upper bound of the end (last + 1) of the positions that the tokens up to this one see.
  Halide::Expr endSeen(const Halide::Expr &token) const {
    return first + min(token + 1 + ahead, visible.dim(0).min() + visible.dim(0).extent());
  }
  std::vector<BoundScalar> scalars() const { return {{first, positions}, {ahead, visible, positions}}; }
};

/// The arrays of a cache as a kernel's arguments.
struct CacheArrays {
  CacheArrays(const KernelSpec &spec, const Target &target);

  std::vector<Halide::ImageParam> planes;
  int pairs;     ///< 0, or the pairs of key channels that are stored: CacheLayout.h
  bool integers; ///< int8 numbers are multiplied as integers: IntegerProducts.cpp
  /// One number of a key (in groups) or of a value (in strips, or in groups if pairs are stored) at a slot of
  /// a span, as float32, or as int16 if integers are multiplied.
  Halide::Expr key(Halide::Expr c, Halide::Expr lane, Halide::Expr group, Halide::Expr head,
                   Halide::Expr span) const;
  Halide::Expr value(Halide::Expr lane, Halide::Expr strip, Halide::Expr at, Halide::Expr head,
                     Halide::Expr span) const;
  Halide::Expr groupedValue(Halide::Expr c, Halide::Expr lane, Halide::Expr group, Halide::Expr head,
                            Halide::Expr span) const;

  /// A query's channel as a factor of the stored channel: where a value replaces a key, the query is
  /// multiplied with the key's weight first.
  Halide::Expr folded(Halide::Expr query, Halide::Expr c) const;

  /// The channel that is stored at index i; with pairs, the rotated pairs come first.
  Halide::Expr channelOf(Halide::Expr i) const;

  /// q, positions, visible, the planes of the cache and, with pairs, the key's weight.
  std::vector<Halide::Argument> arguments(const Halide::ImageParam &q, const TokenPlaces &places) const;

  /// The scale of the key, or the value, at a slot of a span; undefined if the cache has no scales.
  Halide::Expr keyScale(Halide::Expr at, Halide::Expr head, Halide::Expr span) const;
  Halide::Expr valueScale(Halide::Expr at, Halide::Expr head, Halide::Expr span) const;

private:
  Halide::Expr number(Halide::Expr stored) const;

  Halide::ImageParam keyWeight; ///< used with pairs
  int beside;                   ///< interleave factor (neighboursOf)
  int dim;
  const Target &target;
};

/// Constants of the specification of an attention kernel.
struct AttentionShape {
  explicit AttentionShape(const KernelSpec &spec);
  int heads, kvHeads, dim, spans, window;
  float scale;
  int group() const { return heads / kvHeads; }
};

/// Queries that attend to one span: row m < rows sees positions first(m) … last(m), counted from the start of
/// the span.
struct SpanQueries {
  std::vector<Halide::Var> place; ///< variables that select the rows, head and span
  Halide::Expr span, kvHead;      ///< the span's number and the kv head, as functions of `place`
  Halide::Expr begin, end;        ///< relative positions begin … end - 1 that any row sees, within the span
  int rows, together;             ///< accumulators of `together` rows are in registers at a time
  int keyGroups;                  ///< by this many groups of positions
  bool fromMemory = false;        ///< so few rows that the next keys and values need prefetching
  /// Row m's number for a channel. If integers are multiplied, RoundedQueries' int16 for the stored channel
  /// with index c, and `queryScale` is the scale of the row's integers.
  std::function<Halide::Expr(Halide::Expr m, Halide::Expr c)> query;
  std::function<Halide::Expr(Halide::Expr m)> queryScale;
  std::function<Halide::Expr(Halide::Expr m)> first, last;
};

/// Queries rounded to integers, for caches whose numbers are multiplied as integers (IntegerProducts.cpp).
class RoundedQueries {
public:
  /// `number(c)`: the factor of stored channel c (CacheArrays::folded) in the query row that `row` selects.
  RoundedQueries(const std::vector<Halide::Var> &row, const CacheArrays &cache, int dim,
                 const std::function<Halide::Expr(Halide::Expr c)> &number);

  /// (row): the scale of the row's integers.
  Halide::Func scale;

  /// The row's integer for the stored channel with index i.
  Halide::Expr operator()(const Halide::Expr &i) const;

  void computeAt(const Halide::LoopLevel &level);

private:
  Halide::Func most;
  Halide::Var lane{"lane"};
  const CacheArrays &cache;
  std::function<Halide::Expr(Halide::Expr)> number;
  std::vector<Halide::Expr> row;
  int lanes;
};

/// A span's unnormalized part of the result: (channel, row, place...), where channel `dim` is the sum of the
/// weights and channel `dim + 1` the exponent of the power of two that scales the whole row.
class SpanAttention {
public:
  SpanAttention(const SpanQueries &queries, const AttentionShape &shape, const CacheArrays &cache,
                const Target &target);
  Halide::Func part;

  /// Computes everything at a loop level where `place` is fixed.
  void computeAt(const Halide::LoopLevel &level);

  /// The number of channels of `part`.
  static int channels(const AttentionShape &shape) { return shape.dim + int(kGroup); }

private:
  std::vector<Halide::Func> inner;
};

/// One channel of a row's accumulated parts after adding another part; `before` and `part` return any channel
/// of the two.
Halide::Expr withPart(const std::function<Halide::Expr(Halide::Expr)> &before,
                      const std::function<Halide::Expr(Halide::Expr)> &part, Halide::Expr channel, int dim);

/// One channel of the accumulator before the first part.
Halide::Expr noParts(Halide::Expr channel, int dim);

} // namespace gemmac

#endif
