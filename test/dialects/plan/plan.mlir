// RUN: gemmac-opt %s | gemmac-opt | FileCheck %s

// CHECK: plan.weight @qkv layout "tiles16" planes [memref<12x2x4x16x4xi8>, memref<12x2x16xf16>] at [0, 6144] shape [192, 64] scheme "q4_0" from ["q", "k"]
plan.weight @qkv layout "tiles16" planes [memref<12x2x4x16x4xi8>, memref<12x2x16xf16>] at [0, 6144]
    shape [192, 64] scheme "q4_0" from ["q", "k"]
// CHECK: plan.weight @range layout "vector" planes [memref<64xf32>] shape [64] scheme "f32" from ["n" rows 64 to 128]
plan.weight @range layout "vector" planes [memref<64xf32>] shape [64] scheme "f32" from ["n" rows 64 to 128]
// CHECK: plan.weight @norm layout "vector" planes [memref<64xf32>] shape [64] scheme "f32" add_one from ["n"]
plan.weight @norm layout "vector" planes [memref<64xf32>] shape [64] scheme "f32" add_one from ["n"]
// CHECK: plan.cache @cache planes [memref<1x1x16x32x16xf32>, memref<1x1x2x256x16xf32>] at [0, 32768]
plan.cache @cache planes [memref<1x1x16x32x16xf32>, memref<1x1x2x256x16xf32>] at [0, 32768]
// CHECK: plan.table @layers layers [0, 4] planes [1, -1] rows {{\[}}[@qkv, 0], [@qkv, 1]]
plan.table @layers layers [0, 4] planes [1, -1] rows [[@qkv, 0], [@qkv, 1]]

// CHECK-LABEL: @score
// CHECK-SAME: (%{{.*}}: memref<?xi32> {plan.input = "tokens"}, %[[Y:.*]]: memref<?x64xf32> {plan.output = "logits"})
// CHECK-SAME: plan.token_class = #plan.token_class<many>
func.func @score(%ids: memref<?xi32> {plan.input = "tokens"}, %y: memref<?x64xf32> {plan.output = "logits"})
    attributes {plan.tokens = 8 : i64, plan.token_class = #plan.token_class<many>} {
  // CHECK: %[[N:.*]] = plan.count
  %n = plan.count
  // CHECK: %[[P:.*]] = plan.position
  %p = plan.position
  // CHECK: %[[W:.*]] = plan.get @norm plane 0 : memref<64xf32>
  %w = plan.get @norm plane 0 : memref<64xf32>
  // CHECK: plan.row_get @layers[%[[P]], 0] : memref<12x2x16xf16>
  %r = plan.row_get @layers[%p, 0] : memref<12x2x16xf16>
  // CHECK: plan.row_number @layers[%[[P]], 1]
  %i = plan.row_number @layers[%p, 1]
  // CHECK: %[[X:.*]] = plan.arena at 4096(%[[N]]) : memref<?x1x64xf32>
  %x = plan.arena at 4096 (%n) : memref<?x1x64xf32>
  // CHECK: %[[T:.*]] = plan.arena at 8192(%[[N]]) : memref<?x1x64xf32>
  %t = plan.arena at 8192 (%n) : memref<?x1x64xf32>
  // CHECK: plan.call <"rms_norm", {eps = 9.99{{.*}}, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}>(%[[X]], %[[W]], %[[T]]) outputs 1 parallel axis 0 grain 1 : memref<?x1x64xf32>, memref<64xf32>, memref<?x1x64xf32>
  plan.call #plan.kernel<"rms_norm", {eps = 1.0e-6, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}> (%x, %w, %t) outputs 1
      parallel axis 0 grain 1 : memref<?x1x64xf32>, memref<64xf32>, memref<?x1x64xf32>
  // CHECK: %[[O:.*]] = plan.offset @qkv plane 1
  %o = plan.offset @qkv plane 1
  // CHECK: %[[V:.*]] = plan.view weights at 64 plus %[[O]]() : memref<12x2x16xf16, strided<[32, 16, 1]>, #plan.space<host>>
  %v = plan.view weights at 64 plus %o () : memref<12x2x16xf16, strided<[32, 16, 1]>, #plan.space<host>>
  // CHECK: %[[I:.*]] = plan.view input port 0 at 0(%[[N]]) : memref<?xi32, strided<[1]>, #plan.space<host>>
  %ids_view = plan.view input port 0 at 0 (%n) : memref<?xi32, strided<[1]>, #plan.space<host>>
  // CHECK: plan.call number 7 layer 2 <"gather_tokens", {choices = 1 : i64, quantized = 0 : i64, width = 64 : i64}, schedule = {grain = 8}>(%[[Y]], %[[I]], %[[Z:.*]]) outputs 1
  %z = plan.arena at 12288 (%n) : memref<?x64xf32>
  plan.call number 7 layer 2 #plan.kernel<"gather_tokens", {choices = 1 : i64, quantized = 0 : i64, width = 64 : i64}, schedule = {grain = 8}> (%y, %ids_view, %z)
      outputs 1 : memref<?x64xf32>, memref<?xi32, strided<[1]>, #plan.space<host>>, memref<?x64xf32>
  return
}
