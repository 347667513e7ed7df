// RUN: gemmac-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{weight-p1: plane 'memref<?xf32>' is not a memref of static shape}}
plan.weight @w layout "vector" planes [memref<?xf32>] shape [64] scheme "f32" from ["w"]

// -----

// expected-error @+1 {{weight-p1: 2 offsets for 1 planes}}
plan.weight @w layout "vector" planes [memref<64xf32>] at [0, 64] shape [64] scheme "f32" from ["w"]

// -----

// expected-error @+1 {{weight-p1: an offset is negative}}
plan.weight @w layout "vector" planes [memref<64xf32>] at [-64] shape [64] scheme "f32" from ["w"]

// -----

// expected-error @+1 {{cache-p1: 1 offsets for 2 planes}}
plan.cache @c planes [memref<64xf32>, memref<64xf32>] at [0]

// -----

// expected-error @+1 {{table-p1: every row needs 2 cells, one per column}}
plan.table @t layers [0, 1] planes [0, 1] rows [[@a, @a], [@b]]

// -----

// expected-error @+1 {{table-p2: 3 : i64 stands in a column of planes}}
plan.table @t layers [0, 1] planes [0] rows [[@a], [3]]

// -----

// expected-error @+1 {{table-p2: @a stands in a column of numbers}}
plan.table @t layers [0, 1] planes [-1] rows [[0], [@a]]

// -----

func.func @call_p1(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p1: 0 of 1 operands are outputs}}
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 64 : i64}> (%x) outputs 0 : memref<?x1x64xf32>
  return
}

// -----

func.func @call_p1_many(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p1: 2 of 1 operands are outputs}}
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 64 : i64}> (%x) outputs 2 : memref<?x1x64xf32>
  return
}

// -----

func.func @call_p2_axis(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p2: the last output has no axis 3}}
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 64 : i64}> (%x) outputs 1 parallel axis 3 grain 1 : memref<?x1x64xf32>
  return
}

// -----

func.func @call_p2_grain(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p2: the grain must be positive}}
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 64 : i64}> (%x) outputs 1 parallel axis 0 grain 0 : memref<?x1x64xf32>
  return
}

// -----

func.func @call_p3(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p3: there is no family of kernels 'fourier', but add, add_norm, }}
  plan.call #plan.kernel<"fourier", {}> (%x, %x) outputs 1 : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p4_missing(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p4: softcap needs the constant 'cap', a float64 number}}
  plan.call #plan.kernel<"softcap", {heads = 1 : i64, size = 64 : i64}> (%x, %x) outputs 1 : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p4_unknown(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p4: gelu has no constant 'cap', but heads, size}}
  plan.call #plan.kernel<"gelu", {cap = 3.0, heads = 1 : i64, size = 64 : i64}> (%x, %x) outputs 1 : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p4_type(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p4: the constant 'cap' of softcap is 30, not a float64 number}}
  plan.call #plan.kernel<"softcap", {cap = 30 : i64, heads = 1 : i64, size = 64 : i64}> (%x, %x) outputs 1
      : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p4_attribute(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p4: the constant 'heads' is 1 : i32, no i64, f64 or string}}
  plan.call #plan.kernel<"gelu", {heads = 1 : i32, size = 64 : i64}> (%x, %x) outputs 1 : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p4_range(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p4: the constant 'heads' of gelu is 0, not an integer of at least 1}}
  plan.call #plan.kernel<"gelu", {heads = 0 : i64, size = 64 : i64}> (%x, %x) outputs 1 : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p4_scheme(%ids: memref<?xi32>, %w: memref<100x64xf16>, %y: memref<?x64xf32>) {
  // A scheme of caches, but not of weights.
  // expected-error @+1 {{call-p4: the constant 'scheme' of embed is "f16", not a scheme of weights}}
  plan.call #plan.kernel<"embed", {vocab = 100 : i64, columns = 64 : i64, width = 64 : i64, offset = 0 : i64, scale = 1.0, scheme = "f16", layout = "rows"}>
      (%ids, %w, %y) outputs 1 : memref<?xi32>, memref<100x64xf16>, memref<?x64xf32>
  return
}

// -----

func.func @call_p4_layout(%ids: memref<?xi32>, %w: memref<100x64xf32>, %y: memref<?x64xf32>) {
  // expected-error @+1 {{call-p4: the constant 'layout' of embed is "vector", not a layout that the weight may have}}
  plan.call #plan.kernel<"embed", {vocab = 100 : i64, columns = 64 : i64, width = 64 : i64, offset = 0 : i64, scale = 1.0, scheme = "f32", layout = "vector"}>
      (%ids, %w, %y) outputs 1 : memref<?xi32>, memref<100x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @call_p5_arguments(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p5: mul has the arguments a, b, y, of which the last 1 are outputs; here are 2 with 1 outputs}}
  plan.call #plan.kernel<"mul", {heads = 1 : i64, size = 64 : i64}> (%x, %x) outputs 1 : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p5_outputs(%x: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p5: mul has the arguments a, b, y, of which the last 1 are outputs; here are 3 with 2 outputs}}
  plan.call #plan.kernel<"mul", {heads = 1 : i64, size = 64 : i64}> (%x, %x, %x) outputs 2 : memref<?x1x64xf32>, memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p6(%x: memref<?x1x64xf32>, %w: memref<64xf16>, %y: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p6: argument 1 of rms_norm, w, holds 'f16', not f32}}
  plan.call #plan.kernel<"rms_norm", {heads = 1 : i64, size = 64 : i64, weighted = 1 : i64, eps = 1.0e-6}> (%x, %w, %y) outputs 1
      : memref<?x1x64xf32>, memref<64xf16>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p7_rank(%x: memref<?x64xf32>) {
  // expected-error @+1 {{call-p7: argument 0 of gelu, x, is 'memref<?x64xf32>', not [n, heads = 1, size = 64]}}
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 64 : i64}> (%x, %x) outputs 1 : memref<?x64xf32>, memref<?x64xf32>
  return
}

// -----

func.func @call_p7_size(%x: memref<?x128xi8>, %s: memref<?x8xf32>, %u: memref<?x8xi32>, %w: memref<4x4x4x16x4xi8>, %ws: memref<4x4x16xf16>, %y: memref<?x40xf32>) {
  // The plane of another weight: of 64 rows, where the kernel is for 32.
  // expected-error @+1 {{call-p7: argument 3 of linear, w.0, is 'memref<4x4x4x16x4xi8>', not [2, 4, 4, 16, 4]}}
  plan.call #plan.kernel<"linear", {input = 128 : i64, output = 40 : i64, rows = 32 : i64, offset = 0 : i64, tokens = 0 : i64, scheme = "q4_0"}>
      (%x, %s, %u, %w, %ws, %y) outputs 1
      : memref<?x128xi8>, memref<?x8xf32>, memref<?x8xi32>, memref<4x4x4x16x4xi8>, memref<4x4x16xf16>, memref<?x40xf32>
  return
}

// -----

func.func @call_p7_constant(%x: memref<?x?x64xf32>) {
  // expected-error @+1 {{call-p7: argument 0 of gelu, x, is 'memref<?x?x64xf32>', not [n, heads = 2, size = 64]}}
  plan.call #plan.kernel<"gelu", {heads = 2 : i64, size = 64 : i64}> (%x, %x) outputs 1 : memref<?x?x64xf32>, memref<?x?x64xf32>
  return
}

// -----

func.func @call_p7_tokens(%x: memref<3x1x64xf32>, %y: memref<4x1x64xf32>) {
  // expected-error @+1 {{call-p7: argument 1 of gelu, y, is 'memref<4x1x64xf32>', not [n, heads = 1, size = 64]}}
  plan.call #plan.kernel<"gelu", {heads = 1 : i64, size = 64 : i64}> (%x, %y) outputs 1 : memref<3x1x64xf32>, memref<4x1x64xf32>
  return
}

// -----

func.func @call_p8_whole_rows(%x: memref<?x1x64xf32>, %y: memref<?x1x64xf32>) {
  // expected-error @+1 {{call-p8: calls of softmax are not cut along axis 2}}
  plan.call #plan.kernel<"softmax", {heads = 1 : i64, size = 64 : i64}> (%x, %y) outputs 1 parallel axis 2 grain 16
      : memref<?x1x64xf32>, memref<?x1x64xf32>
  return
}

// -----

func.func @call_p8_unequal(%x: memref<?x64xi8>, %s: memref<?x4xf32>, %u: memref<?x4xi32>, %order: memref<?xi32>, %y: memref<?x64xi8>, %ys: memref<?x4xf32>, %yu: memref<?x4xi32>) {
  // A part of the numbers would not be the same part of their scales.
  // expected-error @+1 {{call-p8: calls of gather_tokens are not cut along axis 1}}
  plan.call #plan.kernel<"gather_tokens", {width = 64 : i64, choices = 2 : i64, quantized = 1 : i64}> (%x, %s, %u, %order, %y, %ys, %yu) outputs 3
      parallel axis 1 grain 1 : memref<?x64xi8>, memref<?x4xf32>, memref<?x4xi32>, memref<?xi32>, memref<?x64xi8>, memref<?x4xf32>, memref<?x4xi32>
  return
}

// -----

func.func @call_p9(%x: memref<?x2x64xf32>, %at: memref<?xi32>) {
  // expected-error @+1 {{call-p9: argument 2 of rope, y, is x too, which it would overwrite}}
  plan.call #plan.kernel<"rope", {heads = 2 : i64, dim = 64 : i64, theta = 1.0e4, pairs = 8 : i64, factor = 1.0}> (%x, %at, %x) outputs 1
      : memref<?x2x64xf32>, memref<?xi32>, memref<?x2x64xf32>
  return
}

// -----

// expected-error @+1 {{port-p1: argument 0 is no dense memref with `?` as its first axis at most, but 'index'}}
func.func @port_p1_memory(%n: index {plan.input = "tokens"}) {
  return
}

// -----

// expected-error @+1 {{port-p1: argument 0 is no dense memref with `?` as its first axis at most, but 'memref<4x?xf32>'}}
func.func @port_p1_axis(%x: memref<4x?xf32> {plan.output = "logits"}) {
  return
}

// -----

// expected-error @+1 {{port-p1: the name of argument 0 is 3 : i64, no string}}
func.func @port_p1_name(%x: memref<?xi32> {plan.input = 3 : i64}) {
  return
}

// -----

// expected-error @+1 {{table-p3: 1 layers for 2 rows}}
plan.table @t layers [0] planes [-1] rows [[0], [1]]

// -----

func.func @view_p1_port() {
  // expected-error @+1 {{view-p1: input needs the number of a port}}
  %v = plan.view input at 0 () : memref<4xi32, strided<[1]>, #plan.space<host>>
  return
}

// -----

func.func @view_p1_no_port() {
  // expected-error @+1 {{view-p1: arena has no ports}}
  %v = plan.view arena port 1 at 0 () : memref<4xi32, strided<[1]>, #plan.space<host>>
  return
}

// -----

func.func @view_p2_strides() {
  // expected-error @+1 {{view-p2: 'memref<4x4xi32, strided<[?, 1]>, #plan.space<host>>' has no constant strides}}
  %v = plan.view arena at 0 () : memref<4x4xi32, strided<[?, 1]>, #plan.space<host>>
  return
}

// -----

func.func @view_p2_sizes(%n: index) {
  // expected-error @+1 {{view-p2: 1 sizes for the 0 that}}
  %v = plan.view arena at 0 (%n) : memref<4xi32, strided<[1]>, #plan.space<host>>
  return
}

// -----

func.func @view_p3() {
  // expected-error @+1 {{view-p3: 'memref<4xi32, strided<[1]>>' does not say in which #plan.space it is}}
  %v = plan.view arena at 0 () : memref<4xi32, strided<[1]>>
  return
}

// -----

func.func @view_p4() {
  // expected-error @+1 {{view-p4: begins at byte -4}}
  %v = plan.view arena at -4 () : memref<4xi32, strided<[1]>, #plan.space<host>>
  return
}

// -----

// expected-error @+1 {{kernel-a1: a schedule has no 'luck'; there are row_tiles, tokens,}}
func.func @kernel_a1_unknown() attributes {kernel = #plan.kernel<"linear", {}, schedule = {luck = 1}>} {
  return
}

// -----

// expected-error @+1 {{kernel-a1: 'tokens' stands here twice}}
func.func @kernel_a1_twice() attributes {kernel = #plan.kernel<"linear", {}, schedule = {tokens = 1, tokens = 2}>} {
  return
}

// -----

// expected-error @+1 {{kernel-a1: linear has no rows to choose}}
func.func @kernel_a1_of_another_family() attributes {kernel = #plan.kernel<"linear", {}, schedule = {rows = 6}>} {
  return
}

// -----

// expected-error @+1 {{kernel-a1: unpack = 2 is not within 0 … 1}}
func.func @kernel_a1_range() attributes {kernel = #plan.kernel<"linear", {}, schedule = {unpack = 2}>} {
  return
}

// -----

// expected-error @+1 {{kernel-a1: key_groups = 3 is no power of two}}
func.func @kernel_a1_power() attributes {kernel = #plan.kernel<"attention_spans", {}, schedule = {key_groups = 3}>} {
  return
}
