//===- GemmaInterfaces.td - properties of ops that passes query -----------------------------------------===//
// An op states its needs and properties; passes decide how memory and threads serve it.

#ifndef GEMMAC_DIALECTS_GEMMA_INTERFACES
#define GEMMAC_DIALECTS_GEMMA_INTERFACES

include "mlir/IR/OpBase.td"

def Gemma_StorageUser : OpInterface<"StorageUser"> {
  let cppNamespace = "::gemmac::gemma";
  let description = [{
    An op that names weights or caches.
  }];
  let methods = [
    InterfaceMethod<[{
      The weights and caches that the op names, with their roles, in the order of its kernel's arguments; absent ones are skipped.
    }], "::llvm::SmallVector<::gemmac::gemma::Storage>", "getStorage">
  ];
}

def Gemma_MatrixOp : OpInterface<"MatrixOp"> {
  let cppNamespace = "::gemmac::gemma";
  let description = [{
    An op that multiplies rows with a weight; each number of its result is a product with one row of the weight.
  }];
  let methods = [
    InterfaceMethod<"The rows.", "::mlir::OpOperand &", "getRowsOperand", (ins), "", [{
      return $_op.getXMutable();
    }]>,
    InterfaceMethod<"The weight.", "::mlir::FlatSymbolRefAttr", "getMatrix", (ins), "", [{
      return $_op.getWeightAttr();
    }]>,
    InterfaceMethod<"The row of the weight (of each expert's) that gives the first number of the result.",
                    "int64_t", "getFirstRow", (ins), "", "return 0;">,
    InterfaceMethod<[{
      Replaces the weight and sets the first row that is used, which is 0 for ops that read whole weights.
    }], "void", "setMatrix", (ins "::mlir::FlatSymbolRefAttr":$matrix, "int64_t":$firstRow), "", [{
      assert(firstRow == 0 && "this op reads whole weights");
      $_op.setWeightAttr(matrix);
    }]>,
    InterfaceMethod<[{
      The first axis of the result that indexes rows of the weight; the axes after it subdivide that index.
    }], "int64_t", "getOutputAxis", (ins), "", [{
      return ::mlir::cast<::mlir::RankedTensorType>($_op.getType()).getRank() - 1;
    }]>
  ];
}

def Gemma_KernelOp : OpInterface<"KernelOp"> {
  let cppNamespace = "::gemmac::gemma";
  let description = [{
    An op that one kernel computes. The kernel's arguments are the operands, then what `StorageUser` names, then the results.
  }];
  let methods = [
    InterfaceMethod<[{
      The kernel's family and constants. `symbols` are those of the module, whose weights have their scheme and layout; with `oneToken` every call of the
      op has one token.
    }], "::gemmac::KernelSpec", "getKernelSpec", (ins "const ::mlir::SymbolTable &":$symbols, "bool":$oneToken)>,
    InterfaceMethod<"How the kernel sees the axes of its arguments.", "::gemmac::gemma::KernelAxes", "getKernelAxes",
                    (ins), "", "return ::gemmac::gemma::KernelAxes::asTheyAre;">,
    InterfaceMethod<"Which parts of the result can be computed independently.", "::gemmac::gemma::Parts", "getParts",
                    (ins), "", "return ::gemmac::gemma::Parts::tokens;">,
    InterfaceMethod<"The operand whose memory the result may reuse; null if the kernel does not work in place.",
                    "::mlir::Value", "getInPlaceOperand", (ins), "", "return {};">,
    InterfaceMethod<"The number of rows of a result, if it is not constant.", "::gemmac::gemma::RowCount",
                    "getRowCount", (ins "::mlir::OpResult":$result), "", [{
      return ::gemmac::gemma::RowCount{$_op->getOperand(0)};
    }]>
  ];
}

#endif
