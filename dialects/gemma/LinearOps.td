//===- LinearOps.td - tables, matrices and the quantization of their inputs -----------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_LINEAR_OPS
#define GEMMAC_DIALECTS_GEMMA_LINEAR_OPS

include "dialects/gemma/GemmaBase.td"

def Gemma_EmbedOp : Gemma_Op<"embed", [NamesSymbols, UsesStorage, HasKernel, Pure]> {
  let summary = "Rows of a table, gathered by token id, times a constant";
  let description = [{
    `result[t] = scale * table[ids[t], offset : offset + width]`, where `width` is the product of the result's inner axes. A table of per-layer
    embeddings gives `(tokens, layers, width)`; it is narrowed if the last layers are dead.

    `embed-c1`: ids have rank 1. `embed-c2`: the table exists and has rank 2. `embed-c3`: `offset + width` fits the table's columns.
    ```mlir
    %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Ids:$ids, FlatSymbolRefAttr:$table, F32Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$offset);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $ids `,` $table `scale` $scale (`offset` $offset^)? attr-dict `:` type($ids) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = flatAxes;
}

def Gemma_LinearOp : Gemma_Op<"linear", [NamesSymbols, UsesStorage, DeclareOpInterfaceMethods<Gemma_MatrixOp, ["getFirstRow", "setMatrix", "getOutputAxis"]>, HasKernel, Pure]> {
  let summary = "x times the transpose of a weight";
  let description = [{
    `result[t, r] = sum over k of x[t, k] * weight[offset + r, k]`, with the inner axes of `x` and of the result flattened: a projection to heads
    gives `(tokens, heads, dim)` at once. `offset` and the result's size select a range of rows. `cap` applies `gemma.softcap` to the result.

    `linear-c1`: the weight exists and has rank 2. `linear-c2`: the product of x's inner axes is the weight's columns. `linear-c3`: `offset` plus the product of
    the result's inner axes fits the weight's rows. `linear-c4`: an int8 input has the encoding `#gemma.blocks` and a quantized weight.
    `linear-c5`: cap is positive.
    ```mlir
    %qkv = gemma.linear %x, @layer0.qkv : tensor<?x64xf32> -> tensor<?x6x32xf32>
    %logits = gemma.linear %x, @embedding cap 30.0 : tensor<?x64xf32> -> tensor<?x2048xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$x, FlatSymbolRefAttr:$weight, DefaultValuedAttr<I64Attr, "0">:$offset,
                       OptionalAttr<F32Attr>:$cap);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $x `,` $weight (`offset` $offset^)? (`cap` $cap^)? attr-dict `:` type($x) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = flatAxes # PartsAre<"outputs">.method;
}

def Gemma_QuantizeOp : Gemma_Op<"quantize", [HasKernel, Pure]> {
  let summary = "Rows to int8, with one scale per block";
  let description = [{
    For each block of the last axis: `scale = max |x| / 127`, `byte = round to nearest even (x / scale)`, all zero if the block is zero.

    `quantize-c1`: same shape, and the block divides the last axis.
    ```mlir
    %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = rowAxes;
}

#endif
