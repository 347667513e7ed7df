// RUN: gemmac-opt %s --gemma-fuse-gated-mlp | FileCheck %s

// CHECK: gemma.weight @layer0.gate_up : tensor<192x64xf32> from ["gate_proj", "up_proj"] parts [96, 96] {gemma.layer = 0 : i64}
// CHECK-NEXT: gemma.weight @layer0.per_layer_gate
gemma.weight @layer0.gate : tensor<96x64xf32> from ["gate_proj"] {gemma.layer = 0 : i64}
gemma.weight @layer0.up : tensor<96x64xf32> from ["up_proj"] {gemma.layer = 0 : i64}
gemma.weight @layer0.per_layer_gate : tensor<8x64xf32> from ["per_layer_gate"]

// CHECK-LABEL: @gated_mlp
func.func @gated_mlp(%x: tensor<?x64xf32>) -> tensor<?x96xf32> {
  // CHECK-NEXT: %[[GU:.*]] = gemma.linear %arg0, @layer0.gate_up : tensor<?x64xf32> -> tensor<?x192xf32>
  // CHECK-NEXT: %[[G:.*]] = gemma.slice %[[GU]] axis 1 from 0 : tensor<?x192xf32> -> tensor<?x96xf32>
  // CHECK-NEXT: %[[U:.*]] = gemma.slice %[[GU]] axis 1 from 96 : tensor<?x192xf32> -> tensor<?x96xf32>
  // CHECK-NEXT: gemma.gelu_mul %[[G]], %[[U]] {gemma.layer = 0 : i64} : tensor<?x96xf32>
  %g = gemma.linear %x, @layer0.gate : tensor<?x64xf32> -> tensor<?x96xf32>
  %u = gemma.linear %x, @layer0.up : tensor<?x64xf32> -> tensor<?x96xf32>
  %a = gemma.gelu %g : tensor<?x96xf32>
  %y = arith.mulf %a, %u {gemma.layer = 0 : i64} : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}

// The gate of the per-layer embedding has one projection: the product is fused, the linear stays. Factors may come in either order.
// CHECK-LABEL: @one_projection
func.func @one_projection(%x: tensor<?x64xf32>, %own: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: %[[G:.*]] = gemma.linear %arg0, @layer0.per_layer_gate
  // CHECK-NEXT: gemma.gelu_mul %[[G]], %arg1
  %g = gemma.linear %x, @layer0.per_layer_gate : tensor<?x64xf32> -> tensor<?x8xf32>
  %a = gemma.gelu %g : tensor<?x8xf32>
  %y = arith.mulf %own, %a : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: @gelu_is_read
func.func @gelu_is_read(%x: tensor<?x96xf32>, %u: tensor<?x96xf32>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
  // CHECK: gemma.gelu %
  // CHECK: arith.mulf
  %a = gemma.gelu %x : tensor<?x96xf32>
  %y = arith.mulf %a, %u : tensor<?x96xf32>
  return %a, %y : tensor<?x96xf32>, tensor<?x96xf32>
}

// CHECK-LABEL: @no_gelu
func.func @no_gelu(%x: tensor<?x96xf32>, %u: tensor<?x96xf32>) -> tensor<?x96xf32> {
  // CHECK-NEXT: arith.mulf
  %y = arith.mulf %x, %u : tensor<?x96xf32>
  return %y : tensor<?x96xf32>
}
