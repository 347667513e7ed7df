// RUN: gemma-interpret %s --weight-value 0.5 --ids 0 --function rows | FileCheck %s --check-prefix=ROWS
// RUN: gemma-interpret %s --weight-value 0.5 --ids 0 --function product | FileCheck %s --check-prefix=PRODUCT

// Rows of int8 are printed as the numbers that they stand for.
// ROWS:      1x32xi8
// ROWS-NEXT: [0] 0.5 0.5

// PRODUCT:      1x1xf32
// PRODUCT-NEXT: [0] 8

gemma.weight @table : tensor<1x32xf32> from ["table"]
gemma.weight @w : tensor<1x32xf32> scheme q4_0 from ["w"]

func.func @rows(%ids: tensor<?xi32>) -> tensor<?x32xi8, #gemma.blocks<32>> {
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x32xf32>
  %q = gemma.quantize %x : tensor<?x32xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  return %q : tensor<?x32xi8, #gemma.blocks<32>>
}

func.func @product(%ids: tensor<?xi32>) -> tensor<?x1xf32> {
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x32xf32>
  %q = gemma.quantize %x : tensor<?x32xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  %y = gemma.linear %q, @w : tensor<?x32xi8, #gemma.blocks<32>> -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
