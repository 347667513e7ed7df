// RUN: gemmac-opt %s --split-input-file --verify-diagnostics

gemma.weight @scale : tensor<8xf32> from ["s"]
func.func @top_k_c1(%p: tensor<?x8xf32>) {
  // expected-error @+1 {{top-k-c1: weights 'tensor<?x9xf32>' and ids 'tensor<?x9xi32>' are no choice from probabilities 'tensor<?x8xf32>'}}
  %w, %e = gemma.top_k %p, @scale : tensor<?x8xf32> -> tensor<?x9xf32>, tensor<?x9xi32>
  return
}

// -----

gemma.weight @scale : tensor<4xf32> from ["s"]
func.func @top_k_c2(%p: tensor<?x8xf32>) {
  // expected-error @+1 {{top-k-c2: @scale has type 'tensor<4xf32>', but a vector of 8 is needed}}
  %w, %e = gemma.top_k %p, @scale : tensor<?x8xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
  return
}

// -----

gemma.weight @gate_up : tensor<8x64x64xf32> from ["gate_up"]
gemma.weight @down : tensor<8x64x16xf32> from ["down"]
func.func @experts_c1_weights(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>, %w: tensor<?x3xf32>) {
  // expected-error @+1 {{experts-c1: @gate_up 'tensor<8x64x64xf32>' and @down 'tensor<8x64x16xf32>' are not (E, 2F, 64) and (E, 64, F)}}
  %y = gemma.experts %x, %e, %w, @gate_up, @down : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  return
}

// -----

gemma.weight @gate_up : tensor<8x64x64xf32> from ["gate_up"]
func.func @experts_c1_missing(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>, %w: tensor<?x3xf32>) {
  // expected-error @+1 {{experts-c1: @down names no gemma.weight}}
  %y = gemma.experts %x, %e, %w, @gate_up, @down : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  return
}

// -----

gemma.weight @gate_up : tensor<8x64x64xf32> from ["gate_up"]
gemma.weight @down : tensor<8x64x32xf32> from ["down"]
func.func @experts_c1_choices(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>, %w: tensor<?x2xf32>) {
  // expected-error @+1 {{experts-c1: x 'tensor<?x64xf32>', ids 'tensor<?x3xi32>' and weights 'tensor<?x2xf32>' are not (n, H), (n, K) and (n, K)}}
  %y = gemma.experts %x, %e, %w, @gate_up, @down : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x2xf32>
  return
}

// -----

gemma.weight @w : tensor<64x64xf32> from ["w"]
func.func @expert_linear_c1_matrix(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>) {
  // expected-error @+1 {{expert-linear-c1: @w 'tensor<64x64xf32>' and ids 'tensor<?x3xi32>' are not (E, out, in) and (n, K)}}
  %y = gemma.expert_linear %x, %e, @w : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  return
}

// -----

gemma.weight @w : tensor<8x16x64xf32> from ["w"]
func.func @expert_linear_c1_rows(%x: tensor<?x2x64xf32>, %e: tensor<?x3xi32>) {
  // expected-error @+1 {{expert-linear-c1: x has type 'tensor<?x2x64xf32>', but rows of 64 are needed, one for a token or one for each of its 3 experts}}
  %y = gemma.expert_linear %x, %e, @w : tensor<?x2x64xf32>, tensor<?x3xi32> -> tensor<?x3x16xf32>
  return
}

// -----

gemma.weight @w : tensor<8x16x64xf32> from ["w"]
func.func @expert_linear_c1_result(%x: tensor<?x64xf32>, %e: tensor<?x3xi32>) {
  // expected-error @+1 {{expert-linear-c1: the result has type 'tensor<?x3x64xf32>', but (n, 3, 16) is needed}}
  %y = gemma.expert_linear %x, %e, @w : tensor<?x64xf32>, tensor<?x3xi32> -> tensor<?x3x64xf32>
  return
}

// -----

gemma.weight @w : tensor<8x16x64xf32> from ["w"]
func.func @expert_linear_c2(%x: tensor<?x64xi8, #gemma.blocks<32>>, %e: tensor<?x3xi32>) {
  // expected-error @+1 {{expert-linear-c2: int8 rows multiply a quantized weight, but @w is f32}}
  %y = gemma.expert_linear %x, %e, @w : tensor<?x64xi8, #gemma.blocks<32>>, tensor<?x3xi32> -> tensor<?x3x16xf32>
  return
}

// -----

func.func @combine_c1(%x: tensor<?x3x64xf32>, %w: tensor<?x2xf32>) {
  // expected-error @+1 {{combine-c1: x 'tensor<?x3x64xf32>', weights 'tensor<?x2xf32>' and result 'tensor<?x64xf32>' are not (n, K, H), (n, K) and (n, H)}}
  %y = gemma.combine %x, %w : tensor<?x3x64xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
  return
}

// -----

func.func @group_by_expert_c1(%e: tensor<?x3xi32>) {
  // expected-error-re @+1 {{group-by-expert-c1: {{.*}} are not (n, K), (n*K), (n, K) and (E + 1)}}
  %o, %p, %f = gemma.group_by_expert %e : tensor<?x3xi32> -> tensor<?xi32>, tensor<?x2xi32>, tensor<9xi32>
  return
}

// -----

func.func @group_by_expert_c1_offsets(%e: tensor<?x3xi32>) {
  // expected-error @+1 {{group-by-expert-c1}}
  %o, %p, %f = gemma.group_by_expert %e : tensor<?x3xi32> -> tensor<?xi32>, tensor<?x3xi32>, tensor<?xi32>
  return
}

// -----

func.func @gather_tokens_c1(%x: tensor<?x64xf32>, %order: tensor<?xi32>) {
  // expected-error-re @+1 {{gather-tokens-c1: {{.*}} are not (n, H), (n*K) and (n*K, H) for K = 0}}
  %g = gemma.gather_tokens %x, %order choices 0 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  return
}

// -----

func.func @gather_tokens_c2(%x: tensor<?x64xf32>, %order: tensor<?xi32>) {
  // expected-error @+1 {{gather-tokens-c2: result 'tensor<?x64xi8, #gemma.blocks<32>>' does not hold numbers as x 'tensor<?x64xf32>' does}}
  %g = gemma.gather_tokens %x, %order choices 3 : tensor<?x64xf32>, tensor<?xi32> -> tensor<?x64xi8, #gemma.blocks<32>>
  return
}

// -----

func.func @gather_tokens_c1_count(%x: tensor<2x64xf32>, %order: tensor<5xi32>) {
  // expected-error @+1 {{gather-tokens-c1}}
  %g = gemma.gather_tokens %x, %order choices 3 : tensor<2x64xf32>, tensor<5xi32> -> tensor<5x64xf32>
  return
}

// -----

gemma.weight @w : tensor<8x16x64xf32> from ["w"]
func.func @grouped_linear_c1_offsets(%x: tensor<?x64xf32>, %offsets: tensor<8xi32>) {
  // expected-error-re @+1 {{grouped-linear-c1: {{.*}} are not (E, out, in), (n*K, in), (E + 1) and (n*K, out)}}
  %y = gemma.grouped_linear %x, %offsets, @w : tensor<?x64xf32>, tensor<8xi32> -> tensor<?x16xf32>
  return
}

// -----

gemma.weight @w : tensor<8x16x64xf32> scheme q8_0 from ["w"]
func.func @grouped_linear_c2(%x: tensor<?x64xi8>, %offsets: tensor<9xi32>) {
  // expected-error @+1 {{grouped-linear-c2: int8 rows need the encoding #gemma.blocks}}
  %y = gemma.grouped_linear %x, %offsets, @w : tensor<?x64xi8>, tensor<9xi32> -> tensor<?x16xf32>
  return
}

// -----

func.func @combine_groups_c1(%x: tensor<?x64xf32>, %place: tensor<?x3xi32>, %w: tensor<?x2xf32>) {
  // expected-error-re @+1 {{combine-groups-c1: {{.*}} are not (n*K, H), (n, K), (n, K) and (n, H)}}
  %y = gemma.combine_groups %x, %place, %w : tensor<?x64xf32>, tensor<?x3xi32>, tensor<?x2xf32> -> tensor<?x64xf32>
  return
}
