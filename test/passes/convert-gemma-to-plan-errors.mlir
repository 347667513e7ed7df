// RUN: gemmac-opt %s --gemma-select-kernels=target=generic-aarch64 --convert-gemma-to-plan --split-input-file --verify-diagnostics

module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64} {
// expected-error @+1 {{argument 0 of @unnamed has no name for callers, `gemma.port`}}
func.func @unnamed(%ids: tensor<?xi32>) {
  return
}
}

// -----

// expected-error @+2 {{calls of @uncounted have no number of tokens: neither `gemma.tokens` nor the module's `gemma.max_tokens` is a positive integer}}
module attributes {gemma.context = 64 : i64} {
func.func @uncounted(%ids: tensor<?xi32> {gemma.port = "tokens"}) {
  return
}
}

// -----

module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64} {
// expected-error @+1 {{result 0 of @back is an argument, a slice or another result: it has no memory of its own}}
func.func @back(%ids: tensor<?xi32> {gemma.port = "tokens"}) -> (tensor<?xi32> {gemma.port = "again"}) {
  return %ids : tensor<?xi32>
}
}

// -----

module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64} {
gemma.weight @embedding : tensor<64x64xf32> from ["e"]
// expected-error @+1 {{result 1 of @twice is an argument, a slice or another result: it has no memory of its own}}
func.func @twice(%ids: tensor<?xi32> {gemma.port = "tokens"}) -> (tensor<?x64xf32> {gemma.port = "x"}, tensor<?x64xf32> {gemma.port = "y"}) {
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  return %x, %x : tensor<?x64xf32>, tensor<?x64xf32>
}
}

// -----

module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64} {
gemma.weight @embedding : tensor<64x64xf32> from ["e"]
// expected-error @+1 {{result 0 of @blocks is nothing that a caller can have}}
func.func @blocks(%ids: tensor<?xi32> {gemma.port = "tokens"}) -> (tensor<?x64xi8, #gemma.blocks<32>> {gemma.port = "x"}) {
  %x = gemma.embed %ids, @embedding scale 8.0 : tensor<?xi32> -> tensor<?x64xf32>
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  return %q : tensor<?x64xi8, #gemma.blocks<32>>
}
}
