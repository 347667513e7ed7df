// RUN: gemmac-opt %s --gemma-fuse-add-norm | FileCheck %s

gemma.weight @norm : tensor<64xf32> from ["n"]
gemma.weight @other_norm : tensor<64xf32> from ["o"]
gemma.weight @scalar : tensor<1xf32> from ["s"]

// CHECK-LABEL: @branch
func.func @branch(%x: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: gemma.add_norm %arg0, %arg1, @norm eps 9.99999997E-7 {gemma.layer = 2 : i64} : tensor<?x64xf32>
  // CHECK-NEXT: return
  %n = gemma.rms_norm %b, @norm eps 1.0e-06 : tensor<?x64xf32>
  %y = arith.addf %x, %n {gemma.layer = 2 : i64} : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// The layer's scalar multiplies the sum; the norm may stand on the left.
// CHECK-LABEL: @scalar_follows
func.func @scalar_follows(%x: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: gemma.add_norm %arg0, %arg1, @norm eps 9.99999997E-7 scalar @scalar : tensor<?x64xf32>
  // CHECK-NEXT: return
  %n = gemma.rms_norm %b, @norm eps 1.0e-06 : tensor<?x64xf32>
  %y = arith.addf %n, %x : tensor<?x64xf32>
  %z = gemma.scale %y scalar @scalar : tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// Dense branch and experts are both normed: the right one joins the left.
// CHECK-LABEL: @two_norms
func.func @two_norms(%a: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: %[[A:.*]] = gemma.rms_norm %arg0, @norm
  // CHECK-NEXT: gemma.add_norm %[[A]], %arg1, @other_norm
  %m = gemma.rms_norm %a, @norm eps 1.0e-06 : tensor<?x64xf32>
  %n = gemma.rms_norm %b, @other_norm eps 1.0e-06 : tensor<?x64xf32>
  %y = arith.addf %m, %n : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: @norm_is_read
func.func @norm_is_read(%x: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: gemma.rms_norm
  // CHECK: arith.addf
  %n = gemma.rms_norm %b, @norm eps 1.0e-06 : tensor<?x64xf32>
  %y = arith.addf %x, %n : tensor<?x64xf32>
  return %y, %n : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: @sum_is_read
func.func @sum_is_read(%x: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: gemma.add_norm %arg0, %arg1, @norm eps 9.99999997E-7 : tensor
  // CHECK: gemma.scale %{{.*}} scalar @scalar
  %n = gemma.rms_norm %b, @norm eps 1.0e-06 : tensor<?x64xf32>
  %y = arith.addf %x, %n : tensor<?x64xf32>
  %z = gemma.scale %y scalar @scalar : tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

// A constant factor has no place in the op, and a norm without a weight neither.
// CHECK-LABEL: @left_alone
func.func @left_alone(%x: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: gemma.add_norm
  // CHECK: gemma.scale %{{.*}} by 5.000000e-01
  // CHECK: arith.addf
  %n = gemma.rms_norm %b, @norm eps 1.0e-06 : tensor<?x64xf32>
  %y = arith.addf %x, %n : tensor<?x64xf32>
  %z = gemma.scale %y by 0.5 : tensor<?x64xf32>
  %m = gemma.rms_norm %b eps 1.0e-06 : tensor<?x64xf32>
  %s = arith.addf %x, %m : tensor<?x64xf32>
  return %z, %s : tensor<?x64xf32>, tensor<?x64xf32>
}
