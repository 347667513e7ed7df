//===- ModelOps.td - weights and caches: the symbols of a model -----------------------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_MODEL_OPS
#define GEMMAC_DIALECTS_GEMMA_MODEL_OPS

include "dialects/gemma/GemmaBase.td"

def Gemma_WeightOp : Gemma_Op<"weight", [Symbol]> {
  let summary = "A weight: its sources in the checkpoint and how the device stores it";
  let description = [{
    The type is the logical shape, rows first, `tensor<out x in>`; its numbers are those of the tensors
    `sources`, stacked along the first axis (experts, rank 3: along the second); `parts` is the number of
    rows of each source. A source is a whole tensor, or a range of its rows or of its columns:
    `"qkv.weight" rows 128 to 160`, end excluded. `add_one` adds 1 to every number (the norms of Gemma 3).
    `scheme` says how the device stores them; until the quantize stage it is `f32`. The discardable attribute `gemma.stored` says
    how the checkpoint stores each source: `["q4_k", "q6_k"]`.

    `weight-c1`: at least one source. `weight-c2`: rank 1, 2 or 3, all sizes positive. `weight-c3`: the last axis is whole blocks of
    the scheme. `weight-c4`: as many parts as sources, all positive, together all rows. `weight-c5`: a range of
    rows has as many as its part, a range of columns as many as the last axis; vectors have no columns.
    ```mlir
    gemma.weight @layer0.qkv : tensor<192x64xf32> scheme q4_0
        from ["model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight",
              "model.layers.0.self_attn.v_proj.weight"] parts [128, 32, 32]
    gemma.weight @layer0.key : tensor<32x64xf32> from ["model.layers.0.self_attn.qkv_proj.weight" rows 128 to 160]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<RankedTensorOf<[F32]>>:$type,
                       DefaultValuedAttr<Contract_SchemeAttr, "::gemmac::Scheme::f32">:$scheme,
                       Contract_SourcesAttr:$sources, OptionalAttr<DenseI64ArrayAttr>:$parts, UnitAttr:$add_one);
  let assemblyFormat = [{
    $sym_name `:` $type (`scheme` custom<Word>($scheme)^)? (`add_one` $add_one^)? `from` custom<Sources>($sources) (`parts` $parts^)?
    attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::mlir::cast<::mlir::RankedTensorType>(getType()); }
    /// The axis along which sources are stacked.
    int64_t getRowAxis() { return getTensorType().getRank() == 3 ? 1 : 0; }
  }];
}

def Gemma_CacheOp : Gemma_Op<"cache", [Symbol]> {
  let summary = "Keys and values that one layer keeps between calls";
  let description = [{
    `keys` and `values` are two arrays of the given shape `(slots, kv heads, dim)`. Position `p` is in slot `p mod slots`: a layer with a window has
    just the slots that its window and one call need, a global layer has one for every position.

    With `pairs P` only channels `c` and `c + dim/2`, `c < P`, of keys are stored, which RoPE rotates; every other channel of a key is that of its
    value times the `key_weight` of attention.

    `cache-c1`: rank 3, all sizes positive. `cache-c2`: the scheme is one of keys and values; `q8_0`
    stores int8 with one float32 scale for each head of a position. `cache-c3`: pairs are at least 1 and less than half of dim.
    ```mlir
    gemma.cache @layer0.cache : tensor<1023x1x256xf32> scheme f16
    gemma.cache @layer5.cache : tensor<4096x2x512xf32> pairs 64 scheme f16
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<RankedTensorOf<[F32]>>:$type, OptionalAttr<I64Attr>:$pairs,
                       DefaultValuedAttr<Contract_SchemeAttr, "::gemmac::Scheme::f32">:$scheme);
  let assemblyFormat = "$sym_name `:` $type (`pairs` $pairs^)? (`scheme` custom<Word>($scheme)^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::mlir::cast<::mlir::RankedTensorType>(getType()); }
  }];
}

#endif
