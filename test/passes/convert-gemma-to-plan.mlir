// RUN: gemmac-opt %s --gemma-select-kernels=target=generic-aarch64 --convert-gemma-to-plan | FileCheck %s

module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64} {
// A quantized weight has two planes; what the packer needs stays on it.
// CHECK: plan.weight @qkv layout "tiles16" planes [memref<12x2x4x16x4xi8>, memref<12x2x16xf16>] shape [192, 64] scheme "q4_0" from ["q", "k"]
gemma.weight @qkv : tensor<192x64xf32> scheme q4_0 from ["q", "k"]
gemma.weight @embedding : tensor<64x64xf32> from ["e"]
gemma.weight @norm : tensor<64xf32> from ["n"]
gemma.weight @experts : tensor<4x32x64xf32> scheme q4_0 from ["x"]
gemma.weight @router : tensor<4x64xf32> from ["r"]
gemma.weight @expert_scale : tensor<4xf32> from ["s"]
gemma.weight @out : tensor<64x128xf32> from ["o"]
// CHECK: plan.cache @cache planes [memref<1x1x16x32x16xf16>, memref<1x1x2x256x16xf16>]
gemma.cache @cache : tensor<31x1x32xf32> scheme f16
gemma.cache @ring : tensor<400x2x32xf32>
gemma.cache @all : tensor<600x2x32xf32>

// Callers hand in arrays.
// CHECK-LABEL: func.func @score
// CHECK-SAME: (%[[IDS:.*]]: memref<?xi32> {plan.input = "tokens"}, %[[AT:.*]]: memref<?xi32> {plan.input = "positions"},
// CHECK-SAME: %[[SEEN:.*]]: memref<?xi32> {plan.input = "visible"}, %[[LOGITS:[a-z0-9]+]]: memref<?x64xf32> {plan.output = "logits"})
// CHECK-SAME: plan.token_class = #plan.token_class<many>, plan.tokens = 16 : i64
func.func @score(%ids: tensor<?xi32> {gemma.port = "tokens"}, %positions: tensor<?xi32> {gemma.port = "positions"}, %visible: tensor<?xi32> {gemma.port = "visible"}) -> (tensor<?x64xf32> {gemma.port = "logits"}) {
  // CHECK: %[[N:.*]] = plan.count
  // CHECK: %[[X:.*]] = memref.alloc(%[[N]]) : memref<?x64xf32>
  // CHECK: plan.call <"embed"{{.*}}>(%[[IDS]], %{{.*}}, %[[X]])
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  // A quantized value is bytes, scales and sums; plain rows have one head.
  // CHECK: %[[Q:.*]] = memref.alloc(%[[N]]) : memref<?x64xi8>
  // CHECK: %[[S:.*]] = memref.alloc(%[[N]]) : memref<?x4xf32>
  // CHECK: %[[SUMS:.*]] = memref.alloc(%[[N]]) : memref<?x4xi32>
  // CHECK: plan.call <"quantize"{{.*}} outputs 3 {{.*}} memref<?x1x64xf32>, memref<?x2x32xi8>, memref<?x2x2xf32>, memref<?x2x2xi32>
  %a = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: plan.call <"linear"{{.*}}>(%[[Q]], %[[S]], %[[SUMS]], {{.*}} outputs 1
  %qkv = gemma.linear %a, @qkv : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x6x32xf32>
  // A slice moves nothing.
  // CHECK: %[[HEADS:.*]] = memref.subview %{{.*}}[0, 0, 0] [%[[N]], 4, 32]
  %q = gemma.slice %qkv axis 1 from 0 : tensor<?x6x32xf32> -> tensor<?x4x32xf32>
  // CHECK: %[[KEYS:.*]] = memref.subview %{{.*}}[0, 4, 0] [%[[N]], 1, 32]
  %k = gemma.slice %qkv axis 1 from 4 : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
  // CHECK: plan.call <"cache_write"{{.*}}>(%[[KEYS]], %[[KEYS]], %[[AT]], {{.*}} outputs 2
  gemma.cache_write %k, %k, @cache at %positions : tensor<?x1x32xf32>
  // CHECK: %[[O:.*]] = memref.alloc(%[[N]]) : memref<?x4x32xf32>
  // CHECK: plan.call <"cached_attention"{{.*}}>(%[[HEADS]], %[[AT]], %[[SEEN]], %{{.*}}, %{{.*}}, %[[O]]) outputs 1
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
  // The projection reads heads as one row.
  // CHECK: memref.collapse_shape %[[O]]
  %t = gemma.linear %o, @out : tensor<?x4x32xf32> -> tensor<?x64xf32>
  // The residual stream stays in its buffer.
  // CHECK: %[[BEFORE:.*]] = memref.expand_shape %[[X]]
  // CHECK: memref.expand_shape
  // CHECK: %[[AFTER:.*]] = memref.expand_shape %[[X]]
  // CHECK: plan.call <"add_norm"{{.*}}>(%[[BEFORE]], %{{.*}}, %{{.*}}, %[[AFTER]])
  %y = gemma.add_norm %x, %t, @norm eps 1.0e-06 : tensor<?x64xf32>
  // Logits go where the caller wants them, capped in place.
  // CHECK: plan.call <"linear"{{.*}}, %[[LOGITS]])
  %l = gemma.linear %y, @embedding : tensor<?x64xf32> -> tensor<?x64xf32>
  // CHECK: plan.call <"softcap"
  // CHECK-NOT: memref.alloc
  %c = gemma.softcap %l cap 30.0 : tensor<?x64xf32>
  return %c : tensor<?x64xf32>
}

// One token: the parts of the spans that it sees, a piece for each kv head, then their merge. A window of 300 touches three spans at
// most; without a window there are as many as the position has.
// CHECK-LABEL: func.func @decode
// CHECK-SAME: plan.token_class = #plan.token_class<one>, plan.tokens = 1 : i64
func.func @decode(%ids: tensor<?xi32> {gemma.port = "tokens"}, %positions: tensor<?xi32> {gemma.port = "positions"}, %visible: tensor<?xi32> {gemma.port = "visible"}) -> (tensor<?x64xf32> {gemma.port = "logits"}) attributes {gemma.tokens = 1 : i64} {
  // CHECK: %[[POSITION:.*]] = plan.position
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  %h = gemma.embed %ids, @out scale 8.0 : tensor<?xi32> -> tensor<?x4x32xf32>
  // CHECK: plan.call <"embed"{{.*}} memref<?x128xf32>
  // CHECK: %[[O:.*]] = memref.alloc(%{{.*}}) : memref<?x4x32xf32>
  // CHECK: %[[SIX:.*]] = arith.constant 6 : index
  // CHECK: %[[PARTS:.*]] = memref.alloc(%[[SIX]]) : memref<?x2x48xf32>
  // CHECK: plan.call <"attention_spans"{{.*}}>(%{{.*}}, %[[AT:.*]], %[[SEEN:.*]], %{{.*}}, %{{.*}}, %[[PARTS]]) outputs 1 parallel axis 0 grain 1
  // CHECK: plan.call <"merge_spans"{{.*}}>(%[[PARTS]], %[[O]]) outputs 1 : memref
  %o = gemma.cached_attention %h, @ring at %positions seeing %visible scale 1.0 window 300 : tensor<?x4x32xf32>
  // CHECK: %[[SPAN:.*]] = arith.constant 256 : index
  // CHECK: %[[BEFORE:.*]] = arith.divui %[[POSITION]], %[[SPAN]]
  // CHECK: %[[SPANS:.*]] = arith.addi %[[BEFORE]], %{{.*}}
  // CHECK: %[[PIECES:.*]] = arith.muli %[[SPANS]], %{{.*}}
  // CHECK: %[[PARTS:.*]] = memref.alloc(%[[PIECES]]) : memref<?x2x48xf32>
  // CHECK: plan.call <"attention_spans"{{.*}}>({{.*}}, %[[PARTS]])
  // CHECK: plan.call <"merge_spans"{{.*}}>(%[[PARTS]], %{{.*}}) outputs 1 parallel axis 1 grain 1
  %a = gemma.cached_attention %o, @all at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  %y = gemma.linear %a, @out : tensor<?x4x32xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Rows that are quantized already are gathered as rows; each expert takes its part of them, in one call for all.
// CHECK-LABEL: func.func @grouped(
func.func @grouped(%ids: tensor<?xi32> {gemma.port = "tokens"}, %positions: tensor<?xi32> {gemma.port = "positions"}, %visible: tensor<?xi32> {gemma.port = "visible"}) {
  // CHECK: %[[N:.*]] = plan.count
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  %p = gemma.linear %x, @router : tensor<?x64xf32> -> tensor<?x4xf32>
  %a = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  %w, %e = gemma.top_k %p, @expert_scale : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  // CHECK: %[[PAIRS:.*]] = arith.muli %[[N]], %c2
  // CHECK: plan.call <"group_by_expert"
  %order, %place, %offsets = gemma.group_by_expert %e : tensor<?x2xi32> -> tensor<?xi32>, tensor<?x2xi32>, tensor<5xi32>
  // CHECK: plan.call <"gather_tokens"{{.*}} outputs 3 parallel axis 0 grain 8 : memref<?x64xi8>, memref<?x4xf32>, memref<?x4xi32>, memref<?xi32>, memref<?x64xi8>, memref<?x4xf32>, memref<?x4xi32>
  %g = gemma.gather_tokens %a, %order choices 2 : tensor<?x64xi8, #gemma.blocks<32>>, tensor<?xi32> -> tensor<?x64xi8, #gemma.blocks<32>>
  // CHECK: plan.call <"grouped_linear", {experts = 4 : i64, input = 64 : i64, output = 32 : i64{{.*}} outputs 1 {{.*}} memref<5xi32>, {{.*}} memref<?x32xf32>
  %y = gemma.grouped_linear %g, %offsets, @experts : tensor<?x64xi8, #gemma.blocks<32>>, tensor<5xi32> -> tensor<?x32xf32>
  return
}

// Any results, each in the caller's array; what is returned and read again is not overwritten.
// CHECK-LABEL: func.func @draft
// CHECK-SAME: %[[HIDDEN:[a-z0-9]+]]: memref<?x64xf32> {plan.output = "hidden"}, %[[LOGITS:[a-z0-9]+]]: memref<?x64xf32> {plan.output = "logits"})
// CHECK-SAME: plan.token_class = #plan.token_class<few>, plan.tokens = 4 : i64
func.func @draft(%ids: tensor<?xi32> {gemma.port = "tokens"}) -> (tensor<?x64xf32> {gemma.port = "hidden"}, tensor<?x64xf32> {gemma.port = "logits"})
    attributes {gemma.tokens = 4 : i64} {
  // CHECK: plan.call <"embed"{{.*}}, %[[HIDDEN]])
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  // CHECK: memref.expand_shape %[[HIDDEN]]
  // CHECK: memref.expand_shape %[[LOGITS]]
  // CHECK: plan.call <"softcap"
  %c = gemma.softcap %x cap 30.0 : tensor<?x64xf32>
  return %x, %c : tensor<?x64xf32>, tensor<?x64xf32>
}
}
