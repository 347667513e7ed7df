//===- ModelHeader.h - the C header of a compiled model -------------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_MODELHEADER_H
#define GEMMAC_COMPILER_PACKAGE_MODELHEADER_H

#include "compiler/package/ModelFacts.h"

namespace gemmac {

/// A header that stands alone: the runtime's interface, then the declaration of the model, then how to use
/// it.
std::string modelHeader(const ModelFacts &facts);

} // namespace gemmac

#endif
