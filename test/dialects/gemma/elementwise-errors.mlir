// RUN: gemmac-opt %s --split-input-file --verify-diagnostics

gemma.weight @norm : tensor<32xf32> from ["n"]
func.func @rms_norm_c1_length(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{rms-norm-c1: @norm has type 'tensor<32xf32>', but a vector of 64 is needed}}
  %y = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c1_missing(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{rms-norm-c1: @norm names no gemma.weight}}
  %y = gemma.rms_norm %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{rms-norm-c2: eps is 0.000000e+00, but must be positive}}
  %y = gemma.rms_norm %x eps 0.0 : tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c3_shape(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{rms-norm-c3: the result has type 'tensor<?x32xi8, #gemma.blocks<32>>', but 'tensor<?x64xf32>', or int8 in its shape with the encoding #gemma.blocks of a size that divides the last axis, is needed}}
  %y = gemma.rms_norm %x eps 1.0e-06 : tensor<?x64xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  return
}

// -----

func.func @rms_norm_c3_no_blocks(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{rms-norm-c3}}
  %y = gemma.rms_norm %x eps 1.0e-06 : tensor<?x64xf32> -> tensor<?x64xi8>
  return
}

// -----

func.func @gelu_mul_c1(%x: tensor<?x48xf32>) {
  // expected-error @+1 {{gelu-mul-c1}}
  %y = gemma.gelu_mul %x, %x : tensor<?x48xf32> -> tensor<?x48xi8, #gemma.blocks<32>>
  return
}

// -----

gemma.weight @norm : tensor<8x64xf32> from ["n"]
func.func @add_norm_c1(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{add-norm-c1: @norm has type 'tensor<8x64xf32>', but a vector of 64 is needed}}
  %y = gemma.add_norm %x, %x, @norm eps 1.0e-06 : tensor<?x64xf32>
  return
}

// -----

gemma.weight @norm : tensor<64xf32> from ["n"]
func.func @add_norm_c2(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{add-norm-c2: @norm has type 'tensor<64xf32>', but a vector of 1 is needed}}
  %y = gemma.add_norm %x, %x, @norm eps 1.0e-06 scalar @norm : tensor<?x64xf32>
  return
}

// -----

func.func @scale_c1_neither(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{scale-c1: one of `by` and `scalar` is needed, not neither}}
  %y = gemma.scale %x : tensor<?x64xf32>
  return
}

// -----

gemma.weight @scalar : tensor<1xf32> from ["s"]
func.func @scale_c1_both(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{scale-c1: one of `by` and `scalar` is needed, not both}}
  %y = gemma.scale %x by 2.0 scalar @scalar : tensor<?x64xf32>
  return
}

// -----

gemma.weight @scalar : tensor<2xf32> from ["s"]
func.func @scale_c2(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{scale-c2: @scalar has type 'tensor<2xf32>', but a vector of 1 is needed}}
  %y = gemma.scale %x scalar @scalar : tensor<?x64xf32>
  return
}

// -----

func.func @softcap_c1(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{softcap-c1: cap is -3.000000e+01, but must be positive}}
  %y = gemma.softcap %x cap -30.0 : tensor<?x64xf32>
  return
}

// -----

func.func @slice_c1_tokens(%x: tensor<?x6x32xf32>) {
  // expected-error @+1 {{slice-c1: axis 0 is no inner axis of 'tensor<?x6x32xf32>'}}
  %y = gemma.slice %x axis 0 from 0 : tensor<?x6x32xf32> -> tensor<1x6x32xf32>
  return
}

// -----

func.func @slice_c1_beyond(%x: tensor<?x6x32xf32>) {
  // expected-error @+1 {{slice-c1: axis 3}}
  %y = gemma.slice %x axis 3 from 0 : tensor<?x6x32xf32> -> tensor<?x6x32xf32>
  return
}

// -----

func.func @slice_c2_other_axis(%x: tensor<?x6x32xf32>) {
  // expected-error @+1 {{slice-c2: 'tensor<?x4x16xf32>' is not 'tensor<?x6x32xf32>' with another size of axis 1}}
  %y = gemma.slice %x axis 1 from 0 : tensor<?x6x32xf32> -> tensor<?x4x16xf32>
  return
}

// -----

func.func @slice_c2_drop(%x: tensor<?x6x32xf32>) {
  // expected-error-re @+1 {{slice-c2: {{.*}} axis 1, dropped}}
  %y = gemma.slice %x axis 1 from 0 drop : tensor<?x6x32xf32> -> tensor<?x1x32xf32>
  return
}

// -----

func.func @slice_c3(%x: tensor<?x6x32xf32>) {
  // expected-error @+1 {{slice-c3: 4 indices from 3 on do not lie in axis 1 of 'tensor<?x6x32xf32>'}}
  %y = gemma.slice %x axis 1 from 3 : tensor<?x6x32xf32> -> tensor<?x4x32xf32>
  return
}

// -----

func.func @slice_c3_drop(%x: tensor<?x6x32xf32>) {
  // expected-error @+1 {{slice-c3: 1 indices from 6 on}}
  %y = gemma.slice %x axis 1 from 6 drop : tensor<?x6x32xf32> -> tensor<?x32xf32>
  return
}
