// RUN: gemmac-opt %s --gemma-select-kernels=target=generic-aarch64 | FileCheck %s
// RUN: not gemmac-opt %s --gemma-select-kernels=target=toaster 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: unknown target 'toaster'; known are {{.*}}generic-aarch64

// A matrix is stored in tiles even where it is also a table; a table that is only looked up, by rows; a vector as it is.
// CHECK: gemma.weight @embedding {{.*}}gemma.layout = "tiles16"
// CHECK: gemma.weight @table {{.*}}gemma.layout = "rows"
// CHECK: gemma.weight @norm {{.*}}gemma.layout = "vector"
gemma.weight @embedding : tensor<2048x64xf32> scheme q4_0 from ["embed_tokens.weight"]
gemma.weight @table : tensor<2048x192xf32> scheme q8_0 from ["per_layer.weight"]
gemma.weight @norm : tensor<64xf32> from ["norm.weight"]
gemma.cache @ring : tensor<31x1x32xf32> scheme f16
gemma.cache @all : tensor<600x2x32xf32>

// A kernel's constants come from the op, its weights and its caches.
// CHECK-LABEL: @constants
func.func @constants(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // The layout and scheme of the table, and the columns that are looked up.
  // CHECK: gemma.embed {{.*}}#plan.kernel<"embed", {{{.*}}layout = "tiles16"{{.*}}scheme = "q4_0"{{.*}}width = 64
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  // CHECK: gemma.embed {{.*}}layout = "rows", offset = 64 {{.*}}scheme = "q8_0"{{.*}}width = 128
  %p = gemma.embed %ids, @table scale 1.0 offset 64 : tensor<?xi32> -> tensor<?x4x32xf32>
  // CHECK: gemma.rms_norm {{.*}}#plan.kernel<"rms_norm", {{{.*}}size = 64 {{.*}}weighted = 1
  %n = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  // CHECK: gemma.rms_norm {{.*}}#plan.kernel<"rms_norm", {{{.*}}size = 64 {{.*}}weighted = 0
  %u = gemma.rms_norm %x eps 1.0e-06 : tensor<?x64xf32>
  // CHECK: gemma.linear {{.*}}cap = 3.0{{.*}}input = 64 {{.*}}output = 2048 {{.*}}scheme = "q4_0"
  %q = gemma.quantize %n : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  %l = gemma.linear %q, @embedding cap 30.0 : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x2048xf32>
  // CHECK: gemma.cached_attention {{.*}}dim = 32 {{.*}}heads = 4 {{.*}}kv_heads = 1 {{.*}}scheme = "f16"{{.*}}window = 16
  %o = gemma.cached_attention %p, @ring at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
  return
}

// Many tokens: matrices for any number of them, whose rows (axis 1) threads share; of all else the tokens (axis 0).
// CHECK-LABEL: @score
func.func @score(%x: tensor<?x64xf32>, %h: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // CHECK: gemma.quantize {{.*}}gemma.parallel = array<i64: 0,
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: gemma.linear {{.*}}tokens = 0 {{.*}}schedule = {row_tiles = 1, tokens = 4, token_groups = 1024, grain = 16}>{{.*}}gemma.parallel = array<i64: 1,
  %l = gemma.linear %q, @embedding : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x2048xf32>
  // CHECK: gemma.cached_attention {{.*}}#plan.kernel<"cached_attention"
  // CHECK-NOT: gemma.merge_kernel
  // CHECK-SAME: gemma.parallel = array<i64: 0,
  %o = gemma.cached_attention %h, @ring at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
  return
}

// One token: another kernel for the same matrix, whose rows threads share; attention's spans of positions are shared, and merged.
// CHECK-LABEL: @decode
func.func @decode(%x: tensor<?x64xf32>, %h: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) attributes {gemma.tokens = 1 : i64} {
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: gemma.linear {{.*}}tokens = 1 {{.*}}schedule = {row_tiles = 2, tokens = 1, token_groups = 1, grain = 64}>{{.*}}gemma.parallel = array<i64: 1,
  %l = gemma.linear %q, @embedding : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x2048xf32>
  // Behind a window few spans are left: one thread merges them.
  // CHECK: gemma.cached_attention {{.*}}@ring {{.*}}<"attention_spans", {{.*}}gemma.merge_kernel = #plan.kernel<"merge_spans"
  // CHECK-NOT: gemma.merge_parallel
  // CHECK-SAME: gemma.parallel = array<i64: 0, 1>
  %o = gemma.cached_attention %h, @ring at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
  // Otherwise threads share the heads of the merge.
  // CHECK: gemma.cached_attention {{.*}}@all {{.*}}<"attention_spans", {{.*}}gemma.merge_kernel {{.*}}gemma.merge_parallel = array<i64: 1, {{.*}}gemma.parallel = array<i64: 0, 1>
  %a = gemma.cached_attention %h, @all at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  return
}

// Many numbers of one token are shared by threads, in whole blocks where they are quantized; few are not shared.
// CHECK-LABEL: @gated
func.func @gated(%g: tensor<?x8192xf32>, %s: tensor<?x64xf32>) attributes {gemma.tokens = 1 : i64} {
  // CHECK: gemma.gelu_mul {{.*}}quantized = 1 {{.*}}gemma.parallel = array<i64: 1,
  %a = gemma.gelu_mul %g, %g : tensor<?x8192xf32> -> tensor<?x8192xi8, #gemma.blocks<32>>
  // CHECK: gemma.gelu_mul
  // CHECK-NOT: quantized
  // CHECK-SAME: gemma.parallel = array<i64: 2,
  %b = gemma.gelu_mul %g, %g : tensor<?x8192xf32>
  // CHECK: gemma.gelu_mul
  // CHECK-NOT: gemma.parallel
  %c = gemma.gelu_mul %s, %s : tensor<?x64xf32>
  return
}
