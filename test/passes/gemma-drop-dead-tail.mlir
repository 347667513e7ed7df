// RUN: gemmac-opt %s --gemma-drop-dead-tail | FileCheck %s
// RUN: gemmac-opt %s --gemma-drop-dead-tail 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// REMARK: remark: @prefill drops 6 ops that nothing depends on and narrows 6
// REMARK-NOT: remark

gemma.weight @table : tensor<16x64xf32> from ["t"]
gemma.weight @per_layer_table : tensor<16x24xf32> from ["p"]
gemma.weight @per_layer_projection : tensor<24x64xf32> from ["pp"]
gemma.weight @per_layer_norm : tensor<8xf32> from ["pn"]
gemma.weight @qkv : tensor<96x64xf32> from ["q", "k", "v"]
gemma.weight @gate : tensor<64x8xf32> from ["g"]
gemma.cache @cache : tensor<16x1x16xf32>

// Layer 1 is the last to write a cache. Behind its keys and values nothing is read: its query and attention, layer 2, the logits.
// CHECK-LABEL: @prefill
func.func @prefill(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // CHECK-NEXT: %[[X:.*]] = gemma.embed %arg0, @table
  %x = gemma.embed %ids, @table scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  // Of the per-layer inputs only layer 1's is read: columns, rows and what lies between are narrowed to it.
  // CHECK-NEXT: %[[T:.*]] = gemma.embed %arg0, @per_layer_table scale 1.000000e+00 offset 8 : tensor<?xi32> -> tensor<?x1x8xf32>
  %t = gemma.embed %ids, @per_layer_table scale 1.0 : tensor<?xi32> -> tensor<?x3x8xf32>
  // CHECK-NEXT: %[[C:.*]] = gemma.linear %[[X]], @per_layer_projection offset 8 : tensor<?x64xf32> -> tensor<?x1x8xf32>
  %c = gemma.linear %x, @per_layer_projection : tensor<?x64xf32> -> tensor<?x3x8xf32>
  // CHECK-NEXT: %[[CN:.*]] = gemma.rms_norm %[[C]], @per_layer_norm {{.*}} : tensor<?x1x8xf32>
  %cn = gemma.rms_norm %c, @per_layer_norm eps 1.0e-06 : tensor<?x3x8xf32>
  // CHECK-NEXT: %[[S:.*]] = arith.addf %[[CN]], %[[T]] : tensor<?x1x8xf32>
  %s = arith.addf %cn, %t : tensor<?x3x8xf32>
  // CHECK-NEXT: %[[P:.*]] = gemma.scale %[[S]] by 5.000000e-01 : tensor<?x1x8xf32>
  %p = gemma.scale %s by 0.5 : tensor<?x3x8xf32>
  // CHECK-NEXT: %[[P1:.*]] = gemma.slice %[[P]] axis 1 from 0 drop : tensor<?x1x8xf32> -> tensor<?x8xf32>
  %p1 = gemma.slice %p axis 1 from 1 drop : tensor<?x3x8xf32> -> tensor<?x8xf32>
  %p2 = gemma.slice %p axis 1 from 2 drop : tensor<?x3x8xf32> -> tensor<?x8xf32>
  // CHECK-NEXT: %[[Y:.*]] = gemma.linear %[[P1]], @gate
  %y = gemma.linear %p1, @gate : tensor<?x8xf32> -> tensor<?x64xf32>
  // The stacked projection is narrowed to keys and values.
  // CHECK-NEXT: %[[KV:.*]] = gemma.linear %[[Y]], @qkv offset 64 : tensor<?x64xf32> -> tensor<?x2x16xf32>
  %qkv = gemma.linear %y, @qkv : tensor<?x64xf32> -> tensor<?x6x16xf32>
  %q = gemma.slice %qkv axis 1 from 0 : tensor<?x6x16xf32> -> tensor<?x4x16xf32>
  // CHECK-NEXT: %[[K:.*]] = gemma.slice %[[KV]] axis 1 from 0 : tensor<?x2x16xf32> -> tensor<?x1x16xf32>
  %k = gemma.slice %qkv axis 1 from 4 : tensor<?x6x16xf32> -> tensor<?x1x16xf32>
  // CHECK-NEXT: %[[V:.*]] = gemma.slice %[[KV]] axis 1 from 1 : tensor<?x2x16xf32> -> tensor<?x1x16xf32>
  %v = gemma.slice %qkv axis 1 from 5 : tensor<?x6x16xf32> -> tensor<?x1x16xf32>
  // CHECK-NEXT: gemma.cache_write %[[K]], %[[V]], @cache
  gemma.cache_write %k, %v, @cache at %positions : tensor<?x1x16xf32>
  // CHECK-NEXT: return
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 : tensor<?x4x16xf32>
  %z = gemma.linear %p2, @gate : tensor<?x8xf32> -> tensor<?x64xf32>
  %l = gemma.linear %z, @table : tensor<?x64xf32> -> tensor<?x16xf32>
  %m = gemma.softcap %l cap 30.0 : tensor<?x16xf32>
  return
}

// Logits depend on everything.
// CHECK-LABEL: @score
func.func @score(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x4x16xf32> {
  // CHECK: gemma.linear %{{.*}}, @qkv : tensor<?x64xf32> -> tensor<?x6x16xf32>
  // CHECK: gemma.cached_attention
  %x = gemma.embed %ids, @table scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  %qkv = gemma.linear %x, @qkv : tensor<?x64xf32> -> tensor<?x6x16xf32>
  %q = gemma.slice %qkv axis 1 from 0 : tensor<?x6x16xf32> -> tensor<?x4x16xf32>
  %k = gemma.slice %qkv axis 1 from 4 : tensor<?x6x16xf32> -> tensor<?x1x16xf32>
  %v = gemma.slice %qkv axis 1 from 5 : tensor<?x6x16xf32> -> tensor<?x1x16xf32>
  gemma.cache_write %k, %v, @cache at %positions : tensor<?x1x16xf32>
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 : tensor<?x4x16xf32>
  return %o : tensor<?x4x16xf32>
}

// A norm sums over the axis that is sliced: it needs all of it.
// CHECK-LABEL: @norm_needs_the_axis
func.func @norm_needs_the_axis(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  // CHECK-NEXT: gemma.rms_norm %{{.*}} : tensor<?x8xf32>
  %n = gemma.rms_norm %x, @per_layer_norm eps 1.0e-06 : tensor<?x8xf32>
  %s = gemma.slice %n axis 1 from 0 : tensor<?x8xf32> -> tensor<?x4xf32>
  return %s : tensor<?x4xf32>
}
