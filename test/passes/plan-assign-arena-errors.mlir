// RUN: gemmac-opt %s --plan-assign-arena --split-input-file --verify-diagnostics

// expected-error @+1 {{@uncounted needs the attribute `plan.tokens`, the most tokens of a call}}
func.func @uncounted() {
  return
}

// -----

func.func @divided_by_zero() attributes {plan.tokens = 1 : i64} {
  %n = plan.count
  %zero = arith.constant 0 : index
  %size = arith.divui %n, %zero : index
  // expected-error @+1 {{has a size that is divided by 0 or by what is no constant}}
  %x = memref.alloc(%size) : memref<?xf32>
  return
}

// -----

func.func @given(%size: index) attributes {plan.tokens = 1 : i64} {
  // expected-error @+1 {{has a size that is not made of the count, the position and constants}}
  %x = memref.alloc(%size) : memref<?xf32>
  return
}

// -----

func.func @uncountable() attributes {plan.tokens = 9223372036854775807 : i64} {
  %n = plan.count
  %two = arith.constant 2 : index
  %size = arith.muli %n, %two : index
  // expected-error @+1 {{has a size that may be too large to be counted}}
  %x = memref.alloc(%size) : memref<?xf32>
  return
}

// -----

func.func @too_large() attributes {plan.tokens = 4611686018427387904 : i64} {
  %n = plan.count
  // expected-error @+1 {{may need more than 281474976710656 bytes, which no machine has}}
  %x = memref.alloc(%n) : memref<?x64xf32>
  return
}

// -----

func.func @positions() attributes {plan.tokens = 1 : i64} {
  %p = plan.position
  // expected-error @+1 {{has a size that may be -1}}
  %x = memref.alloc(%p) : memref<?xf32>
  return
}

// -----

plan.weight @a layout "vector" planes [memref<16xf32>] shape [16] scheme "f32" from ["a"]
// expected-error @+1 {{needs, with those before it, more than 281474976710656 bytes, which no machine has}}
plan.weight @b layout "rows" planes [memref<4611686018427387904x64xf32>] shape [4611686018427387904, 64] scheme "f32" from ["b"]
