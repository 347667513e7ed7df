// RUN: gemmac-opt %s --gemma-split-phases --split-input-file --verify-diagnostics | FileCheck %s

gemma.weight @table : tensor<16x32xf32> from ["t"]

// CHECK-LABEL: func.func @prefill(%{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>) {
// CHECK: gemma.embed
// CHECK: {{ return$}}
// CHECK-LABEL: func.func @decode(%{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>) -> (tensor<?x1x32xf32> {gemma.port = "logits"}) attributes {gemma.tokens = 1 : i64} {
// CHECK: gemma.embed
// CHECK: return %
// CHECK-LABEL: func.func @score(%{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>, %{{.*}}: tensor<?xi32>) -> (tensor<?x1x32xf32> {gemma.port = "logits"}) {
// CHECK: gemma.embed
// CHECK: return %
// CHECK-NOT: @forward
func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x1x32xf32> {
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x1x32xf32>
  return %x : tensor<?x1x32xf32>
}

// -----

// CHECK-LABEL: @helper
// CHECK-NOT: func.func
func.func @helper(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?xi32> {
  return %ids : tensor<?xi32>
}

// -----

gemma.weight @table : tensor<16x32xf32> from ["t"]
// expected-error @+1 {{phases need @forward(ids, positions, visible) -> logits, but it has type '(tensor<?xi32>) -> tensor<?x32xf32>'; schedule its attention first}}
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x32xf32>
  return %x : tensor<?x32xf32>
}

// -----

gemma.weight @table : tensor<16x32xf32> from ["t"]
func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x32xf32> {
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x32xf32>
  return %x : tensor<?x32xf32>
}
// expected-error @+1 {{takes the name of a phase, @decode}}
func.func @decode(%ids: tensor<?xi32>) {
  return
}
