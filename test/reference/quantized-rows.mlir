// RUN: gemma-interpret %s --weight-value 0.5 --ids 0 --function rows | FileCheck %s --check-prefix=ROWS
// RUN: gemma-interpret %s --weight-value 0.5 --ids 0 --function product | FileCheck %s --check-prefix=PRODUCT

// Rows of int8 are printed as the numbers that they stand for.
// ROWS:      1x32xi8
// ROWS-NEXT: [0] 0.5 0.5

// PRODUCT:      1x1xf32
// PRODUCT-NEXT: [0] 8

// A norm or a gated product that leaves int8 rows, and a capped linear, are the ops that they stand for.
// RUN: gemma-interpret %s --weight-value 0.5 --ids 0 --function apart > %t.apart
// RUN: gemma-interpret %s --weight-value 0.5 --ids 0 --function fused > %t.fused
// RUN: cmp %t.apart %t.fused

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

func.func @apart(%ids: tensor<?xi32>) -> tensor<?x1xf32> {
  %x = gemma.embed %ids, @table scale 1.3 : tensor<?xi32> -> tensor<?x32xf32>
  %n = gemma.rms_norm %x eps 1.0e-06 : tensor<?x32xf32>
  %g = gemma.gelu_mul %n, %x : tensor<?x32xf32>
  %q = gemma.quantize %g : tensor<?x32xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  %y = gemma.linear %q, @w : tensor<?x32xi8, #gemma.blocks<32>> -> tensor<?x1xf32>
  %m = gemma.quantize %n : tensor<?x32xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  %z = gemma.linear %m, @w : tensor<?x32xi8, #gemma.blocks<32>> -> tensor<?x1xf32>
  %c = gemma.softcap %y cap 2.0 : tensor<?x1xf32>
  %r = arith.addf %c, %z : tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}

func.func @fused(%ids: tensor<?xi32>) -> tensor<?x1xf32> {
  %x = gemma.embed %ids, @table scale 1.3 : tensor<?xi32> -> tensor<?x32xf32>
  %n = gemma.rms_norm %x eps 1.0e-06 : tensor<?x32xf32>
  %q = gemma.gelu_mul %n, %x : tensor<?x32xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  %c = gemma.linear %q, @w cap 2.0 : tensor<?x32xi8, #gemma.blocks<32>> -> tensor<?x1xf32>
  %m = gemma.rms_norm %x eps 1.0e-06 : tensor<?x32xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
  %z = gemma.linear %m, @w : tensor<?x32xi8, #gemma.blocks<32>> -> tensor<?x1xf32>
  %r = arith.addf %c, %z : tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}
