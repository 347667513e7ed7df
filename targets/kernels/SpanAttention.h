//===- SpanAttention.h - attention of some queries to a span of positions -------------------------------===//
// What cached_attention and attention_spans have in common: the numbers of both are the same to the bit.

#ifndef GEMMAC_TARGETS_KERNELS_SPANATTENTION_H
#define GEMMAC_TARGETS_KERNELS_SPANATTENTION_H

#include "contract/CacheLayout.h"
#include "targets/kernels/Expressions.h"

namespace gemmac {

/// Where each token of a call stands, and the last position that it sees: i32[n] each. Positions follow each
/// other; what is seen is at least a token's own and at most the call's last.
///
/// Loops over what a token sees have bounds in `first` and `ahead`.
struct TokenPlaces {
  Halide::ImageParam positions{Halide::Int(32), 1, "positions"}, visible{Halide::Int(32), 1, "visible"};
  Halide::Param<int32_t> first{"first_position"}; ///< of the call's first token
  Halide::Param<int32_t> ahead{"ahead"};          ///< the most that a token sees beyond its own position

  /// The first position that a token sees; a window of 0 is none.
  Halide::Expr firstSeen(const Halide::Expr &token, int window) const {
    return window ? max(first + token - (window - 1), 0) : Halide::Expr(0);
  }
  /// One behind the last position that any of the tokens up to this one sees, or more.
  Halide::Expr endSeen(const Halide::Expr &token) const {
    return first + min(token + 1 + ahead, visible.dim(0).min() + visible.dim(0).extent());
  }
  std::vector<BoundScalar> scalars() const { return {{first, positions}, {ahead, visible, positions}}; }
};

/// The arrays of a cache as a kernel's arguments.
struct CacheArrays {
  CacheArrays(const KernelSpec &spec, const Target &target);

  std::vector<Halide::ImageParam> planes;
  int pairs;     ///< 0, or what is kept of keys: CacheLayout.h
  bool integers; ///< its int8 numbers are multiplied as integers: IntegerProducts.cpp
  /// A number of the key in place `at` of a span, in groups; one of a value, in strips, or in groups where
  /// pairs are kept: float32, or where integers are multiplied int16.
  Halide::Expr key(Halide::Expr c, Halide::Expr lane, Halide::Expr group, Halide::Expr head,
                   Halide::Expr span) const;
  Halide::Expr value(Halide::Expr lane, Halide::Expr strip, Halide::Expr at, Halide::Expr head,
                     Halide::Expr span) const;
  Halide::Expr groupedValue(Halide::Expr c, Halide::Expr lane, Halide::Expr group, Halide::Expr head,
                            Halide::Expr span) const;

  /// A query's channel as what is kept is multiplied with it: a value stands for its key after it took the
  /// key's weight.
  Halide::Expr folded(Halide::Expr query, Halide::Expr c) const;

  /// The channel that is kept in place i: turned pairs first, where pairs are kept.
  Halide::Expr channelOf(Halide::Expr i) const;

  /// q, where its tokens stand and what they see, what a cache is made of.
  std::vector<Halide::Argument> arguments(const Halide::ImageParam &q, const TokenPlaces &places) const;

  /// What numbers of the key, or the value, in a place of a span are multiplied with; undefined: nothing.
  Halide::Expr keyScale(Halide::Expr at, Halide::Expr head, Halide::Expr span) const;
  Halide::Expr valueScale(Halide::Expr at, Halide::Expr head, Halide::Expr span) const;

private:
  Halide::Expr number(Halide::Expr stored) const;

  Halide::ImageParam keyWeight; ///< where pairs are kept
  int beside;                   ///< neighboursOf
  int dim;
  const Target &target;
};

/// Constants of a specification that attends to a cache.
struct AttentionShape {
  explicit AttentionShape(const KernelSpec &spec);
  int heads, kvHeads, dim, spans, window;
  float scale;
  int group() const { return heads / kvHeads; }
};

/// Queries that attend to one span: row m < rows sees positions first(m) … last(m), relative to the span's
/// first.
struct SpanQueries {
  std::vector<Halide::Var> place; ///< variables that say which rows, head and span these are
  Halide::Expr span, kvHead;      ///< the span's number, its slots' span, from `place`
  Halide::Expr begin, end;        ///< relative positions that some row sees: begin … end - 1, within the span
  int rows, together;             ///< `together` of them in registers at a time
  int keyGroups;                  ///< beside so many groups of positions
  bool fromMemory = false;        ///< so few rows that the next keys and values are asked for ahead
  /// Row m's number for a channel. Where integers are multiplied an int16, RoundedQueries' for the channel
  /// that is kept in place c, and `queryScale` what a row's are multiplied with.
  std::function<Halide::Expr(Halide::Expr m, Halide::Expr c)> query;
  std::function<Halide::Expr(Halide::Expr m)> queryScale;
  std::function<Halide::Expr(Halide::Expr m)> first, last;
};

/// Queries as integers, where a cache has them (IntegerProducts.cpp).
class RoundedQueries {
public:
  /// `number(c)`: of a row, which `row` says, for a channel as what is kept is multiplied with it.
  RoundedQueries(const std::vector<Halide::Var> &row, const CacheArrays &cache, int dim,
                 const std::function<Halide::Expr(Halide::Expr c)> &number);

  /// (row): what its integers are multiplied with.
  Halide::Func scale;

  /// The row's integer for the channel that is kept in place i.
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

/// A span's part of the result, unfinished: (channel, row, place...), where channel `dim` is the sum of the
/// weights and channel `dim + 1` the power of two that all of it is to be multiplied with.
class SpanAttention {
public:
  SpanAttention(const SpanQueries &queries, const AttentionShape &shape, const CacheArrays &cache,
                const Target &target);
  Halide::Func part;

  /// All of it is computed at a level at which `place` is fixed.
  void computeAt(const Halide::LoopLevel &level);

  /// Channels of `part`.
  static int channels(const AttentionShape &shape) { return shape.dim + int(kGroup); }

private:
  std::vector<Halide::Func> inner;
};

/// What the parts of a row come to after one more of them, for a channel: `before` and `part` give a channel
/// of either.
Halide::Expr withPart(const std::function<Halide::Expr(Halide::Expr)> &before,
                      const std::function<Halide::Expr(Halide::Expr)> &part, Halide::Expr channel, int dim);

/// A channel before any part.
Halide::Expr noParts(Halide::Expr channel, int dim);

} // namespace gemmac

#endif
