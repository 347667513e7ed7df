// RUN: gemmac-opt %s | gemmac-opt | FileCheck %s

gemma.weight @embedding : tensor<2048x64xf32> from ["embed"]
gemma.weight @per_layer : tensor<2048x120xf32> from ["per_layer"]
gemma.weight @qkv : tensor<192x64xf32> scheme q8_0 from ["qkv"]
gemma.weight @output : tensor<64x128xf32> from ["o"]

// CHECK-LABEL: @embed
func.func @embed(%ids: tensor<?xi32>) -> (tensor<?x64xf32>, tensor<?x14x8xf32>) {
  // CHECK: gemma.embed %{{.*}}, @embedding scale 8.000000e+00 : tensor<?xi32> -> tensor<?x64xf32>
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  // CHECK: gemma.embed %{{.*}}, @per_layer scale 1.000000e+00 offset 8 : tensor<?xi32> -> tensor<?x14x8xf32>
  %p = gemma.embed %ids, @per_layer scale 1.0 offset 8 : tensor<?xi32> -> tensor<?x14x8xf32>
  return %x, %p : tensor<?x64xf32>, tensor<?x14x8xf32>
}

// CHECK-LABEL: @linear
func.func @linear(%x: tensor<?x64xf32>) -> (tensor<?x6x32xf32>, tensor<?x1x32xf32>) {
  // CHECK: gemma.quantize %{{.*}} : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: gemma.linear %{{.*}}, @qkv : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x6x32xf32>
  %all = gemma.linear %q, @qkv : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x6x32xf32>
  // CHECK: gemma.linear %{{.*}}, @qkv offset 160 : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %last = gemma.linear %x, @qkv offset 160 : tensor<?x64xf32> -> tensor<?x1x32xf32>
  // CHECK: gemma.linear %{{.*}}, @qkv cap 3.000000e+01 : tensor<?x64xf32> -> tensor<?x192xf32>
  %capped = gemma.linear %x, @qkv cap 30.0 : tensor<?x64xf32> -> tensor<?x192xf32>
  return %all, %last : tensor<?x6x32xf32>, tensor<?x1x32xf32>
}

// Heads are flattened on both sides.
// CHECK-LABEL: @flattened
func.func @flattened(%heads: tensor<?x4x32xf32>) -> tensor<?x64xf32> {
  // CHECK: gemma.linear %{{.*}}, @output : tensor<?x4x32xf32> -> tensor<?x64xf32>
  %y = gemma.linear %heads, @output : tensor<?x4x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
