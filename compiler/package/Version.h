//===- Version.h - the compiler's version ---------------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_VERSION_H
#define GEMMAC_COMPILER_PACKAGE_VERSION_H

namespace gemmac {

/// "0.1.0"
const char *compilerVersion();

} // namespace gemmac

#endif
