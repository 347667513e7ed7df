// RUN: gemmac-opt %s --plan-assign-arena | FileCheck %s

// Sums of what lives at once, every buffer on a cache line: 10 tokens of 4 bytes and 12 rows of 10 tokens.
// CHECK: module attributes {plan.arena_bytes = 704 : i64, plan.cache_bytes = 512 : i64, plan.weights_bytes = 192 : i64}
// CHECK: plan.weight @a {{.*}} at [0, 64]
plan.weight @a layout "tiles16" planes [memref<20xi8>, memref<3xf16>] shape [1, 32] scheme "q8_0" from ["a"]
// CHECK: plan.weight @b {{.*}} at [128]
plan.weight @b layout "vector" planes [memref<16xf32>] shape [16] scheme "f32" from ["b"]
// CHECK: plan.cache @c {{.*}} at [0, 128]
plan.cache @c planes [memref<4x1x8xf32>, memref<4x8xf32>]
// CHECK: plan.cache @d {{.*}} at [256, 384]
plan.cache @d planes [memref<4x8xf32>, memref<4x1x8xf32>]

// The procedure's scratch stands behind what its caller keeps meanwhile.
// CHECK-LABEL: @layer
// CHECK: plan.arena at 512
func.func private @layer(%x: memref<?x1x12xf32>) attributes {plan.tokens = 10 : i64} {
  %n = plan.count
  %t = memref.alloc(%n) : memref<?x1x4xf32>
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 4 : i64}> (%t, %t) outputs 1 : memref<?x1x4xf32>, memref<?x1x4xf32>
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 12 : i64}> (%x, %x) outputs 1 : memref<?x1x12xf32>, memref<?x1x12xf32>
  return
}

// CHECK-LABEL: @score
// CHECK-SAME: plan.arena_bytes = 704 : i64
func.func @score() attributes {plan.tokens = 10 : i64} {
  %n = plan.count
  // CHECK: %[[X:.*]] = plan.arena at 0
  %x = memref.alloc(%n) : memref<?x1x12xf32>
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 12 : i64}> (%x, %x) outputs 1 : memref<?x1x12xf32>, memref<?x1x12xf32>
  func.call @layer(%x) : (memref<?x1x12xf32>) -> ()
  // CHECK: plan.call {{.*}}(%[[X]], %[[X]])
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 12 : i64}> (%x, %x) outputs 1 : memref<?x1x12xf32>, memref<?x1x12xf32>
  // A buffer that begins when the first has ended takes its room.
  // CHECK: plan.arena at 0
  %y = memref.alloc(%n) : memref<?x1x1xf32>
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 1 : i64}> (%y, %y) outputs 1 : memref<?x1x1xf32>, memref<?x1x1xf32>
  return
}
