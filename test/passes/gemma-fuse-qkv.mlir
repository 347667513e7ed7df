// RUN: gemmac-opt %s --gemma-fuse-qkv --split-input-file | FileCheck %s

// One input, three projections: a single linear over stacked weights, and the old weights go.
// CHECK-NOT: @layer0.query
// CHECK: gemma.weight @layer0.qkv : tensor<192x64xf32> from ["q_proj", "k_proj", "v_proj"] parts [128, 32, 32]
// CHECK-NOT: gemma.weight
gemma.weight @layer0.query : tensor<128x64xf32> from ["q_proj"]
gemma.weight @layer0.key : tensor<32x64xf32> from ["k_proj"]
gemma.weight @layer0.value : tensor<32x64xf32> from ["v_proj"]

// CHECK-LABEL: @own_keys
func.func @own_keys(%x: tensor<?x64xf32>) -> tensor<?x4x32xf32> {
  // CHECK-NEXT: %[[QKV:.*]] = gemma.linear %arg0, @layer0.qkv {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x6x32xf32>
  // CHECK-NEXT: %[[Q:.*]] = gemma.slice %[[QKV]] axis 1 from 0 {gemma.layer = 0 : i64} : {{.*}} -> tensor<?x4x32xf32>
  // CHECK-NEXT: %[[K:.*]] = gemma.slice %[[QKV]] axis 1 from 4 {{.*}} -> tensor<?x1x32xf32>
  // CHECK-NEXT: %[[V:.*]] = gemma.slice %[[QKV]] axis 1 from 5 {{.*}} -> tensor<?x1x32xf32>
  // CHECK-NOT: gemma.linear
  // CHECK: %[[TURNED:.*]] = gemma.rope %[[K]]
  // CHECK: gemma.attention %[[Q]], %[[TURNED]], %[[V]]
  %q = gemma.linear %x, @layer0.query {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x4x32xf32>
  %k = gemma.linear %x, @layer0.key {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %turned = gemma.rope %k theta 1.0e+04 pairs 16 : tensor<?x1x32xf32>
  %v = gemma.linear %x, @layer0.value {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %o = gemma.attention %q, %turned, %v scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  return %o : tensor<?x4x32xf32>
}

// -----

// Values are the keys before their norm: two weights. The layer that shares its keys has nothing to stack.
// How the file stores each of them goes along.
// CHECK: gemma.weight @layer0.qkv : tensor<160x64xf32> from ["q_proj", "k_proj"] parts [128, 32] {gemma.stored = ["q4_k", "q6_k"]}
// CHECK: gemma.weight @layer1.query
gemma.weight @layer0.query : tensor<128x64xf32> from ["q_proj"] {gemma.stored = ["q4_k"]}
gemma.weight @layer0.key : tensor<32x64xf32> from ["k_proj"] {gemma.stored = ["q6_k"]}
gemma.weight @layer1.query : tensor<128x64xf32> from ["q1_proj"]
gemma.weight @layer0.key_norm : tensor<32xf32> from ["k_norm"]

// CHECK-LABEL: @shared_keys
func.func @shared_keys(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>) -> (tensor<?x4x32xf32>, tensor<?x4x32xf32>) {
  // CHECK: gemma.linear %arg0, @layer0.qkv : tensor<?x64xf32> -> tensor<?x5x32xf32>
  // CHECK-COUNT-2: gemma.slice
  // CHECK-NOT: gemma.slice
  // CHECK: gemma.linear %arg1, @layer1.query : tensor<?x64xf32> -> tensor<?x4x32xf32>
  %q = gemma.linear %x, @layer0.query : tensor<?x64xf32> -> tensor<?x4x32xf32>
  %kv = gemma.linear %x, @layer0.key : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %k = gemma.rms_norm %kv, @layer0.key_norm eps 1.0e-06 : tensor<?x1x32xf32>
  %v = gemma.rms_norm %kv eps 1.0e-06 : tensor<?x1x32xf32>
  %o = gemma.attention %q, %k, %v scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  %q1 = gemma.linear %y, @layer1.query : tensor<?x64xf32> -> tensor<?x4x32xf32>
  %o1 = gemma.attention %q1, %k, %v scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  return %o, %o1 : tensor<?x4x32xf32>, tensor<?x4x32xf32>
}

// -----

// Queries and keys of one linear: there is nothing to stack.
// CHECK-LABEL: @one_linear
// CHECK: gemma.linear %{{.*}}, @w : tensor<?x64xf32> -> tensor<?x1x32xf32>
// CHECK-NOT: gemma.slice
gemma.weight @w : tensor<32x64xf32> from ["w"]

func.func @one_linear(%x: tensor<?x64xf32>) -> tensor<?x1x32xf32> {
  %q = gemma.linear %x, @w : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %o = gemma.attention %q, %q, %q scale 1.0 : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  return %o : tensor<?x1x32xf32>
}

// -----

// Keys of one linear, values of the queries'.
// CHECK-LABEL: @values_of_queries
// CHECK-NOT: gemma.slice
gemma.weight @query : tensor<32x64xf32> from ["q"]
gemma.weight @key : tensor<32x64xf32> from ["k"]

func.func @values_of_queries(%x: tensor<?x64xf32>) -> tensor<?x1x32xf32> {
  %q = gemma.linear %x, @query : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %k = gemma.linear %x, @key : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %o = gemma.attention %q, %k, %q scale 1.0 : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  return %o : tensor<?x1x32xf32>
}

// -----

// The key's weight has another reader: stacking it would store it twice.
// CHECK-NOT: qkv
gemma.weight @query : tensor<128x64xf32> from ["q_proj"]
gemma.weight @key : tensor<32x64xf32> from ["k_proj"]

func.func @weight_is_read_elsewhere(%x: tensor<?x64xf32>) -> (tensor<?x4x32xf32>, tensor<?x32xf32>) {
  %q = gemma.linear %x, @query : tensor<?x64xf32> -> tensor<?x4x32xf32>
  %k = gemma.linear %x, @key : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %o = gemma.attention %q, %k, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  %other = gemma.linear %x, @key : tensor<?x64xf32> -> tensor<?x32xf32>
  return %o, %other : tensor<?x4x32xf32>, tensor<?x32xf32>
}

// -----

// Norms that add one are not stacked with matrices that do not.
// CHECK-NOT: qkv
gemma.weight @query : tensor<128x64xf32> add_one from ["q_proj"]
gemma.weight @key : tensor<32x64xf32> from ["k_proj"]

func.func @different_kinds(%x: tensor<?x64xf32>) -> tensor<?x4x32xf32> {
  %q = gemma.linear %x, @query : tensor<?x64xf32> -> tensor<?x4x32xf32>
  %k = gemma.linear %x, @key : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %o = gemma.attention %q, %k, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  return %o : tensor<?x4x32xf32>
}

// -----

// A linear that reads a part of its weight is left alone.
// CHECK-NOT: qkv
gemma.weight @query : tensor<128x64xf32> from ["q_proj"]
gemma.weight @key : tensor<64x64xf32> from ["k_proj"]

func.func @part_of_a_weight(%x: tensor<?x64xf32>) -> tensor<?x4x32xf32> {
  %q = gemma.linear %x, @query : tensor<?x64xf32> -> tensor<?x4x32xf32>
  %k = gemma.linear %x, @key offset 32 : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %o = gemma.attention %q, %k, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  return %o : tensor<?x4x32xf32>
}
