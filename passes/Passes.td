//===- Passes.td - every pass and its options, in the order of the stages -------------------------------===//

#ifndef GEMMAC_PASSES
#define GEMMAC_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------------------------------------===//
// fuse
//===----------------------------------------------------------------------------------------------------===//

def FuseAttention : Pass<"gemma-fuse-attention"> {
  let summary = "Scores, mask, softmax and mix become one attention";
  let description = [{
    ```mlir
    %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
    %m = gemma.mask %s window 16 : tensor<?x4x?xf32>
    %p = gemma.softmax %m : tensor<?x4x?xf32>
    %o = gemma.mix %p, %v : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
    // becomes
    %o = gemma.attention %q, %k, %v scale 1.0 window 16 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
    ```
    Not applied if the scores or probabilities have another reader, if there is no mask, or if keys and values differ in shape.
  }];
}

def FuseQkv : Pass<"gemma-fuse-qkv", "::mlir::ModuleOp"> {
  let summary = "The projections that feed one attention become one linear over stacked weights";
  let description = [{
    Query, key and value (or query and key, if the values are the keys) read the same rows: their weights are stacked as `@layerN.qkv`, with their
    sources in order, and slices along the heads replace the three results. The old weights are erased.

    ```mlir
    %qkv = gemma.linear %x, @layer0.qkv : tensor<?x64xf32> -> tensor<?x6x32xf32>
    %q = gemma.slice %qkv axis 1 from 0 : tensor<?x6x32xf32> -> tensor<?x4x32xf32>
    %k = gemma.slice %qkv axis 1 from 4 : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
    %v = gemma.slice %qkv axis 1 from 5 : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
    ```
    Not applied if keys come from an earlier layer or if a weight has another reader.
  }];
}

def FuseGatedMlp : Pass<"gemma-fuse-gated-mlp", "::mlir::ModuleOp"> {
  let summary = "gelu(x) * y becomes one op, and its two projections one linear";
  let description = [{
    ```mlir
    %gu = gemma.linear %x, @layer0.gate_up : tensor<?x64xf32> -> tensor<?x192xf32>
    %g = gemma.slice %gu axis 1 from 0 : tensor<?x192xf32> -> tensor<?x96xf32>
    %u = gemma.slice %gu axis 1 from 96 : tensor<?x192xf32> -> tensor<?x96xf32>
    %y = gemma.gelu_mul %g, %u : tensor<?x96xf32>
    ```
    If only one factor is a projection (the gate of the per-layer embedding) the product is fused and the linear stays. Not applied if the gelu has
    another reader.
  }];
}

def FuseAddNorm : Pass<"gemma-fuse-add-norm"> {
  let summary = "A normed branch joins the residual stream in one op";
  let description = [{
    ```mlir
    %n = gemma.rms_norm %branch, @layer0.post_norm eps 1.0e-06 : tensor<?x64xf32>
    %s = arith.addf %x, %n : tensor<?x64xf32>
    %y = gemma.scale %s scalar @layer0.scalar : tensor<?x64xf32>
    // becomes
    %y = gemma.add_norm %x, %branch, @layer0.post_norm eps 1.0e-06 scalar @layer0.scalar : tensor<?x64xf32>
    ```
    Not applied if the norm, or the sum before its scalar, has another reader.
  }];
}

def FuseSoftcap : Pass<"gemma-fuse-softcap"> {
  let summary = "The linear that computes the logits caps them";
  let description = [{
    ```mlir
    %l = gemma.linear %x, @embedding : tensor<?x64xf32> -> tensor<?x2048xf32>
    %y = gemma.softcap %l cap 30.0 : tensor<?x2048xf32>
    // becomes
    %y = gemma.linear %x, @embedding cap 30.0 : tensor<?x64xf32> -> tensor<?x2048xf32>
    ```
    Not applied if the linear has another reader.
  }];
}

//===----------------------------------------------------------------------------------------------------===//
// schedule
//===----------------------------------------------------------------------------------------------------===//

def ScheduleAttention : Pass<"gemma-schedule-attention", "::mlir::ModuleOp"> {
  let summary = "@forward takes its tokens' positions; attention reads caches";
  let description = [{
    `@forward(ids)` of a whole sequence becomes `@forward(ids, positions, visible)` of a part of one: rope takes the positions, each distinct pair of
    keys and values gets a `gemma.cache`, named after the layer that computes them, and a `gemma.cache_write` right after both, and every attention
    over the pair reads the cache. Layers that read the keys of an earlier layer therefore need no cache.

    Module attributes give the number of positions (`gemma.context`) and the maximum number of tokens of a call (`gemma.max_tokens`). A layer with a
    window has `window - 1 + max_tokens` slots, at most `context`; a global layer has `context`. A window of at least `context` is dropped.

    The interpreter can run the result: `@forward` of a whole text computes the same as before, and calls with parts of it give the same rows.
  }];
}

def ReduceCaches : Pass<"gemma-reduce-caches", "::mlir::ModuleOp"> {
  let summary = "Keys that are values times a weight are not stored twice";
  let description = [{
    ```mlir
    %kn = gemma.rms_norm %x, @layer5.key_norm eps 1.0e-06 : tensor<?x1x512xf32>
    %k = gemma.rope %kn at %positions theta 1.0e+06 pairs 64 : tensor<?x1x512xf32>
    %v = gemma.rms_norm %x eps 1.0e-06 : tensor<?x1x512xf32>
    gemma.cache_write %k, %v, @layer5.cache at %positions : tensor<?x1x512xf32>
    ```
    `@layer5.cache` gets `pairs 64` and stores 640 numbers per position instead of 1024; attention reads the other channels of its keys from the
    values: `key_weight @layer5.key_norm`. Not applied if the writers of a cache differ or if RoPE rotates every channel.

    In exact arithmetic the results are the same. A key in a cache of float16 or int8 is rounded once more, or once less, than before.
  }];
}

def SplitPhases : Pass<"gemma-split-phases", "::mlir::ModuleOp"> {
  let summary = "@forward becomes @prefill, @decode and @score";
  let description = [{
    All three take ids, the position of each token and the last one that it sees. `@prefill` returns nothing: it is there for its keys and values. `@decode` has one token
    (`gemma.tokens = 1`) and returns its logits. `@score` returns the logits of all tokens. `gemma.port` names arguments and results as callers know them.
  }];
}

def DropDeadTail : Pass<"gemma-drop-dead-tail", "::mlir::func::FuncOp"> {
  let summary = "Ops that no cache and no result depends on are removed";
  let description = [{
    `@prefill` only needs keys and values: everything after the keys and values of the last layer that writes a cache is dead. Tensors that are read
    in part are narrowed: the per-layer inputs to the remaining layers, a stacked projection to its keys and values. Ranges of axis 1 propagate from
    slices up to the linear or the table, whose `offset` and width select the rows.
    Functions that return logits have nothing to drop. A remark says how many ops were erased and narrowed.
  }];
}

//===----------------------------------------------------------------------------------------------------===//
// experts
//===----------------------------------------------------------------------------------------------------===//

def LowerExperts : Pass<"gemma-lower-experts", "::mlir::ModuleOp"> {
  let summary = "Experts are gathered for one token, and grouped for many";
  let description = [{
    If a call has one token (`gemma.tokens = 1`) only the matrices of its K experts are read: `expert_linear`, `gelu_mul`, `expert_linear`, `combine`.
    Otherwise the pairs (token, expert) are sorted by expert and each matrix is read once for all its tokens: `group_by_expert`, `gather_tokens`,
    `grouped_linear`, `gelu_mul`, `grouped_linear`, `combine_groups`.
  }];
}

//===----------------------------------------------------------------------------------------------------===//
// quantize
//===----------------------------------------------------------------------------------------------------===//

def QuantizeWeights : Pass<"gemma-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Matrices and tables get the scheme that the device stores";
  let description = [{
    Weights of linears, experts and embedding tables get `scheme`: one for all, or a mix such as `layers=q4_k,head=q6_k` (`passes/WeightSchemes.h`). With
    `file` each keeps the scheme of its checkpoint (`gemma.stored`) if it is one of ours; f16 becomes f32, and other blocks become a scheme that has their
    factors and integers, or q8_0, whose steps are finer (`contract/HoldingScheme.h`). If rows are no whole blocks of 256, a scheme with blocks of 32 takes the place (q5_0 that of q4_k), and bf16 if they, or the rows that they
    multiply, are no whole blocks of 32 either; a remark says so. The router's projection, norms and scalars stay f32: they are few and decide which experts
    are chosen.

    A stack whose sources get different schemes is split: consecutive sources with one scheme stay one matrix, and each matrix has its own linear.
    ```mlir
    gemma.weight @layer0.qkv : tensor<192x64xf32> from ["q", "k", "v"] parts [128, 32, 32] {gemma.stored = ["q4_0", "q4_0", "q8_0"]}
    %qkv = gemma.linear %x, @layer0.qkv : tensor<?x64xf32> -> tensor<?x6x32xf32>
    %k = gemma.slice %qkv axis 1 from 4 : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
    %v = gemma.slice %qkv axis 1 from 5 : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
    // becomes
    %qk = gemma.linear %x, @layer0.qkv.q4_0 : tensor<?x64xf32> -> tensor<?x5x32xf32>
    %k = gemma.slice %qk axis 1 from 4 : tensor<?x5x32xf32> -> tensor<?x1x32xf32>
    %v = gemma.linear %x, @layer0.qkv.q8_0 : tensor<?x64xf32> -> tensor<?x1x32xf32>
    ```
    Not split, but stored in the widest of the schemes, if an op reads rows of two such matrices together.
  }];
  let options = [Option<"scheme", "scheme", "std::string", "\"f32\"", "a scheme, file, or one for each kind of weights: layers=q4_k,head=q6_k">];
}

def QuantizeActivations : Pass<"gemma-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "Inputs of quantized matrices become int8";
  let description = [{
    The input of each linear with a quantized weight is converted by `gemma.quantize`, once for all linears that read it.
    ```mlir
    %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
    %y = gemma.linear %q, @w : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x96xf32>
    ```
  }];
}

def FuseQuantize : Pass<"gemma-fuse-quantize"> {
  let summary = "Norms and gated products write int8 rows directly";
  let description = [{
    ```mlir
    %n = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
    %q = gemma.quantize %n : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
    // becomes
    %q = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
    ```
    The same holds for `gemma.gelu_mul`. Not applied if the float rows have another reader.
  }];
}

def QuantizeKvCache : Pass<"gemma-quantize-kv-cache", "::mlir::ModuleOp"> {
  let summary = "Caches get the scheme that the device stores";
  let description = [{
    One scheme, `f32`, `f16` or `q8_0`, or one for each kind of layer: `sliding=f16,global=q8_0`. Caches of layers with a window have the
    attribute `gemma.sliding`.
  }];
  let options = [Option<"scheme", "scheme", "std::string", "\"f32\"", "f32, f16, q8_0, or one for each kind of layer">];
}

//===----------------------------------------------------------------------------------------------------===//
// select
//===----------------------------------------------------------------------------------------------------===//

def SelectKernels : Pass<"gemma-select-kernels", "::mlir::ModuleOp"> {
  let summary = "Every op names the kernel that will run it";
  let description = [{
    Sets `gemma.kernel` (a #plan.kernel: family, constants and the target's default schedule) on every op that has a kernel, `gemma.parallel` (axis
    and indices per piece) if threads split its work, and `gemma.layout` on weights.
  }];
  let options = [Option<"target", "target", "::gemmac::TargetChoice", "::gemmac::TargetChoice()",
                        "the device: a name that `gemmac targets` lists, or host">];
  let dependentDialects = ["::gemmac::plan::PlanDialect"];
}

//===----------------------------------------------------------------------------------------------------===//
// plan
//===----------------------------------------------------------------------------------------------------===//

def ConvertGemmaToPlan : Pass<"convert-gemma-to-plan", "::mlir::ModuleOp"> {
  let summary = "Tensors become buffers, ops become kernel calls";
  let description = [{
    Every function becomes an entry of the model. Its arguments and results, named by `gemma.port`, become arrays of the caller; among them are the
    position of each token, `positions`, and the last position that it sees, `visible`. The token class of the entry is `one` with `gemma.tokens = 1`,
    `few` with a larger number, and `many` without the attribute.
  }];
  let dependentDialects = ["::gemmac::plan::PlanDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def OutlineLayers : Pass<"plan-outline-layers", "::mlir::ModuleOp"> {
  let summary = "Layers of the same shape become one procedure, called with a table";
  let description = [{
    The statements of each layer (`gemma.layer`) are compared with those of the others. Layers that differ only in the weights and caches that they
    name, in index constants and in values from outside share one private function. Each difference becomes a column of a `plan.table` with one row
    per layer; consecutive layers become an `scf.for` over its rows.

    ```mlir
    %w = plan.row_get @layers_table[%row, 0] : memref<64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect"];
}

def AssignArena : Pass<"plan-assign-arena", "::mlir::ModuleOp"> {
  let summary = "Weights, caches and scratch get their offsets";
  let description = [{
    Sets the offsets of `plan.weight` and `plan.cache`, replaces `memref.alloc` by `plan.arena`, and sets `plan.arena_bytes`, `plan.cache_bytes` and
    `plan.weights_bytes` on the module, and `plan.arena_bytes` on each entry. The arena ends with padding for kernels that read past their inputs.
  }];
}

def PlaceArguments : Pass<"plan-place-arguments", "::mlir::ModuleOp"> {
  let summary = "Every argument of a call is a base, a byte offset and sizes";
  let description = [{
    Memrefs that kernels take are traced back through views to the weights, the caches, the arena or an array of the caller, and become `plan.view`s
    of these. Procedures take offsets instead of memrefs if their callers pass different ones. Every call gets a `number`, in the order of the module,
    and, outside of procedures, the `layer` that it belongs to.

    ```mlir
    %a = plan.arena at 4096 (%n) : memref<?x192xf32>
    %s = memref.subview %a[0, 128] [%n, 64] [1, 1] : memref<?x192xf32> to memref<?x64xf32, strided<[192, 1], offset: 128>>
    // as an argument becomes
    %v = plan.view arena at 4608 (%n) : memref<?x64xf32, strided<[192, 1]>, #plan.space<host>>
    ```
    A procedure is cloned if its callers pass arrays in different memories. The pass fails, with an error at the op, for memrefs whose memory or
    strides are not known. Afterwards no other op on memrefs is left, so that emitters only print addresses.
  }];
  let dependentDialects = ["::gemmac::plan::PlanDialect", "::mlir::arith::ArithDialect"];
}

#endif
