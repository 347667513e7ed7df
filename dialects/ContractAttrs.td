//===- ContractAttrs.td - schemes, layouts and sources of weights as attributes -------------------------===//
// Stored as a name of the contract's table; C++ accessors return the contract's type.

#ifndef GEMMAC_DIALECTS_CONTRACT_ATTRS
#define GEMMAC_DIALECTS_CONTRACT_ATTRS

include "mlir/IR/AttrTypeBase.td"

class Contract_NameAttr<string type, string find, string what>
    : Attr<CPred<"::llvm::isa<::mlir::StringAttr>($_self) && " # find # "(::llvm::cast<::mlir::StringAttr>($_self).getValue())">,
           what> {
  let storageType = "::mlir::StringAttr";
  let returnType = type;
  let convertFromStorage = "*" # find # "($_self.getValue())";
  let constBuilderCall = "$_builder.getStringAttr(::gemmac::nameOf($0))";
}

/// How numbers are stored: a row of contract/Scheme.h.
def Contract_SchemeAttr : Contract_NameAttr<"::gemmac::Scheme", "::gemmac::findScheme", "name of a scheme">;

/// How a weight is packed: contract/WeightLayout.h.
def Contract_LayoutAttr : Contract_NameAttr<"::gemmac::Layout", "::gemmac::findLayout", "name of a layout">;

/// Tensors of the checkpoint, or ranges of them: contract/TensorRange.h, read by dialects/Sources.h.
def Contract_SourcesAttr
    : Attr<CPred<"::gemmac::areSources($_self)">, "tensors of the checkpoint, or ranges of their rows or columns"> {
  let storageType = "::mlir::ArrayAttr";
  let returnType = "::mlir::ArrayAttr";
  let convertFromStorage = "$_self";
}

#endif
