// RUN: gemmac-opt %s | gemmac-opt | FileCheck %s

gemma.weight @scale : tensor<8xf32> from ["s"]
gemma.weight @gate_up : tensor<8x64x64xf32> from ["gate_up"]
gemma.weight @down : tensor<8x64x32xf32> scheme q4_0 from ["down"]

// CHECK-LABEL: @route
func.func @route(%p: tensor<?x8xf32>, %x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: gemma.top_k %{{.*}}, @scale : tensor<?x8xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
  %w, %e = gemma.top_k %p, @scale : tensor<?x8xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
  // CHECK: gemma.experts %{{.*}}, %{{.*}}, %{{.*}}, @gate_up, @down : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  %y = gemma.experts %x, %e, %w, @gate_up, @down : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: @gathered
func.func @gathered(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>, %w: tensor<?x3xf32>, %own: tensor<?x3x32xi8, #gemma.blocks<32>>) -> tensor<?x64xf32> {
  // One row for all experts of a token.
  // CHECK: gemma.expert_linear %{{.*}}, %{{.*}}, @gate_up : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  %gu = gemma.expert_linear %x, %e, @gate_up : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  // A row for each.
  // CHECK: gemma.expert_linear %{{.*}}, %{{.*}}, @down : tensor<?x3x32xi8, #gemma.blocks<32>>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  %d = gemma.expert_linear %own, %e, @down : tensor<?x3x32xi8, #gemma.blocks<32>>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  %s = arith.addf %gu, %d : tensor<?x3x64xf32>
  // CHECK: gemma.combine %{{.*}}, %{{.*}} : tensor<?x3x64xf32>, tensor<?x3xf32> -> tensor<?x64xf32>
  %y = gemma.combine %s, %w : tensor<?x3x64xf32>, tensor<?x3xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: @grouped
func.func @grouped(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>, %w: tensor<?x3xf32>) -> tensor<?x64xf32> {
  // CHECK: gemma.group_by_expert %{{.*}} : tensor<?x3xi32> -> tensor<?xi32>, tensor<?x3xi32>, tensor<9xi32>
  %order, %place, %offsets = gemma.group_by_expert %e : tensor<?x3xi32> -> tensor<?xi32>, tensor<?x3xi32>, tensor<9xi32>
  // CHECK: gemma.gather_tokens %{{.*}}, %{{.*}} choices 3 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %g = gemma.gather_tokens %x, %order choices 3 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  // CHECK: gemma.grouped_linear %{{.*}}, %{{.*}}, @gate_up : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  %gu = gemma.grouped_linear %g, %offsets, @gate_up : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  // CHECK: gemma.combine_groups %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x64xf32>
  %y = gemma.combine_groups %gu, %place, %w : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
