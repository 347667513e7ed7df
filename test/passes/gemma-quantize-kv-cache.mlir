// RUN: gemmac-opt %s --gemma-quantize-kv-cache=scheme=f16 | FileCheck %s
// RUN: gemmac-opt %s --gemma-quantize-kv-cache | FileCheck %s --check-prefix=F32
// RUN: gemmac-opt %s --gemma-quantize-kv-cache=scheme=global=q8_0,sliding=f16 | FileCheck %s --check-prefix=KINDS
// RUN: not gemmac-opt %s --gemma-quantize-kv-cache=scheme=q4_0 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: not gemmac-opt %s --gemma-quantize-kv-cache=scheme=local=f16,global=f16 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not gemmac-opt %s --gemma-quantize-kv-cache=scheme=global=f16,global=f16 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not gemmac-opt %s --gemma-quantize-kv-cache=scheme=global=f16 2>&1 | FileCheck %s --check-prefix=MISSING

// REFUSED: there is no scheme 'q4_0' for keys and values; there are f32, f16, q8_0
// KIND: there are no 'local' layers to store keys and values of; there are sliding and global ones
// TWICE: 'global=f16,global=f16' says twice how global layers store keys and values
// MISSING: 'global=f16' does not say how sliding layers store keys and values, as sliding=f16,global=q8_0 does

// KINDS: gemma.cache @layer0.cache : tensor<31x1x32xf32> scheme f16
// KINDS: gemma.cache @layer1.cache : tensor<64x1x32xf32> scheme q8_0
// CHECK: gemma.cache @layer0.cache : tensor<31x1x32xf32> scheme f16
// CHECK: gemma.cache @layer1.cache : tensor<64x1x32xf32> scheme f16
// F32: gemma.cache @layer0.cache : tensor<31x1x32xf32> {gemma.sliding}
gemma.cache @layer0.cache : tensor<31x1x32xf32> {gemma.sliding}
gemma.cache @layer1.cache : tensor<64x1x32xf32>
// Weights have a pass of their own.
// CHECK: gemma.weight @w : tensor<64xf32> from
gemma.weight @w : tensor<64xf32> from ["w"]
