//===- Version.cpp - the compiler's version -------------------------------------------------------------===//

#include "compiler/package/Version.h"

namespace gemmac {

const char *compilerVersion() {
  return GEMMAC_VERSION;
}

} // namespace gemmac
