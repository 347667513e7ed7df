// Stopping at each stage of a two-layer model; what a stage promises is there, what a later one does is not.
// RUN: gemmac-opt %s --gemmac-through-fuse | FileCheck %s --check-prefix=FUSE
// RUN: gemmac-opt %s --gemmac-through-schedule | FileCheck %s --check-prefix=SCHEDULE
// RUN: gemmac-opt %s --gemmac-through-experts | FileCheck %s --check-prefix=EXPERTS
// RUN: gemmac-opt %s --gemmac-through-quantize="scheme=q4_0 cache-scheme=f16" | FileCheck %s --check-prefix=QUANTIZE
// RUN: gemmac-opt %s --gemmac-through-select="scheme=q4_0 target=generic-aarch64" | FileCheck %s --check-prefix=SELECT
// RUN: gemmac-opt %s --gemmac-through-plan="scheme=q4_0 target=generic-aarch64" | FileCheck %s --check-prefix=PLAN

// Stage by stage is the same as all at once, and a second run gives the same bytes.
// RUN: gemmac-opt %s --gemmac-fuse --gemmac-schedule --gemmac-experts --gemmac-quantize=scheme=q8_0 -o %t.steps
// RUN: gemmac-opt %s --gemmac-through-quantize=scheme=q8_0 -o %t.once
// RUN: gemmac-opt %s --gemmac-through-quantize=scheme=q8_0 -o %t.again
// RUN: cmp %t.steps %t.once
// RUN: cmp %t.once %t.again
// RUN: not gemmac-opt %s --gemmac-through-lunch 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: Unknown command line argument '--gemmac-through-lunch'

// FUSE: @layer0.qkv
// FUSE-NOT: gemma.cache
// FUSE: func.func @forward(%{{.*}}: tensor<?xi32>) ->
// FUSE: gemma.attention
// FUSE: gemma.add_norm
// FUSE: gemma.gelu_mul
// FUSE: gemma.experts

// SCHEDULE: gemma.cache @layer0.cache : tensor<11x1x32xf32>
// SCHEDULE-NOT: gemma.cache @
// SCHEDULE: func.func @prefill
// The second layer shares keys: behind the first one's keys and values all is dead.
// SCHEDULE: gemma.cache_write
// SCHEDULE-NEXT: return
// SCHEDULE: func.func @decode
// SCHEDULE-COUNT-2: gemma.cached_attention
// SCHEDULE: gemma.experts
// SCHEDULE: func.func @score

// EXPERTS: func.func @decode
// EXPERTS: gemma.expert_linear
// EXPERTS: func.func @score
// EXPERTS: gemma.grouped_linear
// EXPERTS-NOT: gemma.quantize

// QUANTIZE: gemma.weight @embedding : tensor<64x64xf32> scheme q4_0
// QUANTIZE: gemma.weight @router : tensor<4x64xf32> from
// QUANTIZE: gemma.cache {{.*}} scheme f16
// QUANTIZE: gemma.quantize
// QUANTIZE-NOT: gemma.kernel

// SELECT: gemma.linear {{.*}}gemma.kernel = #plan.kernel<"linear"
// SELECT-NOT: plan.call

// PLAN: plan.arena_bytes
// PLAN: plan.call
// PLAN-NOT: gemma.linear

module attributes {gemma.context = 64 : i64, gemma.max_tokens = 8 : i64, gemma.name = "two_layers"} {
gemma.weight @embedding : tensor<64x64xf32> from ["embedding"]
gemma.weight @norm : tensor<64xf32> from ["norm"]
gemma.weight @head_norm : tensor<32xf32> from ["head_norm"]
gemma.weight @layer0.query : tensor<64x64xf32> from ["q0"]
gemma.weight @layer0.key : tensor<32x64xf32> from ["k0"]
gemma.weight @layer0.value : tensor<32x64xf32> from ["v0"]
gemma.weight @layer0.output : tensor<64x64xf32> from ["o0"]
gemma.weight @layer1.query : tensor<64x64xf32> from ["q1"]
gemma.weight @layer1.gate : tensor<96x64xf32> from ["gate"]
gemma.weight @layer1.up : tensor<96x64xf32> from ["up"]
gemma.weight @layer1.down : tensor<64x96xf32> from ["down"]
gemma.weight @router : tensor<4x64xf32> from ["router"]
gemma.weight @expert_scale : tensor<4xf32> from ["expert_scale"]
gemma.weight @expert_gate_up : tensor<4x64x64xf32> from ["expert_gate_up"]
gemma.weight @expert_down : tensor<4x64x32xf32> from ["expert_down"]

func.func @forward(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  %q = gemma.linear %x, @layer0.query {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x2x32xf32>
  %k0 = gemma.linear %x, @layer0.key {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %k1 = gemma.rms_norm %k0, @head_norm eps 1.0e-06 {gemma.layer = 0 : i64} : tensor<?x1x32xf32>
  %k = gemma.rope %k1 theta 1.0e+04 pairs 16 {gemma.layer = 0 : i64} : tensor<?x1x32xf32>
  %v = gemma.linear %x, @layer0.value {gemma.layer = 0 : i64} : tensor<?x64xf32> -> tensor<?x1x32xf32>
  %s = gemma.scores %q, %k scale 1.0 {gemma.layer = 0 : i64} : tensor<?x2x32xf32>, tensor<?x1x32xf32> -> tensor<?x2x?xf32>
  %m = gemma.mask %s window 4 {gemma.layer = 0 : i64} : tensor<?x2x?xf32>
  %p = gemma.softmax %m {gemma.layer = 0 : i64} : tensor<?x2x?xf32>
  %o = gemma.mix %p, %v {gemma.layer = 0 : i64} : tensor<?x2x?xf32>, tensor<?x1x32xf32> -> tensor<?x2x32xf32>
  %a = gemma.linear %o, @layer0.output {gemma.layer = 0 : i64} : tensor<?x2x32xf32> -> tensor<?x64xf32>
  %n = gemma.rms_norm %a, @norm eps 1.0e-06 {gemma.layer = 0 : i64} : tensor<?x64xf32>
  %y = arith.addf %x, %n {gemma.layer = 0 : i64} : tensor<?x64xf32>

  %q1 = gemma.linear %y, @layer1.query {gemma.layer = 1 : i64} : tensor<?x64xf32> -> tensor<?x2x32xf32>
  %s1 = gemma.scores %q1, %k scale 1.0 {gemma.layer = 1 : i64} : tensor<?x2x32xf32>, tensor<?x1x32xf32> -> tensor<?x2x?xf32>
  %m1 = gemma.mask %s1 window 4 {gemma.layer = 1 : i64} : tensor<?x2x?xf32>
  %p1 = gemma.softmax %m1 {gemma.layer = 1 : i64} : tensor<?x2x?xf32>
  %o1 = gemma.mix %p1, %v {gemma.layer = 1 : i64} : tensor<?x2x?xf32>, tensor<?x1x32xf32> -> tensor<?x2x32xf32>
  %a1 = gemma.linear %o1, @layer0.output {gemma.layer = 1 : i64} : tensor<?x2x32xf32> -> tensor<?x64xf32>
  %g = gemma.linear %a1, @layer1.gate {gemma.layer = 1 : i64} : tensor<?x64xf32> -> tensor<?x96xf32>
  %u = gemma.linear %a1, @layer1.up {gemma.layer = 1 : i64} : tensor<?x64xf32> -> tensor<?x96xf32>
  %e = gemma.gelu %g {gemma.layer = 1 : i64} : tensor<?x96xf32>
  %f = arith.mulf %e, %u {gemma.layer = 1 : i64} : tensor<?x96xf32>
  %d = gemma.linear %f, @layer1.down {gemma.layer = 1 : i64} : tensor<?x96xf32> -> tensor<?x64xf32>
  %r = gemma.linear %a1, @router {gemma.layer = 1 : i64} : tensor<?x64xf32> -> tensor<?x4xf32>
  %pr = gemma.softmax %r {gemma.layer = 1 : i64} : tensor<?x4xf32>
  %w, %c = gemma.top_k %pr, @expert_scale {gemma.layer = 1 : i64} : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %z = gemma.experts %d, %c, %w, @expert_gate_up, @expert_down {gemma.layer = 1 : i64} : tensor<?x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>
  %l = gemma.linear %z, @embedding : tensor<?x64xf32> -> tensor<?x64xf32>
  return %l : tensor<?x64xf32>
}
}
