//===- KernelAttr.cpp - a kernel's specification as text ------------------------------------------------===//

#include "contract/KernelSpec.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;

namespace gemmac {

llvm::hash_code hash_value(const Schedule &schedule) {
  llvm::hash_code hash(0);
  for (const ScheduleNumber &number : scheduleNumbers())
    hash = llvm::hash_combine(hash, schedule.*number.value);
  return hash;
}

namespace plan {

static ParseResult parseNumber(AsmParser &parser, Schedule &schedule) {
  StringRef name;
  llvm::SMLoc at = parser.getCurrentLocation();
  if (parser.parseKeyword(&name))
    return failure();
  const ScheduleNumber *number = findScheduleNumber(name);
  if (!number)
    return parser.emitError(at, "kernel-a1: a schedule has no '")
           << name << "'; there are " << namesOfScheduleNumbers();
  if (schedule.*number->value)
    return parser.emitError(at, "kernel-a1: '") << name << "' stands here twice";
  return failure(parser.parseEqual() || parser.parseInteger(schedule.*number->value));
}

Attribute KernelAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc at = parser.getCurrentLocation();
  StringAttr family;
  DictionaryAttr constants;
  Schedule schedule;
  if (parser.parseLess() || parser.parseAttribute(family) || parser.parseComma() ||
      parser.parseAttribute(constants))
    return {};
  if (succeeded(parser.parseOptionalComma()))
    if (parser.parseKeyword("schedule") || parser.parseEqual() ||
        parser.parseCommaSeparatedList(AsmParser::Delimiter::Braces,
                                       [&] { return parseNumber(parser, schedule); }))
      return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<KernelAttr>(at, parser.getContext(), family, constants, schedule);
}

void KernelAttr::print(AsmPrinter &printer) const {
  printer << "<" << getFamily() << ", " << getConstants();
  if (getSchedule() != Schedule())
    printer << ", schedule = " << textOf(getSchedule());
  printer << ">";
}

LogicalResult KernelAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringAttr family,
                                 DictionaryAttr, Schedule schedule) {
  std::string problem = problemWithSchedule(KernelSpec{family.str(), {}, schedule});
  if (problem.empty())
    return success();
  return emitError() << "kernel-a1: " << problem;
}

} // namespace plan
} // namespace gemmac
