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

// expected-error @+1 {{cache-c1: has type 'tensor<8x32xf32>', but (slots, kv heads, dim) are needed}}
gemma.cache @c : tensor<8x32xf32>

// -----

// expected-error @+1 {{cache-c1}}
gemma.cache @c : tensor<?x1x32xf32>

// -----

// expected-error @+1 {{cache-c2: keys and values are stored as one of f32, f16, q8_0, not q4_0}}
gemma.cache @c : tensor<8x1x32xf32> scheme q4_0
