// RUN: gemmac-opt %s --gemma-fuse-attention | FileCheck %s

// The chain over all pairs of tokens becomes one op that needs none of them.
// CHECK-LABEL: @sliding
func.func @sliding(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>, %v: tensor<?x1x32xf32>) -> tensor<?x4x32xf32> {
  // CHECK-NEXT: %[[O:.*]] = gemma.attention %arg0, %arg1, %arg2 scale 5.000000e-01 window 16 {gemma.layer = 3 : i64}
  // CHECK-NEXT: return %[[O]]
  %s = gemma.scores %q, %k scale 0.5 {gemma.layer = 3 : i64} : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
  %m = gemma.mask %s window 16 {gemma.layer = 3 : i64} : tensor<?x4x?xf32>
  %p = gemma.softmax %m {gemma.layer = 3 : i64} : tensor<?x4x?xf32>
  %o = gemma.mix %p, %v {gemma.layer = 3 : i64} : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
  return %o : tensor<?x4x32xf32>
}

// CHECK-LABEL: @global
func.func @global(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>, %v: tensor<?x1x32xf32>) -> tensor<?x4x32xf32> {
  // CHECK-NEXT: gemma.attention %arg0, %arg1, %arg2 scale 1.000000e+00 : tensor
  %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
  %m = gemma.mask %s : tensor<?x4x?xf32>
  %p = gemma.softmax %m : tensor<?x4x?xf32>
  %o = gemma.mix %p, %v : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
  return %o : tensor<?x4x32xf32>
}

// Somebody else wants the probabilities.
// CHECK-LABEL: @probabilities_are_read
func.func @probabilities_are_read(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>) -> (tensor<?x4x32xf32>, tensor<?x4x?xf32>) {
  // CHECK-NOT: gemma.attention
  %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
  %m = gemma.mask %s : tensor<?x4x?xf32>
  %p = gemma.softmax %m : tensor<?x4x?xf32>
  // CHECK: gemma.mix
  %o = gemma.mix %p, %k : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
  return %o, %p : tensor<?x4x32xf32>, tensor<?x4x?xf32>
}

// Without a mask tokens see what comes after them.
// CHECK-LABEL: @both_ways
func.func @both_ways(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>) -> tensor<?x4x32xf32> {
  // CHECK-NOT: gemma.attention
  %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
  %p = gemma.softmax %s : tensor<?x4x?xf32>
  // CHECK: gemma.mix
  %o = gemma.mix %p, %k : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
  return %o : tensor<?x4x32xf32>
}

// One cache holds keys and values of one shape.
// CHECK-LABEL: @values_are_wider
func.func @values_are_wider(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>, %v: tensor<?x1x64xf32>) -> tensor<?x4x64xf32> {
  // CHECK-NOT: gemma.attention
  %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
  %m = gemma.mask %s : tensor<?x4x?xf32>
  %p = gemma.softmax %m : tensor<?x4x?xf32>
  // CHECK: gemma.mix
  %o = gemma.mix %p, %v : tensor<?x4x?xf32>, tensor<?x1x64xf32> -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}
