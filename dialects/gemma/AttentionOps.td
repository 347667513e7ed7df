//===- AttentionOps.td - rotation, attention and its caches ---------------------------------------------===//
// Query heads are grouped in order: with g = heads / kv heads, query heads g*h ... g*h+g-1 read kv head h.

#ifndef GEMMAC_DIALECTS_GEMMA_ATTENTION_OPS
#define GEMMAC_DIALECTS_GEMMA_ATTENTION_OPS

include "dialects/gemma/GemmaBase.td"

def Gemma_RopeOp : Gemma_Op<"rope", [HasKernel, Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "Rotary position embedding, half split, on the first `pairs` pairs of a head";
  let description = [{
    Pairs are `(j, j + d/2)` of a head of d numbers. Pair j < pairs of the token at position p is rotated by `p * theta^(-2j/d) / factor`; the others are copied. Angles are
    float32 products of a float32 frequency and a float32 position, as in the reference. Row i of the call is at position `i`, or at `positions[i]` if that operand is given.

    `rope-c1`: rank 3 `(tokens, heads, dim)` and an even dim. `rope-c2`: `0 <= pairs <= dim/2`. `rope-c3`: theta and factor are positive.
    ```mlir
    %q = gemma.rope %h theta 1.0e+06 pairs 8 : tensor<?x4x64xf32>
    %r = gemma.rope %h at %positions theta 1.0e+04 pairs 16 factor 8.0 : tensor<?x4x32xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, Optional<Gemma_Positions>:$positions, F64Attr:$theta, I64Attr:$pairs,
                       DefaultValuedAttr<F64Attr, "1.0">:$factor);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $x (`at` $positions^)? `theta` $theta `pairs` $pairs (`factor` $factor^)? attr-dict `:` type($x)
  }];
  let hasVerifier = 1;
}

def Gemma_ScoresOp : Gemma_Op<"scores", [Pure]> {
  let summary = "Query times key, for every pair of tokens";
  let description = [{
    `result[t, h, j] = scale * sum over c of query[t, h, c] * keys[j, h / g, c]`

    `scores-c1`: rank 3, same dim, query heads are a multiple of key heads, result `(tokens, heads, tokens)`.
    ```mlir
    %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$query, Gemma_Floats:$keys, F32Attr:$scale);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $query `,` $keys `scale` $scale attr-dict `:` type($query) `,` type($keys) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_MaskOp : Gemma_Op<"mask", [Pure, AllTypesMatch<["scores", "result"]>]> {
  let summary = "Minus infinity where token t must not see token j";
  let description = [{
    j is visible to t if `j <= t` and, with a window, `j > t - window`.

    `mask-c1`: rank 3. `mask-c2`: the window is positive.
    ```mlir
    %m = gemma.mask %s window 16 : tensor<?x4x?xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$scores, OptionalAttr<I64Attr>:$window);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$scores (`window` $window^)? attr-dict `:` type($scores)";
  let hasVerifier = 1;
}

def Gemma_MixOp : Gemma_Op<"mix", [Pure]> {
  let summary = "Values weighted by probabilities";
  let description = [{
    `result[t, h, c] = sum over j of probabilities[t, h, j] * values[j, h / g, c]`

    `mix-c1`: rank 3, query heads are a multiple of value heads, result `(tokens, heads, dim)`.
    ```mlir
    %o = gemma.mix %p, %v : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$probabilities, Gemma_Floats:$values);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $probabilities `,` $values attr-dict `:` type($probabilities) `,` type($values) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Gemma_AttentionOp : Gemma_Op<"attention",
    [Pure, AllTypesMatch<["query", "result"]>, AllTypesMatch<["keys", "values"]>]> {
  let summary = "Grouped-query attention over a window or the whole past";
  let description = [{
    `mix(softmax(mask(scores(query, keys))), values)`. Without `window` the layer is global.

    `attention-c1`: query heads are a multiple of key heads, dims agree. `attention-c2`: the window is positive.
    ```mlir
    %o = gemma.attention %q, %k, %v scale 1.0 window 16 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$query, Gemma_Floats:$keys, Gemma_Floats:$values, F32Attr:$scale,
                       OptionalAttr<I64Attr>:$window);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $query `,` $keys `,` $values `scale` $scale (`window` $window^)? attr-dict `:` type($query) `,` type($keys)
  }];
  let hasVerifier = 1;
}

def Gemma_CacheWriteOp : Gemma_Op<"cache_write",
    [NamesSymbols, UsesStorage, HasKernel, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, AllTypesMatch<["keys", "values"]>]> {
  let summary = "Writes keys and values of this call's tokens to their slots";
  let description = [{
    Row i is written to slot `positions[i] mod slots`.

    `cache-write-c1`: the cache exists; heads and dim are its own.
    ```mlir
    gemma.cache_write %k, %v, @layer0.cache at %positions : tensor<?x1x32xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$keys, Gemma_Floats:$values, FlatSymbolRefAttr:$cache,
                       Gemma_Positions:$positions);
  let assemblyFormat = "$keys `,` $values `,` $cache `at` $positions attr-dict `:` type($keys)";
  let extraClassDeclaration = PartsAre<"none">.method;
}

def Gemma_CachedAttentionOp : Gemma_Op<"cached_attention",
    [NamesSymbols, UsesStorage, HasKernel, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, AllTypesMatch<["query", "result"]>]> {
  let summary = "Attention over the keys and values in a cache";
  let description = [{
    Like `gemma.attention`, with query row i at `positions[i]`, which sees positions up to `visible[i]`: its own, or the end of a block whose tokens see each other. Keys
    and values are read from the cache, which already contains this call's tokens. `key_weight` turns values into keys if the cache stores only rotated pairs of keys.

    `cached-attention-c1`: the cache exists, dims agree, query heads are a multiple of its heads. `cached-attention-c2`: the window is positive and
    the cache has at least `window` slots. `cached-attention-c3`: a weight of `dim` numbers is given if, and only if, the cache has `pairs`.
    ```mlir
    %o = gemma.cached_attention %q, @layer0.cache at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
    %o = gemma.cached_attention %q, @layer5.cache key_weight @layer5.key_norm at %positions seeing %visible scale 1.0 : tensor<?x16x512xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$query, FlatSymbolRefAttr:$cache, OptionalAttr<FlatSymbolRefAttr>:$key_weight,
                       Gemma_Positions:$positions, Gemma_Positions:$visible, F32Attr:$scale, OptionalAttr<I64Attr>:$window);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $query `,` $cache (`key_weight` $key_weight^)? `at` $positions `seeing` $visible `scale` $scale (`window` $window^)? attr-dict `:` type($query)
  }];
  let hasVerifier = 1;
}

#endif
