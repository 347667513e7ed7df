// RUN: gemmac-opt %s --plan-outline-layers | FileCheck %s

// Layers 0 and 1 differ in weights and in an index: one procedure and a loop. Layer 2 has another shape and stays where it is.
// CHECK: plan.table @decode_layer_0_table layers [0, 1] planes [-1, 0] rows {{\[}}[0, @a], [1, @b]]
plan.weight @a layout "vector" planes [memref<64xf32>] shape [64] scheme "f32" from ["a"]
plan.weight @b layout "vector" planes [memref<64xf32>] shape [64] scheme "f32" from ["b"]
plan.weight @c layout "vector" planes [memref<32xf32>] shape [32] scheme "f32" from ["c"]

// CHECK: func.func private @decode_layer_0(%[[X:.*]]: memref<?x2x64xf32>, %[[ROW:.*]]: index)
// CHECK: %[[N:.*]] = plan.count
// CHECK: %[[I:.*]] = plan.row_number @decode_layer_0_table[%[[ROW]], 0]
// CHECK: memref.subview %[[X]][0, %[[I]], 0] [%[[N]], 1, 64]
// CHECK: plan.row_get @decode_layer_0_table[%[[ROW]], 1] : memref<64xf32>
// CHECK: memref.alloc(%[[N]])

// CHECK-LABEL: func.func @decode()
func.func @decode() attributes {plan.tokens = 1 : i64} {
  %n = plan.count
  %x = memref.alloc(%n) : memref<?x2x64xf32>
  // CHECK: scf.for %[[LAYER:.*]] = %{{.*}} to
  // CHECK-NEXT: func.call @decode_layer_0(%{{.*}}, %[[LAYER]])
  %i0 = arith.constant {gemma.layer = 0 : i64} 0 : index
  %s0 = memref.subview %x[0, %i0, 0] [%n, 1, 64] [1, 1, 1] {gemma.layer = 0 : i64} : memref<?x2x64xf32> to memref<?x1x64xf32, strided<[128, 64, 1], offset: ?>>
  %w0 = plan.get @a plane 0 {gemma.layer = 0 : i64} : memref<64xf32>
  %t0 = memref.alloc(%n) {gemma.layer = 0 : i64} : memref<?x1x64xf32>
  plan.call #plan.kernel<"rms_norm", {eps = 1.0e-6, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}> (%s0, %w0, %t0) outputs 1 {gemma.layer = 0 : i64} : memref<?x1x64xf32, strided<[128, 64, 1], offset: ?>>, memref<64xf32>, memref<?x1x64xf32>
  %i1 = arith.constant {gemma.layer = 1 : i64} 1 : index
  %s1 = memref.subview %x[0, %i1, 0] [%n, 1, 64] [1, 1, 1] {gemma.layer = 1 : i64} : memref<?x2x64xf32> to memref<?x1x64xf32, strided<[128, 64, 1], offset: ?>>
  %w1 = plan.get @b plane 0 {gemma.layer = 1 : i64} : memref<64xf32>
  %t1 = memref.alloc(%n) {gemma.layer = 1 : i64} : memref<?x1x64xf32>
  plan.call #plan.kernel<"rms_norm", {eps = 1.0e-6, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}> (%s1, %w1, %t1) outputs 1 {gemma.layer = 1 : i64} : memref<?x1x64xf32, strided<[128, 64, 1], offset: ?>>, memref<64xf32>, memref<?x1x64xf32>
  // CHECK: plan.get @c plane 0
  %w2 = plan.get @c plane 0 {gemma.layer = 2 : i64} : memref<32xf32>
  %t2 = memref.alloc(%n) {gemma.layer = 2 : i64} : memref<?x1x32xf32>
  %u2 = memref.alloc(%n) {gemma.layer = 2 : i64} : memref<?x1x32xf32>
  plan.call #plan.kernel<"rms_norm", {eps = 1.0e-6, heads = 1 : i64, size = 32 : i64, weighted = 1 : i64}> (%t2, %w2, %u2) outputs 1 {gemma.layer = 2 : i64} : memref<?x1x32xf32>, memref<32xf32>, memref<?x1x32xf32>
  return
}

// A layer whose buffer is read by the next one keeps its statements in place.
// CHECK-LABEL: func.func @score()
// CHECK-NOT: call @score
func.func @score() attributes {plan.tokens = 4 : i64} {
  %n = plan.count
  %w0 = plan.get @a plane 0 {gemma.layer = 0 : i64} : memref<64xf32>
  %t0 = memref.alloc(%n) {gemma.layer = 0 : i64} : memref<?x1x64xf32>
  %u0 = memref.alloc(%n) {gemma.layer = 0 : i64} : memref<?x1x64xf32>
  plan.call #plan.kernel<"rms_norm", {eps = 1.0e-6, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}> (%u0, %w0, %t0) outputs 1 {gemma.layer = 0 : i64} : memref<?x1x64xf32>, memref<64xf32>, memref<?x1x64xf32>
  %w1 = plan.get @b plane 0 {gemma.layer = 1 : i64} : memref<64xf32>
  %t1 = memref.alloc(%n) {gemma.layer = 1 : i64} : memref<?x1x64xf32>
  plan.call #plan.kernel<"rms_norm", {eps = 1.0e-6, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}> (%t0, %w1, %t1) outputs 1 {gemma.layer = 1 : i64} : memref<?x1x64xf32>, memref<64xf32>, memref<?x1x64xf32>
  return
}
