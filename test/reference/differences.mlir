// RUN: sed 's/scale 1.0/scale 1.5/' %s > %t
// RUN: not gemma-interpret %s --compare %t --ids 1 --weight-value 1 | FileCheck %s
// RUN: gemma-interpret %s --compare %t --tolerance 0.5 --ids 1 --weight-value 1 | FileCheck %s

// Other numbers are a difference, unless it is tolerated.
// CHECK: largest difference 0.5{{$}}

gemma.weight @table : tensor<2x2xf32> from ["table"]

func.func @forward(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x2xf32>
  return %x : tensor<?x2xf32>
}
