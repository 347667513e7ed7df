// RUN: gemma-interpret %s --weight-value 2 --ids 0,1 | FileCheck %s

// A float result is its shape, then a line a row.
// CHECK:      2x2xf32
// CHECK-NEXT: [0] 12 12
// CHECK-NEXT: [1] 12 12

gemma.weight @table : tensor<2x2xf32> from ["table"]

func.func @forward(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %x = gemma.embed %ids, @table scale 1.5 : tensor<?xi32> -> tensor<?x2xf32>
  %y = arith.mulf %x, %x : tensor<?x2xf32>
  %z = arith.addf %y, %x : tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}
