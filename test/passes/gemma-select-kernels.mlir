// RUN: gemmac-opt %s --gemma-select-kernels=target=generic-aarch64 | FileCheck %s
// RUN: not gemmac-opt %s --gemma-select-kernels=target=toaster 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: unknown target 'toaster'; known are {{.*}}generic-aarch64

// A matrix is stored in tiles even where it is also a table; a table that is only looked up, by rows; a vector as it is.
// CHECK: module attributes {gemma.target = "generic-aarch64"}
// CHECK: gemma.weight @embedding {{.*}}gemma.layout = "tiles16"
// CHECK: gemma.weight @table {{.*}}gemma.layout = "rows"
// CHECK: gemma.weight @norm {{.*}}gemma.layout = "vector"
gemma.weight @embedding : tensor<2048x64xf32> scheme q4_0 from ["embed_tokens.weight"]
gemma.weight @table : tensor<2048x192xf32> scheme q8_0 from ["per_layer.weight"]
gemma.weight @norm : tensor<64xf32> from ["norm.weight"]
gemma.cache @ring : tensor<31x1x32xf32> scheme f16
gemma.cache @all : tensor<600x2x32xf32>

// Many tokens: the matrix kernel for any number of them, and tokens shared by threads.
// CHECK-LABEL: @score
func.func @score(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x2048xf32> {
  // CHECK: gemma.embed {{.*}}gemma.kernel = #plan.kernel<"embed", {columns = 64 : i64, layout = "tiles16", offset = 0 : i64, scale = 8.000000e+00 : f64, scheme = "q4_0", vocab = 2048 : i64, width = 64 : i64}>
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  // CHECK: gemma.embed {{.*}}layout = "rows"{{.*}}width = 128
  %p = gemma.embed %ids, @table scale 1.0 offset 64 : tensor<?xi32> -> tensor<?x4x32xf32>
  // CHECK: gemma.rms_norm {{.*}}#plan.kernel<"rms_norm", {eps = {{.*}} : f64, heads = 1 : i64, size = 64 : i64, weighted = 1 : i64}>
  %n = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  // CHECK: gemma.quantize {{.*}}#plan.kernel<"quantize", {heads = 1 : i64, size = 64 : i64}>, gemma.parallel = array<i64: 0, 8>
  %q = gemma.quantize %n : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: gemma.linear {{.*}}#plan.kernel<"linear", {input = 64 : i64, offset = 0 : i64, output = 2048 : i64, rows = 2048 : i64, scheme = "q4_0", tokens = 0 : i64}>
  %l = gemma.linear %q, @embedding : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x2048xf32>
  // Threads share the tokens, as many in a piece as go over the keys together.
  // CHECK: gemma.cached_attention {{.*}}#plan.kernel<"cached_attention", {dim = 32 : i64, heads = 4 : i64, kv_heads = 1 : i64, scale = {{.*}}, scheme = "f16", slots = 31 : i64, window = 16 : i64}>{{.*}}gemma.parallel = array<i64: 0, 6>
  %o = gemma.cached_attention %p, @ring at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
  return %l : tensor<?x2048xf32>
}

// One token: another kernel for the same matrix.
// CHECK-LABEL: @decode
func.func @decode(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x2048xf32> attributes {gemma.tokens = 1 : i64} {
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: gemma.linear {{.*}}cap = 3.000000e+01 : f64, {{.*}}tokens = 1 : i64
  %l = gemma.linear %q, @embedding cap 30.0 : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x2048xf32>
  %p = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x4x32xf32>
  // Threads share the spans of positions. Behind a window few are left to merge; else heads are shared again.
  // CHECK: gemma.cached_attention {{.*}}@ring {{.*}}<"attention_spans", {{.*}}gemma.merge_kernel = #plan.kernel<"merge_spans", {dim = 32 : i64, heads = 4 : i64, kv_heads = 1 : i64}>, gemma.parallel = array<i64: 0, 1>
  %o = gemma.cached_attention %p, @ring at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
  // CHECK: gemma.cached_attention {{.*}}@all {{.*}}gemma.merge_parallel = array<i64: 1, 1>, gemma.parallel = array<i64: 0, 1>
  %a = gemma.cached_attention %p, @all at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  return %l : tensor<?x2048xf32>
}

// Many numbers of one token are shared by threads: in blocks where they are quantized.
// CHECK-LABEL: @gated
func.func @gated(%g: tensor<?x8192xf32>, %s: tensor<?x64xf32>) -> (tensor<?x8192xi8, #gemma.blocks<32>>, tensor<?x8192xf32>, tensor<?x64xf32>) attributes {gemma.tokens = 1 : i64} {
  // CHECK: gemma.gelu_mul {{.*}}#plan.kernel<"gelu_mul", {heads = 1 : i64, quantized = 1 : i64, size = 8192 : i64}>, gemma.parallel = array<i64: 1, 16>
  %a = gemma.gelu_mul %g, %g : tensor<?x8192xf32> -> tensor<?x8192xi8, #gemma.blocks<32>>
  // CHECK: gemma.gelu_mul {{.*}}#plan.kernel<"gelu_mul", {heads = 1 : i64, size = 8192 : i64}>, gemma.parallel = array<i64: 2, 512>
  %b = gemma.gelu_mul %g, %g : tensor<?x8192xf32>
  // CHECK: gemma.gelu_mul
  // CHECK-NOT: gemma.parallel
  %c = gemma.gelu_mul %s, %s : tensor<?x64xf32>
  return %a, %b, %c : tensor<?x8192xi8, #gemma.blocks<32>>, tensor<?x8192xf32>, tensor<?x64xf32>
}
