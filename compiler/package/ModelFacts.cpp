//===- ModelFacts.cpp - what is known about a compiled model
//----------------------------------------------===//

#include "compiler/package/ModelFacts.h"

namespace gemmac {

const char *compilerVersion() {
  return GEMMAC_VERSION;
}

} // namespace gemmac
