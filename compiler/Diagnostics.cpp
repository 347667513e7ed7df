//===- Diagnostics.cpp - from MLIR's diagnostics to what a user reads -----------------------------------===//

#include "compiler/Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"

using namespace mlir;

namespace gemmac {

/// What the user knows of the location: its file or layer.
static std::string placeOf(Location location) {
  if (auto file = dyn_cast<FileLineColLoc>(location)) {
    std::string place = file.getFilename().str();
    if (file.getLine())
      place += ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
    return place;
  }
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName().str();
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (std::string place = placeOf(part); !place.empty())
        return place;
  return "";
}

gemmac::Diagnostic fromMlir(mlir::Diagnostic &diagnostic) {
  gemmac::Diagnostic result;
  result.severity =
      diagnostic.getSeverity() == DiagnosticSeverity::Error     ? gemmac::Diagnostic::Severity::error
      : diagnostic.getSeverity() == DiagnosticSeverity::Warning ? gemmac::Diagnostic::Severity::warning
                                                                : gemmac::Diagnostic::Severity::remark;
  result.place = placeOf(diagnostic.getLocation());
  result.text = diagnostic.str();
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    result.text += "; " + note.str();
  return result;
}

} // namespace gemmac
