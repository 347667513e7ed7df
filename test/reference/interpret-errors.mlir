// RUN: not gemma-interpret %s --weight-value 1 --ids 0 2>&1 | FileCheck %s --check-prefix=OP
// RUN: not gemma-interpret %s --weight-value 1 --ids 2 2>&1 | FileCheck %s --check-prefix=TOKEN
// RUN: not gemma-interpret %s --weight-value 1 --ids 0 --function score 2>&1 | FileCheck %s --check-prefix=FUNCTION

// OP: error: {{.*}}interpret-errors.mlir{{.*}}'arith.negf' has no meaning for the reference interpreter
// TOKEN: 'gemma.embed' token 2 is outside a table of 2 rows
// FUNCTION: error: the module has no function @score

gemma.weight @table : tensor<2x2xf32> from ["table"]

func.func @forward(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x2xf32>
  %y = arith.negf %x : tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
