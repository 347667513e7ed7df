// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=q4_0 2>/dev/null | FileCheck %s
// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=q4_0 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=bf16 | FileCheck %s --check-prefix=BF16
// RUN: not gemmac-opt %s --gemma-quantize-weights=scheme=q8_1 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not gemmac-opt %s --gemma-quantize-weights=scheme=f16 2>&1 | FileCheck %s --check-prefix=F16

// UNKNOWN: there is no scheme 'q8_1' for weights; there are f32, bf16, q8_0, {{.*}}, and file for those of the checkpoint
// F16: there is no scheme 'f16' for weights; there are f32, bf16, q8_0, {{.*}}, and file for those of the checkpoint
// BF16-COUNT-7: scheme bf16
// BF16-NOT: scheme bf16

// A table that is also the head has one scheme.
// CHECK: @embedding : tensor<64x64xf32> scheme q4_0
gemma.weight @embedding : tensor<64x64xf32> from ["e"]
// CHECK: @linear : tensor<64x64xf32> scheme q4_0
gemma.weight @linear : tensor<64x64xf32> from ["l"]
// CHECK: @gate_up : tensor<4x64x64xf32> scheme q4_0
gemma.weight @gate_up : tensor<4x64x64xf32> from ["gu"]
// CHECK: @down : tensor<4x64x32xf32> scheme q4_0
gemma.weight @down : tensor<4x64x32xf32> from ["d"]

// No whole blocks in a row; rows of heads that are no whole blocks, though together they are.
// CHECK: @rows_of_48 : tensor<64x48xf32> scheme bf16
// REMARK: remark: @rows_of_48 is stored as bf16
gemma.weight @rows_of_48 : tensor<64x48xf32> from ["r"]
// CHECK: @heads_of_16 : tensor<64x64xf32> scheme bf16
// REMARK: remark: @heads_of_16 is stored as bf16
gemma.weight @heads_of_16 : tensor<64x64xf32> from ["h"]
// CHECK: @table_of_24 : tensor<64x24xf32> scheme bf16
// REMARK: remark: @table_of_24 is stored as bf16
// REMARK-NOT: remark
gemma.weight @table_of_24 : tensor<64x24xf32> from ["t"]

// The router, norms and scalars keep every bit.
// CHECK: @router : tensor<4x64xf32> from
gemma.weight @router : tensor<4x64xf32> from ["router"]
// CHECK: @expert_scale : tensor<4xf32> from
gemma.weight @expert_scale : tensor<4xf32> from ["s"]
// CHECK: @norm : tensor<64xf32> from
gemma.weight @norm : tensor<64xf32> from ["n"]

func.func @score(%ids: tensor<?xi32>, %a: tensor<?x48xf32>, %h: tensor<?x4x16xf32>) -> tensor<?x64xf32> {
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  %t = gemma.embed %ids, @table_of_24 scale 1.0 : tensor<?xi32> -> tensor<?x3x8xf32>
  %n = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  %l = gemma.linear %n, @linear : tensor<?x64xf32> -> tensor<?x64xf32>
  %b = gemma.linear %a, @rows_of_48 : tensor<?x48xf32> -> tensor<?x64xf32>
  %c = gemma.linear %h, @heads_of_16 : tensor<?x4x16xf32> -> tensor<?x64xf32>
  %r = gemma.linear %x, @router : tensor<?x64xf32> -> tensor<?x4xf32>
  %p = gemma.softmax %r : tensor<?x4xf32>
  %w, %e = gemma.top_k %p, @expert_scale : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %y = gemma.experts %l, %e, %w, @gate_up, @down : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>
  %z = gemma.linear %y, @embedding : tensor<?x64xf32> -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
