//===- ExpertOps.td - mixture of experts ----------------------------------------------------------------===//
// n tokens, E experts of which each token uses K, hidden size H, expert width F.

#ifndef GEMMAC_DIALECTS_GEMMA_EXPERT_OPS
#define GEMMAC_DIALECTS_GEMMA_EXPERT_OPS

include "dialects/gemma/GemmaBase.td"

def Gemma_TopKOp : Gemma_Op<"top_k", [NamesSymbols, UsesStorage, HasKernel, Pure]> {
  let summary = "The experts of each token and their weights";
  let description = [{
    `ids[t]` are the K largest of `probabilities[t]`, largest first, the lower id first among equals; `weights[t, i] = p[ids[t, i]] / (sum of the chosen p) * expert_scale[ids[t, i]]`.

    `top-k-c1`: probabilities `(n, E)`, results `(n, K)`, `0 < K <= E`. `top-k-c2`: the scale exists and is a vector of E numbers.
    ```mlir
    %w, %e = gemma.top_k %p, @layer0.expert_scale : tensor<?x8xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$probabilities, FlatSymbolRefAttr:$expert_scale);
  let results = (outs Gemma_Floats:$weights, Gemma_Ids:$ids);
  let assemblyFormat = [{
    $probabilities `,` $expert_scale attr-dict `:` type($probabilities) `->` type($weights) `,` type($ids)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = PartsAre<"none">.method;
}

def Gemma_ExpertsOp : Gemma_Op<"experts", [NamesSymbols, UsesStorage, Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "The chosen experts' gated MLPs, weighted and summed";
  let description = [{
    For each token t and its i-th expert e: `[g; u] = gate_up[e] x[t]`, `y = down[e] (gelu(g) * u)`; `result[t] = sum over i of weights[t, i] * y`.

    `experts-c1`: gate_up is `(E, 2F, H)`, down `(E, H, F)`, x `(n, H)`; ids and weights have the same shape `(n, K)`.
    ```mlir
    %y = gemma.experts %x, %e, %w, @layer0.expert_gate_up, @layer0.expert_down : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, Gemma_Ids:$ids, Gemma_Floats:$weights, FlatSymbolRefAttr:$gate_up,
                       FlatSymbolRefAttr:$down);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $x `,` $ids `,` $weights `,` $gate_up `,` $down attr-dict `:` type($x) `,` type($ids) `,` type($weights)
  }];
  let hasVerifier = 1;
}

def Gemma_ExpertLinearOp : Gemma_Op<"expert_linear", [NamesSymbols, UsesStorage, Gemma_MatrixOp, HasKernel, Pure]> {
  let summary = "Each token times the matrices of its own experts (gathered)";
  let description = [{
    `result[t, i, r] = sum over k of x[t, (i,) k] * weight[ids[t, i], r, k]`: x is `(n, in)`, the same for all experts of a token, or `(n, K, in)`.
    Decode has one token: only the matrices of its K experts are read.

    `expert-linear-c1`: the weight exists, is `(E, out, in)`, and fits x and the result `(n, K, out)`. `expert-linear-c2`: an int8 input has the
    encoding `#gemma.blocks` and a quantized weight.
    ```mlir
    %gu = gemma.expert_linear %x, %e, @layer0.expert_gate_up : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$x, Gemma_Ids:$ids, FlatSymbolRefAttr:$weight);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x `,` $ids `,` $weight attr-dict `:` type($x) `,` type($ids) `->` type($result)";
  let extraClassDeclaration = PartsAre<"outputs">.method;
}

def Gemma_CombineOp : Gemma_Op<"combine", [HasKernel, Pure]> {
  let summary = "Weighted sum of the outputs of a token's experts";
  let description = [{
    `result[t] = sum over i of weights[t, i] * x[t, i]`, in the order of i.

    `combine-c1`: x `(n, K, H)`, weights `(n, K)`, result `(n, H)`.
    ```mlir
    %y = gemma.combine %d, %w : tensor<?x3x64xf32>, tensor<?x3xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, Gemma_Floats:$weights);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x `,` $weights attr-dict `:` type($x) `,` type($weights) `->` type($result)";
  let hasVerifier = 1;
}

def Gemma_GroupByExpertOp : Gemma_Op<"group_by_expert", [DeclareOpInterfaceMethods<Gemma_KernelOp, ["getRowCount"]>, Pure]> {
  let summary = "Pairs (token, choice) sorted by expert";
  let description = [{
    The pair of token t and its i-th expert has the number `t*K + i`. `order` lists all `n*K` pairs, those of expert 0 first, stable; those of expert e are
    `order[offsets[e] : offsets[e + 1]]`. `place[t, i]` is the index of the pair in `order`.

    `group-by-expert-c1`: ids and place `(n, K)`, order `(?)` of n*K, offsets `(E + 1)`.
    ```mlir
    %order, %place, %offsets = gemma.group_by_expert %e : tensor<?x3xi32> -> tensor<?xi32>, tensor<?x3xi32>, tensor<9xi32>
    ```
  }];
  let arguments = (ins Gemma_Ids:$ids);
  let results = (outs Gemma_Ids:$order, Gemma_Ids:$place, Gemma_Ids:$offsets);
  let assemblyFormat = "$ids attr-dict `:` type($ids) `->` type($order) `,` type($place) `,` type($offsets)";
  let hasVerifier = 1;
  let extraClassDeclaration = PartsAre<"none">.method;
}

def Gemma_GatherTokensOp : Gemma_Op<"gather_tokens", [HasKernel, Pure]> {
  let summary = "The rows of x in the order of the grouped pairs";
  let description = [{
    `result[p] = x[order[p] / choices]`.

    `gather-tokens-c1`: x `(n, H)`, order `(n*K)`, result `(n*K, H)`; `choices` is K, positive. `gather-tokens-c2`: the result has x's element type
    and encoding.
    ```mlir
    %g = gemma.gather_tokens %x, %order choices 3 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$x, Gemma_Ids:$order, I64Attr:$choices);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$x `,` $order `choices` $choices attr-dict `:` type($x) `,` type($order) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = RowsLike<"getOrder">.method;
}

def Gemma_GroupedLinearOp : Gemma_Op<"grouped_linear", [NamesSymbols, UsesStorage, Gemma_MatrixOp, HasKernel, Pure]> {
  let summary = "Each group of rows times the matrix of its expert";
  let description = [{
    For p in `[offsets[e], offsets[e + 1])`: `result[p, r] = sum over k of x[p, k] * weight[e, r, k]`. Each expert's matrix is read once for
    all of its tokens.

    `grouped-linear-c1`: the weight exists, is `(E, out, in)`, and fits x `(n*K, in)` and the result `(n*K, out)`; offsets `(E + 1)`. `grouped-linear-c2`: an int8 input has the
    encoding `#gemma.blocks` and a quantized weight.
    ```mlir
    %gu = gemma.grouped_linear %g, %offsets, @layer0.expert_gate_up : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Rows:$x, Gemma_Ids:$offsets, FlatSymbolRefAttr:$weight);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x `,` $offsets `,` $weight attr-dict `:` type($x) `,` type($offsets) `->` type($result)";
  let extraClassDeclaration = PartsAre<"outputs">.method;
}

def Gemma_CombineGroupsOp : Gemma_Op<"combine_groups", [HasKernel, Pure]> {
  let summary = "Weighted sum over grouped pairs, back in token order";
  let description = [{
    `result[t] = sum over i of weights[t, i] * x[place[t, i]]`, in the order of i.

    `combine-groups-c1`: x `(n*K, H)`, place and weights `(n, K)`, result `(n, H)`.
    ```mlir
    %y = gemma.combine_groups %d, %place, %w : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, Gemma_Ids:$place, Gemma_Floats:$weights);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = [{
    $x `,` $place `,` $weights attr-dict `:` type($x) `,` type($place) `,` type($weights) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = RowsLike<"getPlace">.method;
}

#endif
