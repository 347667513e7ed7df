//===- GemmaBase.td - the dialect, its traits and its types of tensors ----------------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_BASE
#define GEMMAC_DIALECTS_GEMMA_BASE

include "dialects/ContractAttrs.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/gemma/GemmaInterfaces.td"

def Gemma_Dialect : Dialect {
  let name = "gemma";
  let cppNamespace = "::gemmac::gemma";
  let summary = "What a Gemma model computes, in the model's own words";
  let description = [{
    Values are tensors whose first axis is the tokens of the call, `?`; everything else is constant.
    Weights are symbols: their bytes stay in the checkpoint until the packer moves them.

    A freshly imported model is one pure function of a whole sequence, `@forward(ids) -> logits`, in which
    row `i` is at position `i`. The schedule stage turns it into `@prefill`, `@decode` and `@score`, which
    take the position of each token and the last position that it sees, and keep keys and values in caches.
  }];
  // Sums and products of two tensors are arith's.
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let useDefaultAttributePrinterParser = 1;
}

class Gemma_Op<string mnemonic, list<Trait> traits = []> : Op<Gemma_Dialect, mnemonic, traits>;

/// The verifier looks up the op's symbols and checks that they fit the op.
defvar NamesSymbols = DeclareOpInterfaceMethods<SymbolUserOpInterface>;
/// The op lists the weights and caches that it uses.
defvar UsesStorage = DeclareOpInterfaceMethods<Gemma_StorageUser>;

/// The op has a kernel and returns its specification. Its class overrides the interface's defaults with:
defvar HasKernel = DeclareOpInterfaceMethods<Gemma_KernelOp>;
defvar flatAxes = "KernelAxes getKernelAxes() { return KernelAxes::flat; }\n";
defvar rowAxes = "KernelAxes getKernelAxes() { return KernelAxes::rows; }\n";
class PartsAre<string kind> {
  string method = "Parts getParts() { return Parts::" # kind # "; }\n";
}
class InPlaceOf<string operand> {
  string method = "::mlir::Value getInPlaceOperand() { return " # operand # "(); }\n";
}
class RowsLike<string operand> {
  string method = "RowCount getRowCount(::mlir::OpResult) { return RowCount{" # operand # "()}; }\n";
}

def Gemma_BlocksAttr : AttrDef<Gemma_Dialect, "Blocks"> {
  let mnemonic = "blocks";
  let summary = "Encoding of an i8 tensor: every `size` numbers of the last axis share a float32 scale";
  let description = [{
    `tensor<?x1536xi8, #gemma.blocks<32>>` holds, per row, 1536 signed bytes and for each of 48 blocks two scales (f32)
    and two corrections (i32). The number at k is `byte[k] * scale[k / 32, 0]`; the second scale is the first times the
    sum of the block's bytes, for weights with a minimum. Corrections are -8 times the sum of the block's bytes and of its
    first half: weights of less than 8 bits are stored with a bias, and a product with them is too large by so much.
  }];
  let parameters = (ins "int64_t":$size);
  let assemblyFormat = "`<` $size `>`";
}

def Gemma_Ids : RankedTensorOf<[I32]>;
/// One position per token of the call. Positions of a text ascend; the last visible ones never decrease.
def Gemma_Positions
    : Type<CPred<"$_self == ::mlir::RankedTensorType::get({::mlir::ShapedType::kDynamic}, "
                 "::mlir::IntegerType::get($_self.getContext(), 32))">,
           "tensor<?xi32>, a position for each token", "::mlir::RankedTensorType">,
      BuildableType<"::mlir::RankedTensorType::get({::mlir::ShapedType::kDynamic}, $_builder.getI32Type())">;
def Gemma_Floats : RankedTensorOf<[F32]>;
/// Float rows, or rows quantized to int8 in blocks.
def Gemma_Rows : RankedTensorOf<[F32, I8]>;

#endif
