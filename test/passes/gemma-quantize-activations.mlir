// RUN: gemmac-opt %s --gemma-quantize-activations | FileCheck %s

gemma.weight @a : tensor<64x64xf32> scheme q4_0 from ["a"]
gemma.weight @b : tensor<64x64xf32> scheme q8_0 from ["b"]
gemma.weight @c : tensor<64x64xf32> scheme bf16 from ["c"]
gemma.weight @matrices : tensor<8x64x64xf32> scheme q4_0 from ["e"]
gemma.weight @others : tensor<8x64x64xf32> scheme q8_0 from ["f"]
gemma.weight @floats : tensor<8x64x64xf32> from ["g"]

// One quantized value serves all matrices that read it; float matrices read floats.
// CHECK-LABEL: @shared
func.func @shared(%x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK-NEXT: %[[Q:.*]] = gemma.quantize %arg0 {gemma.layer = 1 : i64} : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK-NEXT: gemma.linear %arg0, @c
  // CHECK-NEXT: gemma.linear %[[Q]], @a {gemma.layer = 1 : i64} : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x64xf32>
  // CHECK-NEXT: gemma.linear %[[Q]], @b
  %c = gemma.linear %x, @c : tensor<?x64xf32> -> tensor<?x64xf32>
  %a = gemma.linear %x, @a {gemma.layer = 1 : i64} : tensor<?x64xf32> -> tensor<?x64xf32>
  %b = gemma.linear %x, @b : tensor<?x64xf32> -> tensor<?x64xf32>
  return %a, %b, %c : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}

// Heads keep their axes.
// CHECK-LABEL: @heads
func.func @heads(%x: tensor<?x2x32xf32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: gemma.quantize %arg0 : tensor<?x2x32xf32> -> tensor<?x2x32xi8, #gemma.blocks<32>>
  %y = gemma.linear %x, @a : tensor<?x2x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: @experts
func.func @experts(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>, %offsets: tensor<9xi32>) -> (tensor<?x3x64xf32>, tensor<?x64xf32>) {
  // CHECK-NEXT: %[[Q:.*]] = gemma.quantize %arg0
  // CHECK-NEXT: gemma.expert_linear %[[Q]], %arg1, @matrices
  // CHECK-NEXT: gemma.grouped_linear %[[Q]], %arg2, @matrices
  %y = gemma.expert_linear %x, %e, @matrices : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  %z = gemma.grouped_linear %x, %offsets, @matrices : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  return %y, %z : tensor<?x3x64xf32>, tensor<?x64xf32>
}

// Many pairs read a token: it is quantized once, and its bytes are gathered.
// CHECK-LABEL: @gathered
func.func @gathered(%x: tensor<?x64xf32>, %order: tensor<?xi32>, %offsets: tensor<9xi32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: %[[Q:.*]] = gemma.quantize %arg0
  // CHECK-NEXT: %[[G:.*]] = gemma.gather_tokens %[[Q]], %arg1 choices 3 : tensor<?x64xi8, #gemma.blocks<32>>, tensor<?xi32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK-NEXT: gemma.grouped_linear %[[G]], %arg2, @matrices
  %g = gemma.gather_tokens %x, %order choices 3 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %y = gemma.grouped_linear %g, %offsets, @matrices : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Two matrices read the pairs: their tokens are quantized before they are gathered if both take bytes.
// CHECK-LABEL: @gathered_for_two
func.func @gathered_for_two(%x: tensor<?x64xf32>, %order: tensor<?xi32>, %offsets: tensor<9xi32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK-NEXT: %[[Q:.*]] = gemma.quantize %arg0
  // CHECK-NEXT: %[[G:.*]] = gemma.gather_tokens %[[Q]], %arg1
  // CHECK-NEXT: gemma.grouped_linear %[[G]], %arg2, @matrices
  // CHECK-NEXT: gemma.grouped_linear %[[G]], %arg2, @others
  %g = gemma.gather_tokens %x, %order choices 3 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %y = gemma.grouped_linear %g, %offsets, @matrices : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  %z = gemma.grouped_linear %g, %offsets, @others : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}
// CHECK-LABEL: @gathered_for_floats_too
func.func @gathered_for_floats_too(%x: tensor<?x64xf32>, %order: tensor<?xi32>, %offsets: tensor<9xi32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK-NEXT: %[[G:.*]] = gemma.gather_tokens %arg0, %arg1
  // CHECK-NEXT: %[[Q:.*]] = gemma.quantize %[[G]]
  // CHECK-NEXT: gemma.grouped_linear %[[Q]], %arg2, @matrices
  // CHECK-NEXT: gemma.grouped_linear %[[G]], %arg2, @floats
  %g = gemma.gather_tokens %x, %order choices 3 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %y = gemma.grouped_linear %g, %offsets, @matrices : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  %z = gemma.grouped_linear %g, %offsets, @floats : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

// Rows that are no whole blocks, and rows that are bytes already, are left alone.
// CHECK-LABEL: @left_alone
func.func @left_alone(%x: tensor<?x4x16xf32>, %q: tensor<?x64xi8, #gemma.blocks<32>>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK-NOT: gemma.quantize
  // CHECK: return
  %y = gemma.linear %x, @a : tensor<?x4x16xf32> -> tensor<?x64xf32>
  %z = gemma.linear %q, @a : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}
