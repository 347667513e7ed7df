// RUN: gemmac-opt %s --gemma-fuse-attention -o %t.fused
// RUN: gemma-interpret %s --compare %t.fused --ids 2,5,3,1,4,0,6 --random-weights 3 | FileCheck %s

// The step of a sequence, in pieces that go around a ring of 2 - 1 + 3 slots.
// RUN: gemmac-opt %t.fused --gemma-schedule-attention -o %t.step
// RUN: gemma-interpret %s --compare %t.step --phase score --chunk 3 --ids 2,5,3,1,4,0,6 --random-weights 3 | FileCheck %s

// RUN: gemmac-opt %t.step --gemma-split-phases -o %t.phases
// RUN: gemma-interpret %s --compare %t.phases --phase score --chunk 2 --ids 2,5,3,1,4,0,6 --random-weights 3 | FileCheck %s
// RUN: gemma-interpret %s --compare %t.phases --phase decode --chunk 2 --ids 2,5,3,1,4,0,6 --random-weights 3 | FileCheck %s

// CHECK: largest difference 0{{$}}

module attributes {gemma.name = "one_head", gemma.context = 8 : i64, gemma.max_tokens = 3 : i64} {
  gemma.weight @embedding : tensor<8x4xf32> from ["embedding"]
  gemma.weight @layer0.key : tensor<4x4xf32> from ["key"]

  func.func @forward(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
    %x = gemma.embed %ids, @embedding scale 2.0 : tensor<?xi32> -> tensor<?x4xf32>
    %q = gemma.linear %x, @layer0.key {gemma.layer = 0 : i64} : tensor<?x4xf32> -> tensor<?x1x4xf32>
    %k = gemma.rope %q theta 1.0e+04 pairs 2 {gemma.layer = 0 : i64} : tensor<?x1x4xf32>
    %s = gemma.scores %k, %k scale 1.0 {gemma.layer = 0 : i64} : tensor<?x1x4xf32>, tensor<?x1x4xf32> -> tensor<?x1x?xf32>
    %m = gemma.mask %s window 2 {gemma.layer = 0 : i64} : tensor<?x1x?xf32>
    %p = gemma.softmax %m {gemma.layer = 0 : i64} : tensor<?x1x?xf32>
    %o = gemma.mix %p, %q {gemma.layer = 0 : i64} : tensor<?x1x?xf32>, tensor<?x1x4xf32> -> tensor<?x1x4xf32>
    %y = gemma.linear %o, @embedding : tensor<?x1x4xf32> -> tensor<?x8xf32>
    return %y : tensor<?x8xf32>
  }
}
