// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=file | FileCheck %s
// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=q4_0 | FileCheck %s --check-prefix=FORCED

// FORCED-COUNT-12: scheme q4_0
// FORCED-NOT: scheme

// What is one of our schemes stays; what is not becomes blocks of eight bits, or floats.
// CHECK: @f32 : tensor<64x64xf32> from
gemma.weight @f32 : tensor<64x64xf32> from ["a"] {gemma.stored = ["f32"]}
// CHECK: @f16 : tensor<64x64xf32> from
gemma.weight @f16 : tensor<64x64xf32> from ["b"] {gemma.stored = ["f16"]}
// CHECK: @bf16 : tensor<64x64xf32> scheme bf16
gemma.weight @bf16 : tensor<64x64xf32> from ["c"] {gemma.stored = ["bf16"]}
// CHECK: @q8_0 : tensor<64x64xf32> scheme q8_0
gemma.weight @q8_0 : tensor<64x64xf32> from ["d"] {gemma.stored = ["q8_0"]}
// CHECK: @q4_0 : tensor<64x64xf32> scheme q4_0
gemma.weight @q4_0 : tensor<64x64xf32> from ["e"] {gemma.stored = ["q4_0"]}
// CHECK: @q6_k : tensor<256x64xf32> scheme q8_0
gemma.weight @q6_k : tensor<256x64xf32> from ["f"] {gemma.stored = ["q6_k"]}
// CHECK: @q4_1 : tensor<64x256xf32> scheme q4_1
gemma.weight @q4_1 : tensor<64x256xf32> from ["g"] {gemma.stored = ["q4_1"]}
// CHECK: @mxfp4 : tensor<64x64xf32> scheme q8_0
gemma.weight @mxfp4 : tensor<64x64xf32> from ["h"] {gemma.stored = ["mxfp4"]}

// A stack that is read as a whole is left so: the widest scheme holds it.
// CHECK: @fours : tensor<64x64xf32> scheme q4_0
gemma.weight @fours : tensor<64x64xf32> from ["i", "j"] {gemma.stored = ["q4_0", "q4_0"]}
// CHECK: @four_and_six : tensor<64x64xf32> scheme q8_0
gemma.weight @four_and_six : tensor<64x64xf32> from ["k", "l"] parts [32, 32] {gemma.stored = ["q4_0", "q6_k"]}
// CHECK: @with_bf16 : tensor<64x64xf32> scheme bf16
gemma.weight @with_bf16 : tensor<64x64xf32> from ["m", "n", "o"] parts [16, 16, 32] {gemma.stored = ["q8_0", "bf16", "q4_0"]}

// Where nobody said how it is stored.
// CHECK: @unsaid : tensor<64x64xf32> from
gemma.weight @unsaid : tensor<64x64xf32> from ["p"]

// Not a matrix: norms and the router are f32 however they are stored.
// CHECK: @norm : tensor<64xf32> from
gemma.weight @norm : tensor<64xf32> from ["q"] {gemma.stored = ["bf16"]}

func.func @score(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = gemma.linear %x, @f32 : tensor<?x64xf32> -> tensor<?x64xf32>
  %1 = gemma.linear %0, @f16 : tensor<?x64xf32> -> tensor<?x64xf32>
  %2 = gemma.linear %1, @bf16 : tensor<?x64xf32> -> tensor<?x64xf32>
  %3 = gemma.linear %2, @q8_0 : tensor<?x64xf32> -> tensor<?x64xf32>
  %4 = gemma.linear %3, @q4_0 : tensor<?x64xf32> -> tensor<?x64xf32>
  %5 = gemma.linear %4, @q6_k : tensor<?x64xf32> -> tensor<?x256xf32>
  %6 = gemma.linear %5, @q4_1 : tensor<?x256xf32> -> tensor<?x64xf32>
  %7 = gemma.linear %6, @mxfp4 : tensor<?x64xf32> -> tensor<?x64xf32>
  %8 = gemma.linear %7, @fours : tensor<?x64xf32> -> tensor<?x64xf32>
  %9 = gemma.linear %8, @four_and_six : tensor<?x64xf32> -> tensor<?x64xf32>
  %10 = gemma.linear %9, @with_bf16 : tensor<?x64xf32> -> tensor<?x64xf32>
  %11 = gemma.linear %10, @unsaid : tensor<?x64xf32> -> tensor<?x64xf32>
  %12 = gemma.rms_norm %11, @norm eps 1.0e-06 : tensor<?x64xf32>
  return %12 : tensor<?x64xf32>
}
