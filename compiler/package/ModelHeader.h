//===- ModelHeader.h - the C header of a compiled model -------------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_MODELHEADER_H
#define GEMMAC_COMPILER_PACKAGE_MODELHEADER_H

#include "compiler/package/ModelFacts.h"

namespace gemmac {

/// A self-contained header: the runtime's interface, the declaration of the model, and how to use it.
std::string modelHeader(const ModelFacts &facts);

} // namespace gemmac

#endif
