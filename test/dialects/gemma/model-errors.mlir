// RUN: gemmac-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{weight-c1: names no tensor of the checkpoint}}
gemma.weight @w : tensor<4x32xf32> from []

// -----

// expected-error @+1 {{weight-c2: has type 'tensor<1x2x3x4xf32>', but one to three positive sizes are needed}}
gemma.weight @w : tensor<1x2x3x4xf32> from ["w"]

// -----

// expected-error @+1 {{weight-c2}}
gemma.weight @w : tensor<f32> from ["w"]

// -----

// expected-error @+1 {{weight-c2}}
gemma.weight @w : tensor<0x32xf32> from ["w"]

// -----

// expected-error @+1 {{weight-c2}}
gemma.weight @w : tensor<?x32xf32> from ["w"]

// -----

// expected-error @+1 {{weight-c6: gemma.stored is [1], but must name the schemes of sources}}
gemma.weight @w : tensor<4x64xf32> from ["w"] {gemma.stored = [1]}

// -----

// expected-error @+1 {{weight-c6: gemma.stored is "q4_0", but must name the schemes of sources}}
gemma.weight @w : tensor<4x64xf32> from ["w"] {gemma.stored = "q4_0"}

// -----

// expected-error @+1 {{weight-c3: scheme q4_0 stores blocks of 32, but rows have 48 numbers}}
gemma.weight @w : tensor<4x48xf32> scheme q4_0 from ["w"]

// -----

// expected-error @+1 {{weight-c3: scheme q8_0}}
gemma.weight @w : tensor<4x48xf32> scheme q8_0 from ["w"]

// -----

// expected-error @+1 {{weight-c4: parts are [2, 3], but positive numbers of rows, one for each of 2 sources, must make 4}}
gemma.weight @w : tensor<4x32xf32> from ["a", "b"] parts [2, 3]

// -----

// expected-error @+1 {{weight-c4: parts are [4], but positive numbers of rows, one for each of 2 sources, must make 4}}
gemma.weight @w : tensor<4x32xf32> from ["a", "b"] parts [4]

// -----

// Sums that overflow are no way around it.
// expected-error @+1 {{weight-c4}}
gemma.weight @w : tensor<2x4x32xf32> from ["a", "b", "c"] parts [9223372036854775807, 9223372036854775807, 6]

// -----

// expected-error @+1 {{weight-c5: 'qkv' gives 5 rows, but 4 are needed}}
gemma.weight @w : tensor<4x32xf32> from ["qkv" rows 2 to 7]

// -----

// expected-error @+1 {{weight-c5: 'b' gives 2 rows, but 1 are needed}}
gemma.weight @w : tensor<4x32xf32> from ["a" rows 0 to 3, "b" rows 0 to 2] parts [3, 1]

// -----

// expected-error @+1 {{weight-c5: 'a' gives 64 columns, but 32 are needed}}
gemma.weight @w : tensor<4x32xf32> from ["a" columns 32 to 96]

// -----

// expected-error @+1 {{weight-c5: 'a' gives 4 columns, but 0 are needed}}
gemma.weight @w : tensor<4xf32> from ["a" columns 0 to 4]

// -----

// expected-error @+1 {{rows 4 to 4 are none: a range begins at 0 or later, and ends behind its begin}}
gemma.weight @w : tensor<4x32xf32> from ["a" rows 4 to 4]

// -----

// expected-error @+1 {{rows -4 to 0 are none}}
gemma.weight @w : tensor<4x32xf32> from ["a" rows -4 to 0]

// -----

// The attribute, spelled out, is held to the same.
// expected-error @+1 {{tensors of the checkpoint, or ranges of their rows or columns}}
"gemma.weight"() <{sym_name = "w", type = tensor<4x32xf32>, sources = [{tensor = "a", rows = array<i64: 4, 0>}]}> : () -> ()

// -----

// expected-error @+1 {{cache-c1: has type 'tensor<8x32xf32>', but (slots, kv heads, dim) are needed}}
gemma.cache @c : tensor<8x32xf32>

// -----

// expected-error @+1 {{cache-c1}}
gemma.cache @c : tensor<?x1x32xf32>

// -----

// expected-error @+1 {{cache-c2: keys and values are stored as one of f32, f16, q8_0, not q4_0}}
gemma.cache @c : tensor<8x1x32xf32> scheme q4_0
