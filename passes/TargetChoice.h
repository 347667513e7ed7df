//===- TargetChoice.h - the target of a pass, as its option ---------------------------------------------===//

#ifndef GEMMAC_PASSES_TARGETCHOICE_H
#define GEMMAC_PASSES_TARGETCHOICE_H

#include "contract/Target.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir {
class Operation;
}

namespace gemmac {

/// In C++ any target that outlives the pass; in a textual pipeline the name of a row.
struct TargetChoice {
  const Target *target;

  /// The row of the host machine; null if there is none.
  TargetChoice();
  TargetChoice(const Target *target) : target(target) {}

  /// Null, with an error at `op`, if the host has no row and no other target was named.
  const Target *get(mlir::Operation *op) const;
};

} // namespace gemmac

namespace llvm::cl {
template <>
class parser<gemmac::TargetChoice> : public basic_parser<gemmac::TargetChoice> {
public:
  using basic_parser::basic_parser;
  bool parse(Option &option, StringRef flag, StringRef name, gemmac::TargetChoice &choice);
  StringRef getValueName() const override { return "target"; }
  static void print(raw_ostream &stream, const gemmac::TargetChoice &choice);
  void printOptionDiff(const Option &option, const gemmac::TargetChoice &choice,
                       const OptionValue<gemmac::TargetChoice> &, size_t width) const;
};
} // namespace llvm::cl

#endif
