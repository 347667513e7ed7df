// RUN: gemmac-opt %s --plan-place-arguments --split-input-file --verify-diagnostics | FileCheck %s

plan.weight @a layout "vector" planes [memref<64xf32>] at [0] shape [64] scheme "f32" from ["a"]
plan.weight @b layout "vector" planes [memref<64xf32>] at [256] shape [64] scheme "f32" from ["b"]
plan.table @rows layers [3, 5] planes [0, -1] rows [[@a, 0], [@b, 1]]

// A procedure gets an offset where its callers differ, and finds by itself what they agree on: the array of the caller.
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %[[ROW:.*]]: index, %[[BEGIN:.*]]: index)
// CHECK: %[[I:.*]] = plan.row_number @rows[%[[ROW]], 1]
// A slice of one index moves the offset by as many bytes.
// CHECK: %[[BYTES:.*]] = arith.constant 256 : index
// CHECK: %[[SKIPPED:.*]] = arith.muli %[[I]], %[[BYTES]]
// CHECK: %[[PART:.*]] = arith.addi %[[BEGIN]], %[[SKIPPED]]
// CHECK: %[[W:.*]] = plan.row_number @rows[%[[ROW]], 0]
// CHECK-DAG: plan.view arena at 0 plus %[[PART]](%{{.*}}) : memref<?x1x64xf32, strided<[128, 64, 1]>, #plan.space<host>>
// CHECK-DAG: plan.view weights at 0 plus %[[W]]() : memref<64xf32, strided<[1]>, #plan.space<host>>
// CHECK-DAG: plan.view output port 0 at 0(%{{.*}}) : memref<?x1x64xf32, strided<[64, 64, 1]>, #plan.space<host>>
// CHECK: plan.call number 0 <"rms_norm"
// CHECK-NOT: memref.
func.func private @layer(%x: memref<?x2x64xf32>, %y: memref<?x1x64xf32>, %row: index) attributes {plan.tokens = 4 : i64} {
  %n = plan.count
  %i = plan.row_number @rows[%row, 1]
  %s = memref.subview %x[0, %i, 0] [%n, 1, 64] [1, 1, 1] : memref<?x2x64xf32> to memref<?x1x64xf32, strided<[128, 64, 1], offset: ?>>
  %w = plan.row_get @rows[%row, 0] : memref<64xf32>
  plan.call #plan.kernel<"rms_norm", {eps = 1.0e-6, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}> (%s, %w, %y) outputs 1 : memref<?x1x64xf32, strided<[128, 64, 1], offset: ?>>, memref<64xf32>, memref<?x1x64xf32>
  return
}

// CHECK-LABEL: func.func @decode
// CHECK-SAME: %{{.*}}: memref<?x1x64xf32> {plan.output = "y"})
func.func @decode(%y: memref<?x1x64xf32> {plan.output = "y"}) attributes {plan.tokens = 4 : i64} {
  %n = plan.count
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %x = plan.arena at 1024 (%n) : memref<?x2x64xf32>
  %z = plan.arena at 8192 (%n) : memref<?x2x64xf32>
  // CHECK: %[[X:.*]] = arith.constant 1024 : index
  // CHECK: call @layer(%{{.*}}, %[[X]]) : (index, index) -> ()
  func.call @layer(%x, %y, %zero) : (memref<?x2x64xf32>, memref<?x1x64xf32>, index) -> ()
  // CHECK: %[[Z:.*]] = arith.constant 8192 : index
  // CHECK: call @layer(%{{.*}}, %[[Z]])
  func.call @layer(%z, %y, %one) : (memref<?x2x64xf32>, memref<?x1x64xf32>, index) -> ()
  // What has a constant place has no arithmetic, whatever views it went through; the layer is the call's own.
  // CHECK: plan.view arena at 1280(%{{.*}}) : memref<?x2x32xf32, strided<[128, 32, 1]>, #plan.space<host>>
  // CHECK: plan.call number 1 layer 7 <"gelu"
  %s = memref.subview %x[0, 1, 0] [%n, 1, 64] [1, 1, 1] : memref<?x2x64xf32> to memref<?x64xf32, strided<[128, 1], offset: 64>>
  %h = memref.expand_shape %s [[0], [1, 2]] output_shape [%n, 2, 32] : memref<?x64xf32, strided<[128, 1], offset: 64>> into memref<?x2x32xf32, strided<[128, 32, 1], offset: 64>>
  plan.call #plan.kernel<"gelu", {heads = 2 : i64, size = 32 : i64}> (%h, %h) outputs 1 {gemma.layer = 7 : i64} : memref<?x2x32xf32, strided<[128, 32, 1], offset: 64>>, memref<?x2x32xf32, strided<[128, 32, 1], offset: 64>>
  return
}

// -----

// Callers with arrays in different memories have procedures of their own.
// CHECK-LABEL: func.func private @rows(
// CHECK: plan.view input port 0 at 0
// CHECK: plan.call number 0
// CHECK-LABEL: func.func private @rows_1(
// CHECK: plan.view arena at 64(
// CHECK: plan.call number 1
// CHECK-LABEL: func.func @score
// CHECK: call @rows()
// CHECK: call @rows_1()
func.func private @rows(%x: memref<?x1x4xf32>) attributes {plan.tokens = 4 : i64} {
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 4 : i64}> (%x, %x) outputs 1 : memref<?x1x4xf32>, memref<?x1x4xf32>
  return
}
func.func @score(%x: memref<?x1x4xf32> {plan.input = "x"}) attributes {plan.tokens = 4 : i64} {
  %n = plan.count
  %y = plan.arena at 64 (%n) : memref<?x1x4xf32>
  func.call @rows(%x) : (memref<?x1x4xf32>) -> ()
  func.call @rows(%y) : (memref<?x1x4xf32>) -> ()
  return
}

// -----

func.func @score() attributes {plan.tokens = 4 : i64} {
  // expected-error @+1 {{is no view that a plan has: where it lies is not known}}
  %x = memref.alloc() : memref<1x1x4xf32>
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 4 : i64}> (%x, %x) outputs 1 : memref<1x1x4xf32>, memref<1x1x4xf32>
  return
}
