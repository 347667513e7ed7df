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

func.func @call_p1(%x: memref<?x64xf32>) {
  // expected-error @+1 {{call-p1: 0 of 1 operands are outputs}}
  plan.call #plan.kernel<"k", {}> (%x) outputs 0 : memref<?x64xf32>
  return
}

// -----

func.func @call_p1_many(%x: memref<?x64xf32>) {
  // expected-error @+1 {{call-p1: 2 of 1 operands are outputs}}
  plan.call #plan.kernel<"k", {}> (%x) outputs 2 : memref<?x64xf32>
  return
}

// -----

func.func @call_p2_axis(%x: memref<?x64xf32>) {
  // expected-error @+1 {{call-p2: the last output has no axis 2}}
  plan.call #plan.kernel<"k", {}> (%x) outputs 1 parallel axis 2 grain 1 : memref<?x64xf32>
  return
}

// -----

func.func @call_p2_grain(%x: memref<?x64xf32>) {
  // expected-error @+1 {{call-p2: the grain must be positive}}
  plan.call #plan.kernel<"k", {}> (%x) outputs 1 parallel axis 0 grain 0 : memref<?x64xf32>
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
