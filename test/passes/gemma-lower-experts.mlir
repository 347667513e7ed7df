// RUN: gemmac-opt %s --gemma-lower-experts | FileCheck %s

gemma.weight @gate_up : tensor<8x64x32xf32> from ["gate_up"]
gemma.weight @down : tensor<8x32x32xf32> from ["down"]

// One token reads the matrices of its own experts.
// CHECK-LABEL: @decode
func.func @decode(%x: tensor<?x32xf32>, %e: tensor<?x3xi32>, %w: tensor<?x3xf32>) -> tensor<?x32xf32> attributes {gemma.tokens = 1 : i64} {
  // CHECK-NEXT: %[[GU:.*]] = gemma.expert_linear %arg0, %arg1, @gate_up {gemma.layer = 4 : i64} : tensor<?x32xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  // CHECK-NEXT: %[[G:.*]] = gemma.slice %[[GU]] axis 2 from 0 {gemma.layer = 4 : i64} : tensor<?x3x64xf32> -> tensor<?x3x32xf32>
  // CHECK-NEXT: %[[U:.*]] = gemma.slice %[[GU]] axis 2 from 32 {gemma.layer = 4 : i64} : tensor<?x3x64xf32> -> tensor<?x3x32xf32>
  // CHECK-NEXT: %[[A:.*]] = gemma.gelu_mul %[[G]], %[[U]]
  // CHECK-NEXT: %[[D:.*]] = gemma.expert_linear %[[A]], %arg1, @down {{.*}} : tensor<?x3x32xf32>, tensor<?x3xi32> -> tensor<?x3x32xf32>
  // CHECK-NEXT: %[[Y:.*]] = gemma.combine %[[D]], %arg2
  // CHECK-NEXT: return %[[Y]]
  %y = gemma.experts %x, %e, %w, @gate_up, @down {gemma.layer = 4 : i64} : tensor<?x32xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  return %y : tensor<?x32xf32>
}

// Many tokens read each matrix once.
// CHECK-LABEL: @score
func.func @score(%x: tensor<?x32xf32>, %e: tensor<?x3xi32>, %w: tensor<?x3xf32>) -> tensor<?x32xf32> {
  // CHECK-NEXT: %[[ORDER:.*]], %[[PLACE:.*]], %[[OFFSETS:.*]] = gemma.group_by_expert %arg1 : tensor<?x3xi32> -> tensor<?xi32>, tensor<?x3xi32>, tensor<9xi32>
  // CHECK-NEXT: %[[ROWS:.*]] = gemma.gather_tokens %arg0, %[[ORDER]] choices 3
  // CHECK-NEXT: %[[GU:.*]] = gemma.grouped_linear %[[ROWS]], %[[OFFSETS]], @gate_up : tensor<?x32xf32>, tensor<9xi32> -> tensor<?x64xf32>
  // CHECK-NEXT: %[[G:.*]] = gemma.slice %[[GU]] axis 1 from 0
  // CHECK-NEXT: %[[U:.*]] = gemma.slice %[[GU]] axis 1 from 32
  // CHECK-NEXT: %[[A:.*]] = gemma.gelu_mul %[[G]], %[[U]] : tensor<?x32xf32>
  // CHECK-NEXT: %[[D:.*]] = gemma.grouped_linear %[[A]], %[[OFFSETS]], @down
  // CHECK-NEXT: %[[Y:.*]] = gemma.combine_groups %[[D]], %[[PLACE]], %arg2
  // CHECK-NEXT: return %[[Y]]
  %y = gemma.experts %x, %e, %w, @gate_up, @down : tensor<?x32xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: @dense
func.func @dense(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK-NEXT: gemma.gelu
  // CHECK-NEXT: return
  %y = gemma.gelu %x : tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
