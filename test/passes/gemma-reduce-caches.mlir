// RUN: gemmac-opt %s --gemma-reduce-caches --split-input-file | FileCheck %s

// Key and value are one projection, normed, and half of the pairs is not turned.
// CHECK: gemma.cache @shared : tensor<64x1x32xf32> pairs 8
// CHECK: gemma.cached_attention {{.*}} @shared key_weight @w at
// CHECK: gemma.cached_attention {{.*}} @shared key_weight @w at {{.*}} window 6
gemma.weight @w : tensor<32xf32> from ["w"]
gemma.cache @shared : tensor<64x1x32xf32>
func.func @forward(%x: tensor<?x1x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x1x32xf32> {
  %kn = gemma.rms_norm %x, @w eps 1.0e-06 : tensor<?x1x32xf32>
  %k = gemma.rope %kn at %positions theta 1.0e+06 pairs 8 : tensor<?x1x32xf32>
  %v = gemma.rms_norm %x eps 1.0e-06 : tensor<?x1x32xf32>
  gemma.cache_write %k, %v, @shared at %positions : tensor<?x1x32xf32>
  %o = gemma.cached_attention %x, @shared at %positions seeing %visible scale 1.0 : tensor<?x1x32xf32>
  %p = gemma.cached_attention %o, @shared at %positions seeing %visible scale 1.0 window 6 : tensor<?x1x32xf32>
  return %p : tensor<?x1x32xf32>
}

// -----

// Every pair is turned; another projection; another epsilon; a value with a weight; two writers that differ.
// CHECK-NOT: {{gemma.cache .*}}pairs
// CHECK-NOT: key_weight
gemma.weight @w : tensor<32xf32> from ["w"]
gemma.cache @whole : tensor<64x1x32xf32>
gemma.cache @other : tensor<64x1x32xf32>
gemma.cache @epsilon : tensor<64x1x32xf32>
gemma.cache @weighted : tensor<64x1x32xf32>
gemma.cache @two : tensor<64x1x32xf32>
func.func @forward(%x: tensor<?x1x32xf32>, %y: tensor<?x1x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x1x32xf32> {
  %kn = gemma.rms_norm %x, @w eps 1.0e-06 : tensor<?x1x32xf32>
  %k16 = gemma.rope %kn at %positions theta 1.0e+06 pairs 16 : tensor<?x1x32xf32>
  %k8 = gemma.rope %kn at %positions theta 1.0e+06 pairs 8 : tensor<?x1x32xf32>
  %k4 = gemma.rope %kn at %positions theta 1.0e+06 pairs 4 : tensor<?x1x32xf32>
  %v = gemma.rms_norm %x eps 1.0e-06 : tensor<?x1x32xf32>
  %vy = gemma.rms_norm %y eps 1.0e-06 : tensor<?x1x32xf32>
  %ve = gemma.rms_norm %x eps 1.0e-05 : tensor<?x1x32xf32>
  %vw = gemma.rms_norm %x, @w eps 1.0e-06 : tensor<?x1x32xf32>
  gemma.cache_write %k16, %v, @whole at %positions : tensor<?x1x32xf32>
  gemma.cache_write %k8, %vy, @other at %positions : tensor<?x1x32xf32>
  gemma.cache_write %k8, %ve, @epsilon at %positions : tensor<?x1x32xf32>
  gemma.cache_write %k8, %vw, @weighted at %positions : tensor<?x1x32xf32>
  gemma.cache_write %k8, %v, @two at %positions : tensor<?x1x32xf32>
  gemma.cache_write %k4, %v, @two at %positions : tensor<?x1x32xf32>
  %a = gemma.cached_attention %x, @whole at %positions seeing %visible scale 1.0 : tensor<?x1x32xf32>
  %b = gemma.cached_attention %a, @other at %positions seeing %visible scale 1.0 : tensor<?x1x32xf32>
  %c = gemma.cached_attention %b, @epsilon at %positions seeing %visible scale 1.0 : tensor<?x1x32xf32>
  %d = gemma.cached_attention %c, @weighted at %positions seeing %visible scale 1.0 : tensor<?x1x32xf32>
  %e = gemma.cached_attention %d, @two at %positions seeing %visible scale 1.0 : tensor<?x1x32xf32>
  return %e : tensor<?x1x32xf32>
}
