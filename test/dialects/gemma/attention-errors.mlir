// RUN: gemmac-opt %s --split-input-file --verify-diagnostics

func.func @rope_c1_rank(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{rope-c1: has type 'tensor<?x64xf32>', but (tokens, heads, an even dim) is needed}}
  %y = gemma.rope %x theta 1.0e+04 pairs 8 : tensor<?x64xf32>
  return
}

// -----

func.func @rope_c1_odd(%x: tensor<?x2x5xf32>) {
  // expected-error @+1 {{rope-c1}}
  %y = gemma.rope %x theta 1.0e+04 pairs 1 : tensor<?x2x5xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x2x32xf32>) {
  // expected-error @+1 {{rope-c2: 17 pairs are not among the 16 of a head}}
  %y = gemma.rope %x theta 1.0e+04 pairs 17 : tensor<?x2x32xf32>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x2x32xf32>) {
  // expected-error @+1 {{rope-c3: theta and factor must be positive}}
  %y = gemma.rope %x theta 1.0e+04 pairs 16 factor 0.0 : tensor<?x2x32xf32>
  return
}

// -----

func.func @scores_c1_heads(%q: tensor<?x3x32xf32>, %k: tensor<?x2x32xf32>) {
  // expected-error @+1 {{scores-c1: query 'tensor<?x3x32xf32>' cannot share keys 'tensor<?x2x32xf32>'}}
  %s = gemma.scores %q, %k scale 1.0 : tensor<?x3x32xf32>, tensor<?x2x32xf32> -> tensor<?x3x?xf32>
  return
}

// -----

func.func @scores_c1_result(%q: tensor<?x4x32xf32>, %k: tensor<?x2x32xf32>) {
  // expected-error @+1 {{scores-c1: the result has type 'tensor<?x2x?xf32>', but (tokens, heads, tokens) is needed}}
  %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x2x32xf32> -> tensor<?x2x?xf32>
  return
}

// -----

func.func @mask_c1(%s: tensor<?x?xf32>) {
  // expected-error @+1 {{mask-c1: has type 'tensor<?x?xf32>', but (tokens, heads, tokens) is needed}}
  %m = gemma.mask %s : tensor<?x?xf32>
  return
}

// -----

func.func @mask_c2(%s: tensor<?x4x?xf32>) {
  // expected-error @+1 {{mask-c2: the window is 0, but must be positive}}
  %m = gemma.mask %s window 0 : tensor<?x4x?xf32>
  return
}

// -----

func.func @mix_c1_heads(%p: tensor<?x3x?xf32>, %v: tensor<?x2x32xf32>) {
  // expected-error @+1 {{mix-c1: probabilities 'tensor<?x3x?xf32>' cannot share values 'tensor<?x2x32xf32>'}}
  %o = gemma.mix %p, %v : tensor<?x3x?xf32>, tensor<?x2x32xf32> -> tensor<?x3x32xf32>
  return
}

// -----

func.func @mix_c1_result(%p: tensor<?x4x?xf32>, %v: tensor<?x2x32xf32>) {
  // expected-error @+1 {{mix-c1: the result has type 'tensor<?x4x16xf32>', but (tokens, heads, dim) is needed}}
  %o = gemma.mix %p, %v : tensor<?x4x?xf32>, tensor<?x2x32xf32> -> tensor<?x4x16xf32>
  return
}

// -----

func.func @attention_c1_heads(%q: tensor<?x3x32xf32>, %k: tensor<?x2x32xf32>) {
  // expected-error @+1 {{attention-c1: query 'tensor<?x3x32xf32>' cannot share keys 'tensor<?x2x32xf32>'}}
  %o = gemma.attention %q, %k, %k scale 1.0 : tensor<?x3x32xf32>, tensor<?x2x32xf32>
  return
}

// -----

func.func @attention_c1_dim(%q: tensor<?x4x64xf32>, %k: tensor<?x2x32xf32>) {
  // expected-error @+1 {{attention-c1}}
  %o = gemma.attention %q, %k, %k scale 1.0 : tensor<?x4x64xf32>, tensor<?x2x32xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<?x4x32xf32>, %k: tensor<?x2x32xf32>) {
  // expected-error @+1 {{attention-c2: the window is -1, but must be positive}}
  %o = gemma.attention %q, %k, %k scale 1.0 window -1 : tensor<?x4x32xf32>, tensor<?x2x32xf32>
  return
}

// -----

gemma.weight @cache : tensor<8x1x32xf32> from ["w"]
func.func @cache_write_c1_no_cache(%k: tensor<?x1x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cache-write-c1: @cache names no gemma.cache}}
  gemma.cache_write %k, %k, @cache at %positions : tensor<?x1x32xf32>
  return
}

// -----

gemma.cache @cache : tensor<8x2x32xf32>
func.func @cache_write_c1_heads(%k: tensor<?x1x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cache-write-c1: keys 'tensor<?x1x32xf32>' do not fit the heads and dim of @cache, 'tensor<8x2x32xf32>'}}
  gemma.cache_write %k, %k, @cache at %positions : tensor<?x1x32xf32>
  return
}

// -----

func.func @cached_attention_c1_no_cache(%q: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cached-attention-c1: @cache names no gemma.cache}}
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  return
}

// -----

gemma.cache @cache : tensor<8x3x32xf32>
func.func @cached_attention_c1_heads(%q: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cached-attention-c1: query 'tensor<?x4x32xf32>' cannot share @cache, 'tensor<8x3x32xf32>'}}
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  return
}

// -----

gemma.weight @w : tensor<32xf32> from ["w"]
gemma.cache @cache : tensor<8x1x32xf32>
func.func @cached_attention_c3_whole_keys(%q: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cached-attention-c3: @cache does not keep pairs of keys, which is what key_weight is for}}
  %o = gemma.cached_attention %q, @cache key_weight @w at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  return
}

// -----

gemma.cache @cache : tensor<8x1x32xf32> pairs 4
func.func @cached_attention_c3_no_weight(%q: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cached-attention-c3: @cache keeps pairs of keys, which is what key_weight is for}}
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  return
}

// -----

gemma.weight @w : tensor<16xf32> from ["w"]
gemma.cache @cache : tensor<8x1x32xf32> pairs 4
func.func @cached_attention_c3_short_weight(%q: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cached-attention-c3: @w has type 'tensor<16xf32>', but a vector of 32 is needed}}
  %o = gemma.cached_attention %q, @cache key_weight @w at %positions seeing %visible scale 1.0 : tensor<?x4x32xf32>
  return
}

// -----

// expected-error @+1 {{cache-c3: keeps 16 pairs of keys of 32}}
gemma.cache @cache : tensor<8x1x32xf32> pairs 16

// -----

gemma.cache @cache : tensor<8x1x32xf32>
func.func @cached_attention_c2_slots(%q: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cached-attention-c2: a window of 9 needs as many slots, but @cache has 8}}
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 window 9 : tensor<?x4x32xf32>
  return
}

// -----

gemma.cache @cache : tensor<8x1x32xf32>
func.func @cached_attention_c2_positive(%q: tensor<?x4x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) {
  // expected-error @+1 {{cached-attention-c2: the window is 0, but must be positive}}
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 window 0 : tensor<?x4x32xf32>
  return
}
