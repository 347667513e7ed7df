//===- ElementwiseOps.td - norms, activations and elementwise ops ---------------------------------------===//
// Sums and products of two tensors are arith.addf and arith.mulf.

#ifndef GEMMAC_DIALECTS_GEMMA_ELEMENTWISE_OPS
#define GEMMAC_DIALECTS_GEMMA_ELEMENTWISE_OPS

include "dialects/gemma/GemmaBase.td"

def Gemma_RmsNormOp : Gemma_Op<"rms_norm", [NamesSymbols, UsesStorage, HasKernel, Pure]> {
  let summary = "Root-mean-square norm over the last axis";
  let description = [{
    `result = x * (mean(x^2) + eps)^(-1/2) * weight`; without `weight` the last factor is 1.

    A result in blocks equals `gemma.quantize` of the float result.

    `rms-norm-c1`: the weight exists and is a vector as long as the last axis. `rms-norm-c2`: eps is positive. `rms-norm-c3`: the result has x's type, or is
    quantized in x's shape.
    ```mlir
    %y = gemma.rms_norm %x, @layer0.attention_norm eps 1.0e-06 : tensor<?x64xf32>
    %v = gemma.rms_norm %x eps 1.0e-06 : tensor<?x1x32xf32>
    %q = gemma.rms_norm %x, @layer0.attention_norm eps 1.0e-06 : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, OptionalAttr<FlatSymbolRefAttr>:$weight, F32Attr:$eps);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$x (`,` $weight^)? `eps` $eps attr-dict `:` custom<RowTypes>(type($x), type($result))";
  let hasVerifier = 1;
  let extraClassDeclaration = rowAxes;
}

def Gemma_AddNormOp : Gemma_Op<"add_norm", [NamesSymbols, UsesStorage, HasKernel, Pure, AllTypesMatch<["residual", "x", "result"]>]> {
  let summary = "A branch joins the residual stream: (residual + rms_norm(x)) * scalar";
  let description = [{
    `result = (residual + x * (mean(x^2) + eps)^(-1/2) * weight) * scalar[0]`; without `scalar` the last factor is 1.

    `add-norm-c1`: the weight exists and is a vector as long as the last axis. `add-norm-c2`: the scalar exists and is one number.
    ```mlir
    %y = gemma.add_norm %x, %branch, @layer0.post_feedforward_norm eps 1.0e-06 scalar @layer0.scalar : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$residual, Gemma_Floats:$x, FlatSymbolRefAttr:$weight, F32Attr:$eps,
                       OptionalAttr<FlatSymbolRefAttr>:$scalar);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$residual `,` $x `,` $weight `eps` $eps (`scalar` $scalar^)? attr-dict `:` type($x)";
  let extraClassDeclaration = rowAxes # InPlaceOf<"getResidual">.method;
}

def Gemma_GeluOp : Gemma_Op<"gelu", [HasKernel, Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "GELU in its tanh form";
  let description = [{
    `0.5 * x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3)))`
    ```mlir
    %y = gemma.gelu %x : tensor<?x96xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let extraClassDeclaration = rowAxes # PartsAre<"numbers">.method # InPlaceOf<"getX">.method;
}

def Gemma_GeluMulOp : Gemma_Op<"gelu_mul", [HasKernel, Pure, AllTypesMatch<["gate", "up"]>]> {
  let summary = "gelu(gate) * up";
  let description = [{
    A result in blocks equals `gemma.quantize` of the float result.

    `gelu-mul-c1`: the result has the gate's type, or is quantized in the gate's shape.
    ```mlir
    %y = gemma.gelu_mul %gate, %up : tensor<?x96xf32>
    %q = gemma.gelu_mul %gate, %up : tensor<?x96xf32> -> tensor<?x96xi8, #gemma.blocks<32>>
    ```
  }];
  let arguments = (ins Gemma_Floats:$gate, Gemma_Floats:$up);
  let results = (outs Gemma_Rows:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` custom<RowTypes>(type($gate), type($result))";
  let hasVerifier = 1;
  let extraClassDeclaration = rowAxes # PartsAre<"numbers">.method;
}

def Gemma_ScaleOp : Gemma_Op<"scale", [NamesSymbols, UsesStorage, HasKernel, Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "x times a constant, or times a stored number";
  let description = [{
    Exactly one of the constant `by` and the one-number weight `scalar` is given.

    `scale-c1`: one of `by` and `scalar`, not both. `scale-c2`: the scalar exists and is one number.
    ```mlir
    %y = gemma.scale %x by 0.125 : tensor<?x64xf32>
    %z = gemma.scale %x scalar @layer0.scalar : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, OptionalAttr<F32Attr>:$by, OptionalAttr<FlatSymbolRefAttr>:$scalar);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x (`by` $by^)? (`scalar` $scalar^)? attr-dict `:` type($x)";
  let hasVerifier = 1;
  let extraClassDeclaration = rowAxes # InPlaceOf<"getX">.method;
}

def Gemma_SoftcapOp : Gemma_Op<"softcap", [HasKernel, Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "cap * tanh(x / cap)";
  let description = [{
    `softcap-c1`: cap is positive.
    ```mlir
    %y = gemma.softcap %x cap 30.0 : tensor<?x2048xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, F32Attr:$cap);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x `cap` $cap attr-dict `:` type($x)";
  let hasVerifier = 1;
  let extraClassDeclaration = rowAxes # InPlaceOf<"getX">.method;
}

def Gemma_SoftmaxOp : Gemma_Op<"softmax", [HasKernel, Pure, AllTypesMatch<["x", "result"]>]> {
  let summary = "Softmax over the last axis";
  let description = [{
    `exp(x - max) / sum exp(x - max)`; where x is minus infinity the result is 0.
    ```mlir
    %p = gemma.softmax %s : tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let extraClassDeclaration = rowAxes # InPlaceOf<"getX">.method;
}

def Gemma_SliceOp : Gemma_Op<"slice", [Pure]> {
  let summary = "A range of one axis, as a view without a copy";
  let description = [{
    Selects indices of `axis` (not the first, which is the tokens), starting at `offset`, as many as the result has. With `drop` the range is one
    index and the result lacks the axis: the slice of one layer out of `(tokens, layers, width)`.

    `slice-c1`: the axis is neither the first nor beyond the last. `slice-c2`: the result's type is x's with another size of that axis (with `drop`: without that axis).
    `slice-c3`: the range is within the axis.
    ```mlir
    %q = gemma.slice %qkv axis 1 from 0 : tensor<?x6x32xf32> -> tensor<?x4x32xf32>
    %p = gemma.slice %ple axis 1 from 3 drop : tensor<?x15x8xf32> -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Gemma_Floats:$x, I64Attr:$axis, I64Attr:$offset, UnitAttr:$drop);
  let results = (outs Gemma_Floats:$result);
  let assemblyFormat = "$x `axis` $axis `from` $offset (`drop` $drop^)? attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

#endif
