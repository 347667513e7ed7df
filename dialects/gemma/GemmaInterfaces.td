//===- GemmaInterfaces.td - what passes ask of an op, whatever it is ------------------------------------===//
// An op says what it needs and what holds for it; how memory and threads serve it is for passes to decide.

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
      What the op names, each with its role, in the order in which its kernel takes them. What is absent has no entry.
    }], "::llvm::SmallVector<::gemmac::gemma::Storage>", "getStorage">
  ];
}

def Gemma_MatrixOp : OpInterface<"MatrixOp"> {
  let cppNamespace = "::gemmac::gemma";
  let description = [{
    An op that multiplies rows with a weight, each number of its result being one row of the weight.
  }];
  let methods = [
    InterfaceMethod<"The rows.", "::mlir::OpOperand &", "getRowsOperand", (ins), "", [{
      return $_op.getXMutable();
    }]>,
    InterfaceMethod<"The weight.", "::mlir::FlatSymbolRefAttr", "getMatrix", (ins), "", [{
      return $_op.getWeightAttr();
    }]>,
    InterfaceMethod<"The row of the weight, or of each expert's, that makes the first number of the result.",
                    "int64_t", "getFirstRow", (ins), "", "return 0;">,
    InterfaceMethod<[{
      Takes another weight, from this row on. Ops that read whole weights have 0.
    }], "void", "setMatrix", (ins "::mlir::FlatSymbolRefAttr":$matrix, "int64_t":$firstRow), "", [{
      assert(firstRow == 0 && "this op reads whole weights");
      $_op.setWeightAttr(matrix);
    }]>,
    InterfaceMethod<[{
      The first axis of the result along which the rows of the weight stand; those behind it divide them further.
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
    InterfaceMethod<"What of the result can be computed apart from the rest.", "::gemmac::gemma::Parts", "getParts",
                    (ins), "", "return ::gemmac::gemma::Parts::tokens;">,
    InterfaceMethod<"The operand whose memory the result may take over; null if the kernel does not work in place.",
                    "::mlir::Value", "getInPlaceOperand", (ins), "", "return {};">,
    InterfaceMethod<"How many rows a result has where their number is not constant.", "::gemmac::gemma::RowCount",
                    "getRowCount", (ins "::mlir::OpResult":$result), "", [{
      return ::gemmac::gemma::RowCount{$_op->getOperand(0)};
    }]>
  ];
}

#endif
