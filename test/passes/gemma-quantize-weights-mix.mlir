// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=layers=q4_k,head=q6_k,experts=q5_0 2>/dev/null | FileCheck %s --check-prefixes=CHECK,MIX
// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=q4_k,per_layer=q2_k,embedding=q8_0 2>/dev/null | FileCheck %s --check-prefixes=CHECK,OTHER
// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=q4_k 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not gemmac-opt %s --gemma-quantize-weights=scheme=head=q6_k 2>&1 | FileCheck %s --check-prefix=NO-LAYERS
// RUN: not gemmac-opt %s --gemma-quantize-weights=scheme=q4_k,heads=q6_k 2>&1 | FileCheck %s --check-prefix=NO-KIND
// RUN: not gemmac-opt %s --gemma-quantize-weights=scheme=q4_k,head=q6_k,head=q8_0 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not gemmac-opt %s --gemma-quantize-weights=scheme=q4_k,q6_k 2>&1 | FileCheck %s --check-prefix=TWO

// NO-LAYERS: 'head=q6_k' does not say how layers are stored, as q4_k,head=q6_k does
// NO-KIND: there are no weights 'heads' to store; there are layers, experts, embedding, per_layer, head
// TWICE: 'q4_k,head=q6_k,head=q8_0' says twice how head are stored
// TWO: 'q4_k,q6_k' says twice how weights are stored that it does not name

// A table that is also the head is stored as the head, if that is named.
// MIX: @embedding : tensor<512x256xf32> scheme q6_k
// OTHER: @embedding : tensor<512x256xf32> scheme q8_0
gemma.weight @embedding : tensor<512x256xf32> from ["e"]
// MIX: @per_layer_embedding : tensor<512x512xf32> scheme q4_k
// OTHER: @per_layer_embedding : tensor<512x512xf32> scheme q2_k
gemma.weight @per_layer_embedding : tensor<512x512xf32> from ["p"]
// CHECK: @per_layer_projection : tensor<512x256xf32> scheme q4_k
gemma.weight @per_layer_projection : tensor<512x256xf32> from ["pp"]
// CHECK: @layer0.gate : tensor<96x256xf32> scheme q4_k
gemma.weight @layer0.gate : tensor<96x256xf32> from ["g"] {gemma.layer = 0 : i64}
// Rows of 96 numbers have no blocks of 256.
// CHECK: @layer0.down : tensor<256x96xf32> scheme q5_0
// REMARK: remark: @layer0.down is stored as q5_0: its rows, or those that it multiplies, are no whole blocks of 256
gemma.weight @layer0.down : tensor<256x96xf32> from ["d"] {gemma.layer = 0 : i64}
// MIX: @layer0.experts : tensor<4x32x256xf32> scheme q5_0
// OTHER: @layer0.experts : tensor<4x32x256xf32> scheme q4_k
gemma.weight @layer0.experts : tensor<4x32x256xf32> from ["x"] {gemma.layer = 0 : i64}

func.func @forward(%ids: tensor<?xi32>, %e: tensor<?x2xi32>) -> (tensor<?x512xf32>, tensor<?x2x256xf32>, tensor<?x2x256xf32>, tensor<?x2x32xf32>) {
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x256xf32>
  %p = gemma.embed %ids, @per_layer_embedding scale 8.0 : tensor<?xi32> -> tensor<?x2x256xf32>
  %c = gemma.linear %x, @per_layer_projection : tensor<?x256xf32> -> tensor<?x2x256xf32>
  %g = gemma.linear %x, @layer0.gate {gemma.layer = 0 : i64} : tensor<?x256xf32> -> tensor<?x96xf32>
  %d = gemma.linear %g, @layer0.down {gemma.layer = 0 : i64} : tensor<?x96xf32> -> tensor<?x256xf32>
  %y = gemma.expert_linear %d, %e, @layer0.experts {gemma.layer = 0 : i64} : tensor<?x256xf32>, tensor<?x2xi32> -> tensor<?x2x32xf32>
  %l = gemma.linear %d, @embedding : tensor<?x256xf32> -> tensor<?x512xf32>
  return %l, %p, %c, %y : tensor<?x512xf32>, tensor<?x2x256xf32>, tensor<?x2x256xf32>, tensor<?x2x32xf32>
}
