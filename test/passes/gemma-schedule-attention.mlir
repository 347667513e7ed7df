// RUN: gemmac-opt %s --gemma-schedule-attention --split-input-file --verify-diagnostics | FileCheck %s

// A ring for layer 0: window - 1 + max_tokens slots. All positions for layer 1. No storage for layer 2, which reads the ring.
// CHECK: gemma.cache @layer0.cache : tensor<13x1x32xf32> {gemma.layer = 0 : i64, gemma.sliding}
// CHECK-NEXT: gemma.cache @layer1.cache : tensor<64x1x32xf32> {gemma.layer = 1 : i64}
// CHECK-NOT: gemma.cache @
// CHECK-LABEL: @forward
// CHECK-SAME: (%{{.*}}: tensor<?xi32> {gemma.port = "tokens"}, %[[POSITIONS:.*]]: tensor<?xi32> {gemma.port = "positions"}, %[[SEEN:.*]]: tensor<?xi32> {gemma.port = "visible"})
module attributes {gemma.context = 64 : i64, gemma.max_tokens = 8 : i64} {
gemma.weight @table : tensor<16x32xf32> from ["t"]
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x1x32xf32> {
  // CHECK: %[[X:.*]] = gemma.embed
  // CHECK-NEXT: %[[K0:.*]] = gemma.rope %[[X]] at %[[POSITIONS]]
  // CHECK-NEXT: gemma.cache_write %[[K0]], %[[X]], @layer0.cache at %[[POSITIONS]] {gemma.layer = 0 : i64}
  // CHECK-NEXT: %[[O0:.*]] = gemma.cached_attention %[[X]], @layer0.cache at %[[POSITIONS]] seeing %[[SEEN]] scale 1.000000e+00 window 6 {gemma.layer = 0 : i64}
  // CHECK-NEXT: %[[K1:.*]] = gemma.rope %[[O0]] at %[[POSITIONS]]
  // CHECK-NEXT: gemma.cache_write %[[K1]], %[[O0]], @layer1.cache
  // CHECK-NEXT: %[[O1:.*]] = gemma.cached_attention %[[O0]], @layer1.cache at %[[POSITIONS]] seeing %[[SEEN]] scale 1.000000e+00 {gemma.layer = 1 : i64}
  // CHECK-NEXT: gemma.cached_attention %[[O1]], @layer0.cache at %[[POSITIONS]] seeing %[[SEEN]] scale 1.000000e+00 window 6 {gemma.layer = 2 : i64}
  // CHECK-NOT: gemma.attention
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x1x32xf32>
  %k0 = gemma.rope %x theta 1.0e+04 pairs 16 {gemma.layer = 0 : i64} : tensor<?x1x32xf32>
  %o0 = gemma.attention %x, %k0, %x scale 1.0 window 6 {gemma.layer = 0 : i64} : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  %k1 = gemma.rope %o0 theta 1.0e+06 pairs 4 {gemma.layer = 1 : i64} : tensor<?x1x32xf32>
  %o1 = gemma.attention %o0, %k1, %o0 scale 1.0 {gemma.layer = 1 : i64} : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  %o2 = gemma.attention %o1, %k0, %x scale 1.0 window 6 {gemma.layer = 2 : i64} : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  return %o2 : tensor<?x1x32xf32>
}
}

// -----

// A window that no context outgrows is no window; one below it never needs more slots than there are positions.
// CHECK: gemma.cache @layer0.cache : tensor<8x1x32xf32> {{.*}}gemma.sliding
// CHECK: gemma.cache @layer1.cache : tensor<8x1x32xf32>
module attributes {gemma.context = 8 : i64, gemma.max_tokens = 8 : i64} {
gemma.weight @table : tensor<16x32xf32> from ["t"]
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x1x32xf32> {
  // CHECK: gemma.cached_attention {{.*}} @layer0.cache at %{{.*}} seeing %{{.*}} scale 1.000000e+00 {
  // CHECK: gemma.cached_attention {{.*}} @layer1.cache at %{{.*}} seeing %{{.*}} scale 1.000000e+00 window 7 {
  %x = gemma.embed %ids, @table scale 1.0 {gemma.layer = 0 : i64} : tensor<?xi32> -> tensor<?x1x32xf32>
  %o0 = gemma.attention %x, %x, %x scale 1.0 window 8 {gemma.layer = 0 : i64} : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  %k = gemma.rope %o0 theta 1.0e+04 pairs 16 {gemma.layer = 1 : i64} : tensor<?x1x32xf32>
  %o1 = gemma.attention %o0, %k, %k scale 1.0 window 7 {gemma.layer = 1 : i64} : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  return %o1 : tensor<?x1x32xf32>
}
}

// -----

// Only @forward is scheduled.
// CHECK-LABEL: @helper
// CHECK: gemma.attention
// CHECK-NOT: gemma.cache
func.func @helper(%x: tensor<?x1x32xf32>) -> tensor<?x1x32xf32> {
  %o = gemma.attention %x, %x, %x scale 1.0 : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  return %o : tensor<?x1x32xf32>
}

// -----

// expected-error @+1 {{the module needs the attribute gemma.max_tokens : i64 before attention is scheduled}}
module attributes {gemma.context = 8 : i64} {
func.func @forward(%x: tensor<?x1x32xf32>) -> tensor<?x1x32xf32> {
  %o = gemma.attention %x, %x, %x scale 1.0 : tensor<?x1x32xf32>, tensor<?x1x32xf32>
  return %o : tensor<?x1x32xf32>
}
}

// -----

// expected-error @+1 {{gemma.max_tokens is 9223372036854775807, but must be from 1 to 2147483647}}
module attributes {gemma.context = 64 : i64, gemma.max_tokens = 9223372036854775807 : i64} {
func.func @forward(%ids: tensor<?xi32>) -> tensor<?xi32> {
  return %ids : tensor<?xi32>
}
}

// -----

// expected-error @+1 {{gemma.context is 0, but must be from 1 to 2147483647}}
module attributes {gemma.context = 0 : i64, gemma.max_tokens = 8 : i64} {
func.func @forward(%x: tensor<?x1x32xf32>) -> tensor<?x1x32xf32> {
  return %x : tensor<?x1x32xf32>
}
}
