// RUN: gemmac-opt %s | gemmac-opt | FileCheck %s

gemma.cache @cache : tensor<31x1x32xf32>

// CHECK-LABEL: @rope
func.func @rope(%x: tensor<?x4x64xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x4x64xf32> {
  // CHECK: gemma.rope %{{.*}} theta 1.000000e+06 pairs 8 : tensor<?x4x64xf32>
  %a = gemma.rope %x theta 1.0e+06 pairs 8 : tensor<?x4x64xf32>
  // CHECK: gemma.rope %{{.*}} at %{{.*}} theta 1.000000e+04 pairs 32 factor 8.000000e+00 : tensor<?x4x64xf32>
  %b = gemma.rope %a at %positions theta 1.0e+04 pairs 32 factor 8.0 : tensor<?x4x64xf32>
  return %b : tensor<?x4x64xf32>
}

// CHECK-LABEL: @steps
func.func @steps(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>, %v: tensor<?x1x32xf32>) -> tensor<?x4x32xf32> {
  // CHECK: gemma.scores %{{.*}}, %{{.*}} scale 1.000000e+00 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
  %s = gemma.scores %q, %k scale 1.0 : tensor<?x4x32xf32>, tensor<?x1x32xf32> -> tensor<?x4x?xf32>
  // CHECK: gemma.mask %{{.*}} window 16 : tensor<?x4x?xf32>
  %m = gemma.mask %s window 16 : tensor<?x4x?xf32>
  // CHECK: gemma.mask %{{.*}} : tensor<?x4x?xf32>
  %n = gemma.mask %m : tensor<?x4x?xf32>
  // CHECK: gemma.mix %{{.*}}, %{{.*}} : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
  %o = gemma.mix %n, %v : tensor<?x4x?xf32>, tensor<?x1x32xf32> -> tensor<?x4x32xf32>
  return %o : tensor<?x4x32xf32>
}

// CHECK-LABEL: @attention
func.func @attention(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>, %v: tensor<?x1x32xf32>) -> tensor<?x4x32xf32> {
  // CHECK: gemma.attention %{{.*}}, %{{.*}}, %{{.*}} scale 1.000000e+00 window 16 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  %a = gemma.attention %q, %k, %v scale 1.0 window 16 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  // CHECK: gemma.attention %{{.*}} scale 6.250000e-02 : tensor
  %b = gemma.attention %a, %k, %v scale 0.0625 : tensor<?x4x32xf32>, tensor<?x1x32xf32>
  return %b : tensor<?x4x32xf32>
}

// CHECK-LABEL: @cached
func.func @cached(%q: tensor<?x4x32xf32>, %k: tensor<?x1x32xf32>, %positions: tensor<?xi32>, %visible: tensor<?xi32>) -> tensor<?x4x32xf32> {
  // CHECK: gemma.cache_write %{{.*}}, %{{.*}}, @cache at %{{.*}} : tensor<?x1x32xf32>
  gemma.cache_write %k, %k, @cache at %positions : tensor<?x1x32xf32>
  // CHECK: gemma.cached_attention %{{.*}}, @cache at %{{.*}} scale 1.000000e+00 window 16 : tensor<?x4x32xf32>
  %o = gemma.cached_attention %q, @cache at %positions seeing %visible scale 1.0 window 16 : tensor<?x4x32xf32>
  return %o : tensor<?x4x32xf32>
}
