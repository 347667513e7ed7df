// RUN: gemmac-opt %s --split-input-file --verify-diagnostics

gemma.weight @table : tensor<16x64xf32> from ["t"]
func.func @embed_c1(%ids: tensor<?x1xi32>) {
  // expected-error @+1 {{embed-c1: ids have type 'tensor<?x1xi32>', but one axis, the tokens, is needed}}
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?x1xi32> -> tensor<?x64xf32>
  return
}

// -----

func.func @embed_c2_no_table(%ids: tensor<?xi32>) {
  // expected-error @+1 {{embed-c2: @table names no gemma.weight}}
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x64xf32>
  return
}

// -----

gemma.weight @table : tensor<64xf32> from ["t"]
func.func @embed_c2_vector(%ids: tensor<?xi32>) {
  // expected-error @+1 {{embed-c2: @table has type 'tensor<64xf32>', but a table has two axes}}
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x64xf32>
  return
}

// -----

gemma.weight @table : tensor<16x64xf32> from ["t"]
func.func @embed_c3(%ids: tensor<?xi32>) {
  // expected-error @+1 {{embed-c3: the inner axes of 'tensor<?x8x8xf32>' from column 8 do not fit the 64 columns of @table}}
  %x = gemma.embed %ids, @table scale 1.0 offset 8 : tensor<?xi32> -> tensor<?x8x8xf32>
  return
}

// -----

gemma.weight @table : tensor<16x64xf32> from ["t"]
func.func @embed_c3_negative(%ids: tensor<?xi32>) {
  // expected-error-re @+1 {{embed-c3: {{.*}} from column -8}}
  %x = gemma.embed %ids, @table scale 1.0 offset -8 : tensor<?xi32> -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c1_no_weight(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{linear-c1: @w names no gemma.weight}}
  %y = gemma.linear %x, @w : tensor<?x64xf32> -> tensor<?x16xf32>
  return
}

// -----

gemma.weight @w : tensor<2x16x64xf32> from ["w"]
func.func @linear_c1_experts(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{linear-c1: @w has type 'tensor<2x16x64xf32>', but a matrix has two axes}}
  %y = gemma.linear %x, @w : tensor<?x64xf32> -> tensor<?x16xf32>
  return
}

// -----

gemma.weight @w : tensor<16x64xf32> from ["w"]
func.func @linear_c2(%x: tensor<?x2x16xf32>) {
  // expected-error @+1 {{linear-c2: the inner axes of 'tensor<?x2x16xf32>' do not make the 64 columns of @w}}
  %y = gemma.linear %x, @w : tensor<?x2x16xf32> -> tensor<?x16xf32>
  return
}

// -----

gemma.weight @w : tensor<16x64xf32> from ["w"]
func.func @linear_c3(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{linear-c3: the inner axes of 'tensor<?x2x4xf32>' from row 9 do not fit the 16 rows of @w}}
  %y = gemma.linear %x, @w offset 9 : tensor<?x64xf32> -> tensor<?x2x4xf32>
  return
}

// -----

gemma.weight @w : tensor<16x64xf32> scheme q4_0 from ["w"]
func.func @linear_c4_no_blocks(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{linear-c4: int8 rows need the encoding #gemma.blocks of a size that divides the last axis}}
  %y = gemma.linear %x, @w : tensor<?x64xi8> -> tensor<?x16xf32>
  return
}

// -----

gemma.weight @w : tensor<16x64xf32> scheme bf16 from ["w"]
func.func @linear_c4_float_weight(%x: tensor<?x64xi8, #gemma.blocks<32>>) {
  // expected-error @+1 {{linear-c4: int8 rows multiply a quantized weight, but @w is bf16}}
  %y = gemma.linear %x, @w : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x16xf32>
  return
}

// -----

func.func @quantize_c1_shape(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{quantize-c1}}
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  return
}

// -----

func.func @quantize_c1_block(%x: tensor<?x48xf32>) {
  // expected-error @+1 {{quantize-c1}}
  %q = gemma.quantize %x : tensor<?x48xf32> -> tensor<?x48xi8, #gemma.blocks<32>>
  return
}

// -----

func.func @quantize_c1_no_size(%x: tensor<?x48xf32>) {
  // expected-error @+1 {{quantize-c1}}
  %q = gemma.quantize %x : tensor<?x48xf32> -> tensor<?x48xi8, #gemma.blocks<0>>
  return
}

// -----

gemma.weight @w : tensor<64x64xf32> from ["w"]
func.func @linear_c5(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{linear-c5: cap is -1.000000e+00, but must be positive}}
  %y = gemma.linear %x, @w cap -1.0 : tensor<?x64xf32> -> tensor<?x64xf32>
  return
}
