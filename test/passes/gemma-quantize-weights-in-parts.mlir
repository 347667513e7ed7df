// RUN: gemmac-opt %s --split-input-file --gemma-quantize-weights=scheme=file | FileCheck %s
// RUN: gemmac-opt %s --split-input-file --gemma-quantize-weights=scheme=q4_0 | FileCheck %s --check-prefix=FORCED

// One scheme for all: no stack is taken apart.
// FORCED-NOT: q4_0.q4_0
// FORCED-NOT: scheme q8_0

// Query and key stay one matrix; values are another. Slices of the stack are results, or slices, of the two.
// CHECK: gemma.weight @layer0.qkv.q4_0 : tensor<160x64xf32> scheme q4_0 from ["q", "k"] parts [128, 32] {gemma.layer = 0 : i64, gemma.stored = ["q4_0", "q4_0"]}
// CHECK-NEXT: gemma.weight @layer0.qkv.q8_0 : tensor<32x64xf32> scheme q8_0 from ["v"] {gemma.layer = 0 : i64, gemma.stored = ["q6_k"]}
// CHECK-NOT: gemma.weight
gemma.weight @layer0.qkv : tensor<192x64xf32> from ["q", "k", "v"] parts [128, 32, 32] {gemma.layer = 0 : i64, gemma.stored = ["q4_0", "q4_0", "q6_k"]}

// CHECK-LABEL: @score
func.func @score(%x: tensor<?x64xf32>) -> (tensor<?x4x32xf32>, tensor<?x1x32xf32>, tensor<?x1x32xf32>) {
  // CHECK-NEXT: %[[QK:.*]] = gemma.linear %arg0, @layer0.qkv.q4_0 {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x5x32xf32>
  // CHECK-NEXT: %[[V:.*]] = gemma.linear %arg0, @layer0.qkv.q8_0 {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x1x32xf32>
  // CHECK-NEXT: %[[Q:.*]] = gemma.slice %[[QK]] axis 1 from 0 : tensor<?x5x32xf32> -> tensor<?x4x32xf32>
  // CHECK-NEXT: %[[K:.*]] = gemma.slice %[[QK]] axis 1 from 4 : tensor<?x5x32xf32> -> tensor<?x1x32xf32>
  // CHECK-NEXT: return %[[Q]], %[[K]], %[[V]]
  %qkv = gemma.linear %x, @layer0.qkv {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x6x32xf32>
  %q = gemma.slice %qkv axis 1 from 0 : tensor<?x6x32xf32> -> tensor<?x4x32xf32>
  %k = gemma.slice %qkv axis 1 from 4 : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
  %v = gemma.slice %qkv axis 1 from 5 : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
  return %q, %k, %v : tensor<?x4x32xf32>, tensor<?x1x32xf32>, tensor<?x1x32xf32>
}

// A prefill that needs keys and values only reads the rest of the first matrix; one that needs values, nothing of it.
// CHECK-LABEL: @keys_and_values
func.func @keys_and_values(%x: tensor<?x64xf32>) -> (tensor<?x1x32xf32>, tensor<?x1x32xf32>) {
  // CHECK-NEXT: %[[K:.*]] = gemma.linear %arg0, @layer0.qkv.q4_0 offset 128 : tensor<?x64xf32> -> tensor<?x1x32xf32>
  // CHECK-NEXT: %[[V:.*]] = gemma.linear %arg0, @layer0.qkv.q8_0 : tensor<?x64xf32> -> tensor<?x1x32xf32>
  // CHECK-NEXT: return %[[K]], %[[V]]
  %kv = gemma.linear %x, @layer0.qkv offset 128 : tensor<?x64xf32> -> tensor<?x2x32xf32>
  %k = gemma.slice %kv axis 1 from 0 : tensor<?x2x32xf32> -> tensor<?x1x32xf32>
  %v = gemma.slice %kv axis 1 from 1 : tensor<?x2x32xf32> -> tensor<?x1x32xf32>
  return %k, %v : tensor<?x1x32xf32>, tensor<?x1x32xf32>
}
// CHECK-LABEL: @values
func.func @values(%x: tensor<?x64xf32>) -> tensor<?x1x32xf32> {
  // CHECK-NEXT: gemma.linear %arg0, @layer0.qkv.q8_0 : tensor<?x64xf32> -> tensor<?x1x32xf32>
  // CHECK-NEXT: return
  %v = gemma.linear %x, @layer0.qkv offset 160 : tensor<?x64xf32> -> tensor<?x1x32xf32>
  return %v : tensor<?x1x32xf32>
}

// -----

// Schemes that return have two matrices of one kind.
// CHECK: gemma.weight @gate_up.q4_0 : tensor<32x64xf32> scheme q4_0 from ["a"]
// CHECK-NEXT: gemma.weight @gate_up.bf16 : tensor<64x64xf32> scheme bf16 from ["b"]
// CHECK-NEXT: gemma.weight @gate_up.q4_0_0 : tensor<32x64xf32> scheme q4_0 from ["c"]
gemma.weight @gate_up : tensor<128x64xf32> from ["a", "b", "c"] parts [32, 64, 32] {gemma.stored = ["q4_0", "bf16", "q4_0"]}

// CHECK-LABEL: @three
func.func @three(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x16xf32>) {
  // CHECK-NEXT: %[[A:.*]] = gemma.linear %arg0, @gate_up.q4_0 : tensor<?x64xf32> -> tensor<?x32xf32>
  // CHECK-NEXT: %[[C:.*]] = gemma.linear %arg0, @gate_up.q4_0_0 : tensor<?x64xf32> -> tensor<?x32xf32>
  // CHECK-NEXT: %[[PART:.*]] = gemma.slice %[[C]] axis 1 from 16 : tensor<?x32xf32> -> tensor<?x16xf32>
  // CHECK-NEXT: return %[[A]], %[[PART]]
  %all = gemma.linear %x, @gate_up : tensor<?x64xf32> -> tensor<?x128xf32>
  %a = gemma.slice %all axis 1 from 0 : tensor<?x128xf32> -> tensor<?x32xf32>
  %c = gemma.slice %all axis 1 from 112 : tensor<?x128xf32> -> tensor<?x16xf32>
  return %a, %c : tensor<?x32xf32>, tensor<?x16xf32>
}

// -----

// Gate and up of experts, gathered and grouped.
// CHECK: gemma.weight @gate_up.q4_0 : tensor<8x32x64xf32> scheme q4_0 from ["gate"]
// CHECK-NEXT: gemma.weight @gate_up.q8_0 : tensor<8x32x64xf32> scheme q8_0 from ["up"]
gemma.weight @gate_up : tensor<8x64x64xf32> from ["gate", "up"] parts [32, 32] {gemma.stored = ["q4_0", "q8_0"]}

// CHECK-LABEL: @experts
func.func @experts(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>, %offsets: tensor<9xi32>) -> (tensor<?x3x32xf32>, tensor<?x32xf32>) {
  // CHECK-NEXT: %[[G:.*]] = gemma.expert_linear %arg0, %arg1, @gate_up.q4_0 : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x32xf32>
  // CHECK-NEXT: %[[U:.*]] = gemma.expert_linear %arg0, %arg1, @gate_up.q8_0 : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x32xf32>
  // CHECK-NEXT: gemma.gelu_mul %[[G]], %[[U]]
  // CHECK-NEXT: %[[G:.*]] = gemma.grouped_linear %arg0, %arg2, @gate_up.q4_0 : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x32xf32>
  // CHECK-NEXT: %[[U:.*]] = gemma.grouped_linear %arg0, %arg2, @gate_up.q8_0 : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x32xf32>
  // CHECK-NEXT: gemma.gelu_mul %[[G]], %[[U]]
  %gu = gemma.expert_linear %x, %e, @gate_up : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  %g = gemma.slice %gu axis 2 from 0 : tensor<?x3x64xf32> -> tensor<?x3x32xf32>
  %u = gemma.slice %gu axis 2 from 32 : tensor<?x3x64xf32> -> tensor<?x3x32xf32>
  %y = gemma.gelu_mul %g, %u : tensor<?x3x32xf32>
  %GU = gemma.grouped_linear %x, %offsets, @gate_up : tensor<?x64xf32>, tensor<9xi32> -> tensor<?x64xf32>
  %G = gemma.slice %GU axis 1 from 0 : tensor<?x64xf32> -> tensor<?x32xf32>
  %U = gemma.slice %GU axis 1 from 32 : tensor<?x64xf32> -> tensor<?x32xf32>
  %z = gemma.gelu_mul %G, %U : tensor<?x32xf32>
  return %y, %z : tensor<?x3x32xf32>, tensor<?x32xf32>
}

// -----

// Left whole: a slice lies in both parts; one reads tokens' first choices; a part ends inside a head.
// CHECK: gemma.weight @across : tensor<64x64xf32> scheme q8_0
gemma.weight @across : tensor<64x64xf32> from ["a", "b"] parts [32, 32] {gemma.stored = ["q4_0", "q8_0"]}
// CHECK: gemma.weight @choices : tensor<8x64x64xf32> scheme q8_0
gemma.weight @choices : tensor<8x64x64xf32> from ["c", "d"] parts [32, 32] {gemma.stored = ["q4_0", "q8_0"]}
// CHECK: gemma.weight @in_a_head : tensor<64x64xf32> scheme q8_0
gemma.weight @in_a_head : tensor<64x64xf32> from ["e", "f"] parts [16, 48] {gemma.stored = ["q4_0", "q8_0"]}
// The same scheme of ours.
// CHECK: gemma.weight @alike : tensor<64x64xf32> scheme q8_0
gemma.weight @alike : tensor<64x64xf32> from ["g", "h"] parts [32, 32] {gemma.stored = ["mxfp4", "q8_0"]}
// CHECK-NOT: gemma.weight

// CHECK-LABEL: @left_whole
func.func @left_whole(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>) -> (tensor<?x16xf32>, tensor<?x1x64xf32>, tensor<?x1x32xf32>, tensor<?x32xf32>) {
  %0 = gemma.linear %x, @across : tensor<?x64xf32> -> tensor<?x64xf32>
  %a = gemma.slice %0 axis 1 from 24 : tensor<?x64xf32> -> tensor<?x16xf32>
  %1 = gemma.expert_linear %x, %e, @choices : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  %b = gemma.slice %1 axis 1 from 0 : tensor<?x3x64xf32> -> tensor<?x1x64xf32>
  %2 = gemma.linear %x, @in_a_head : tensor<?x64xf32> -> tensor<?x2x32xf32>
  %c = gemma.slice %2 axis 1 from 1 : tensor<?x2x32xf32> -> tensor<?x1x32xf32>
  %3 = gemma.linear %x, @alike : tensor<?x64xf32> -> tensor<?x64xf32>
  %d = gemma.slice %3 axis 1 from 32 : tensor<?x64xf32> -> tensor<?x32xf32>
  return %a, %b, %c, %d : tensor<?x16xf32>, tensor<?x1x64xf32>, tensor<?x1x32xf32>, tensor<?x32xf32>
}
