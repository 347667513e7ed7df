// RUN: gemmac-opt %s --gemma-fuse-softcap | FileCheck %s

gemma.weight @embedding : tensor<2048x64xf32> from ["e"]

// CHECK-LABEL: @logits
func.func @logits(%x: tensor<?x64xf32>) -> tensor<?x2048xf32> {
  // CHECK-NEXT: %[[L:.*]] = gemma.linear %arg0, @embedding cap 3.000000e+01 : tensor<?x64xf32> -> tensor<?x2048xf32>
  // CHECK-NEXT: return %[[L]]
  %l = gemma.linear %x, @embedding : tensor<?x64xf32> -> tensor<?x2048xf32>
  %y = gemma.softcap %l cap 30.0 : tensor<?x2048xf32>
  return %y : tensor<?x2048xf32>
}

// CHECK-LABEL: @linear_is_read
func.func @linear_is_read(%x: tensor<?x64xf32>) -> (tensor<?x2048xf32>, tensor<?x2048xf32>) {
  // CHECK: gemma.linear %arg0, @embedding :
  // CHECK: gemma.softcap
  %l = gemma.linear %x, @embedding : tensor<?x64xf32> -> tensor<?x2048xf32>
  %y = gemma.softcap %l cap 30.0 : tensor<?x2048xf32>
  return %y, %l : tensor<?x2048xf32>, tensor<?x2048xf32>
}

// A cap of a cap is two.
// CHECK-LABEL: @capped_twice
func.func @capped_twice(%x: tensor<?x64xf32>) -> tensor<?x2048xf32> {
  // CHECK: gemma.linear %arg0, @embedding cap 3.000000e+01
  // CHECK: gemma.softcap %{{.*}} cap 2.000000e+01
  %l = gemma.linear %x, @embedding : tensor<?x64xf32> -> tensor<?x2048xf32>
  %y = gemma.softcap %l cap 30.0 : tensor<?x2048xf32>
  %z = gemma.softcap %y cap 20.0 : tensor<?x2048xf32>
  return %z : tensor<?x2048xf32>
}
