// RUN: gemmac-opt %s --gemma-quantize-weights=scheme=file | FileCheck %s

// Formats of files that are no schemes: those with small integers become what has these integers.
// CHECK: @iq1_m : tensor<256x256xf32> scheme q6_k
gemma.weight @iq1_m : tensor<256x256xf32> from ["a"] {gemma.stored = ["iq1_m"]}
// CHECK: @iq3_s : tensor<256x256xf32> scheme q6_k
gemma.weight @iq3_s : tensor<256x256xf32> from ["b"] {gemma.stored = ["iq3_s"]}
// CHECK: @tq2_0 : tensor<256x256xf32> scheme q2_k
gemma.weight @tq2_0 : tensor<256x256xf32> from ["c"] {gemma.stored = ["tq2_0"]}
// CHECK: @iq2_xxs : tensor<256x256xf32> scheme q8_0
gemma.weight @iq2_xxs : tensor<256x256xf32> from ["d"] {gemma.stored = ["iq2_xxs"]}
// CHECK: @iq2_s : tensor<256x256xf32> scheme q8_0
gemma.weight @iq2_s : tensor<256x256xf32> from ["e"] {gemma.stored = ["iq2_s"]}

func.func @score(%x: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %0 = gemma.linear %x, @iq1_m : tensor<?x256xf32> -> tensor<?x256xf32>
  %1 = gemma.linear %0, @iq3_s : tensor<?x256xf32> -> tensor<?x256xf32>
  %2 = gemma.linear %1, @tq2_0 : tensor<?x256xf32> -> tensor<?x256xf32>
  %3 = gemma.linear %2, @iq2_xxs : tensor<?x256xf32> -> tensor<?x256xf32>
  %4 = gemma.linear %3, @iq2_s : tensor<?x256xf32> -> tensor<?x256xf32>
  return %4 : tensor<?x256xf32>
}
