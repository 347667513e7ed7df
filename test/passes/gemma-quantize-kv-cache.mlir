// RUN: gemmac-opt %s --gemma-quantize-kv-cache=scheme=f16 | FileCheck %s
// RUN: gemmac-opt %s --gemma-quantize-kv-cache | FileCheck %s --check-prefix=F32
// RUN: not gemmac-opt %s --gemma-quantize-kv-cache=scheme=q8_0 2>&1 | FileCheck %s --check-prefix=REFUSED

// REFUSED: keys and values are stored as f32 or f16, not 'q8_0'

// CHECK: gemma.cache @layer0.cache : tensor<31x1x32xf32> scheme f16
// CHECK: gemma.cache @layer1.cache : tensor<64x1x32xf32> scheme f16
// F32: gemma.cache @layer0.cache : tensor<31x1x32xf32>{{$}}
gemma.cache @layer0.cache : tensor<31x1x32xf32>
gemma.cache @layer1.cache : tensor<64x1x32xf32>
// Weights have a pass of their own.
// CHECK: gemma.weight @w : tensor<64xf32> from
gemma.weight @w : tensor<64xf32> from ["w"]
