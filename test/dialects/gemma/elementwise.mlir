// RUN: gemmac-opt %s | gemmac-opt | FileCheck %s

gemma.weight @norm : tensor<64xf32> from ["n"]
gemma.weight @scalar : tensor<1xf32> from ["s"]

// CHECK-LABEL: @norms
func.func @norms(%x: tensor<?x64xf32>, %branch: tensor<?x64xf32>, %v: tensor<?x1x32xf32>) -> (tensor<?x64xf32>, tensor<?x1x32xf32>) {
  // CHECK: gemma.rms_norm %{{.*}}, @norm eps 9.99999997E-7 : tensor<?x64xf32>
  %y = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  // CHECK: gemma.rms_norm %{{.*}} eps 9.99999997E-7 : tensor<?x1x32xf32>
  %n = gemma.rms_norm %v eps 1.0e-06 : tensor<?x1x32xf32>
  // CHECK: gemma.rms_norm %{{.*}}, @norm eps 9.99999997E-7 : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  %q = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: gemma.add_norm %{{.*}}, %{{.*}}, @norm eps 9.99999997E-7 scalar @scalar : tensor<?x64xf32>
  %a = gemma.add_norm %y, %branch, @norm eps 1.0e-06 scalar @scalar : tensor<?x64xf32>
  // CHECK: gemma.add_norm %{{.*}}, %{{.*}}, @norm eps 9.99999997E-7 : tensor<?x64xf32>
  %b = gemma.add_norm %a, %branch, @norm eps 1.0e-06 : tensor<?x64xf32>
  return %b, %n : tensor<?x64xf32>, tensor<?x1x32xf32>
}

// CHECK-LABEL: @activations
func.func @activations(%x: tensor<?x96xf32>, %up: tensor<?x96xf32>) -> tensor<?x96xf32> {
  // CHECK: gemma.gelu %{{.*}} : tensor<?x96xf32>
  %a = gemma.gelu %x : tensor<?x96xf32>
  // CHECK: gemma.gelu_mul %{{.*}}, %{{.*}} : tensor<?x96xf32>
  %b = gemma.gelu_mul %a, %up : tensor<?x96xf32>
  // CHECK: gemma.gelu_mul %{{.*}}, %{{.*}} : tensor<?x96xf32> -> tensor<?x96xi8, #gemma.blocks<32>>
  %q = gemma.gelu_mul %a, %up : tensor<?x96xf32> -> tensor<?x96xi8, #gemma.blocks<32>>
  // CHECK: gemma.scale %{{.*}} by 1.250000e-01 : tensor<?x96xf32>
  %c = gemma.scale %b by 0.125 : tensor<?x96xf32>
  // CHECK: gemma.scale %{{.*}} scalar @scalar : tensor<?x96xf32>
  %d = gemma.scale %c scalar @scalar : tensor<?x96xf32>
  // CHECK: gemma.softcap %{{.*}} cap 3.000000e+01 : tensor<?x96xf32>
  %e = gemma.softcap %d cap 30.0 : tensor<?x96xf32>
  // CHECK: gemma.softmax %{{.*}} : tensor<?x96xf32>
  %f = gemma.softmax %e : tensor<?x96xf32>
  return %f : tensor<?x96xf32>
}

// CHECK-LABEL: @slices
func.func @slices(%qkv: tensor<?x6x32xf32>, %layers: tensor<?x15x8xf32>) -> (tensor<?x4x32xf32>, tensor<?x8xf32>) {
  // CHECK: gemma.slice %{{.*}} axis 1 from 0 : tensor<?x6x32xf32> -> tensor<?x4x32xf32>
  %q = gemma.slice %qkv axis 1 from 0 : tensor<?x6x32xf32> -> tensor<?x4x32xf32>
  // CHECK: gemma.slice %{{.*}} axis 1 from 3 drop : tensor<?x15x8xf32> -> tensor<?x8xf32>
  %p = gemma.slice %layers axis 1 from 3 drop : tensor<?x15x8xf32> -> tensor<?x8xf32>
  return %q, %p : tensor<?x4x32xf32>, tensor<?x8xf32>
}
