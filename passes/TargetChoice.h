//===- TargetChoice.h - the machine that a pass decides for, as its option ------------------------------===//

#ifndef GEMMAC_PASSES_TARGETCHOICE_H
#define GEMMAC_PASSES_TARGETCHOICE_H

#include "contract/Target.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir {
class Operation;
}

namespace gemmac {

/// In C++ any target, which outlives the pass; in a pipeline's text the name of one that there is a row for.
struct TargetChoice {
  const Target *target;

  /// This machine, if there is a row for it.
  TargetChoice();
  TargetChoice(const Target *target) : target(target) {}

  /// Null, with an error at `op`, where there is no row for this machine and no other was named.
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
