// RUN: gemmac-opt %s --gemma-fuse-quantize | FileCheck %s

gemma.weight @norm : tensor<64xf32> from ["n"]

// CHECK-LABEL: @norm_and_product
func.func @norm_and_product(%x: tensor<?x64xf32>, %u: tensor<?x64xf32>) -> (tensor<?x64xi8, #gemma.blocks<32>>, tensor<?x64xi8, #gemma.blocks<32>>) {
  // CHECK-NEXT: %[[N:.*]] = gemma.rms_norm %arg0, @norm eps 9.99999997E-7 {gemma.layer = 2 : i64} : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK-NEXT: %[[P:.*]] = gemma.gelu_mul %arg0, %arg1 : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK-NEXT: return %[[N]], %[[P]]
  %n = gemma.rms_norm %x, @norm eps 1.0e-06 {gemma.layer = 2 : i64} : tensor<?x64xf32>
  %q = gemma.quantize %n {gemma.layer = 2 : i64} : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  %p = gemma.gelu_mul %x, %u : tensor<?x64xf32>
  %r = gemma.quantize %p : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  return %q, %r : tensor<?x64xi8, #gemma.blocks<32>>, tensor<?x64xi8, #gemma.blocks<32>>
}

// A float matrix reads the same rows.
// CHECK-LABEL: @floats_are_read
func.func @floats_are_read(%x: tensor<?x64xf32>) -> (tensor<?x64xi8, #gemma.blocks<32>>, tensor<?x64xf32>) {
  // CHECK: gemma.rms_norm %arg0, @norm eps 9.99999997E-7 : tensor<?x64xf32>
  // CHECK-NOT: ->
  // CHECK: gemma.quantize
  %n = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  %q = gemma.quantize %n : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  return %q, %n : tensor<?x64xi8, #gemma.blocks<32>>, tensor<?x64xf32>
}

// CHECK-LABEL: @left_alone
func.func @left_alone(%x: tensor<?x64xf32>) -> tensor<?x64xi8, #gemma.blocks<32>> {
  // CHECK-NEXT: gemma.gelu
  // CHECK-NEXT: gemma.quantize
  %g = gemma.gelu %x : tensor<?x64xf32>
  %q = gemma.quantize %g : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  return %q : tensor<?x64xi8, #gemma.blocks<32>>
}
