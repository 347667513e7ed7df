//===- TargetChoice.cpp - the target of a pass, as its option -------------------------------------------===//

#include "passes/TargetChoice.h"
#include "mlir/IR/Operation.h"
#include "targets/Devices.h"

namespace gemmac {

TargetChoice::TargetChoice() : target(findTarget("host")) {}

const Target *TargetChoice::get(mlir::Operation *op) const {
  if (!target)
    op->emitError("there is no row for this machine; `target` can be ") << targetNames();
  return target;
}

} // namespace gemmac

namespace llvm::cl {

bool parser<gemmac::TargetChoice>::parse(Option &option, StringRef flag, StringRef name,
                                         gemmac::TargetChoice &choice) {
  choice.target = gemmac::findTarget(name);
  return !choice.target &&
         option.error("unknown target '" + name + "'; known are " + gemmac::targetNames(), flag);
}

void parser<gemmac::TargetChoice>::print(raw_ostream &stream, const gemmac::TargetChoice &choice) {
  stream << (choice.target ? choice.target->name : "host");
}

void parser<gemmac::TargetChoice>::printOptionDiff(const Option &option, const gemmac::TargetChoice &choice,
                                                   const OptionValue<gemmac::TargetChoice> &,
                                                   size_t width) const {
  printOptionName(option, width);
  outs() << "= ";
  print(outs(), choice);
  outs() << "\n";
}

} // namespace llvm::cl
