//===- CacheSchemes.h - how the caches of each kind of layer store their numbers ------------------------===//

#ifndef GEMMAC_PASSES_CACHESCHEMES_H
#define GEMMAC_PASSES_CACHESCHEMES_H

#include "contract/Scheme.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace gemmac {

struct CacheSchemes {
  Scheme sliding, global;

  /// One scheme for all layers, `f16`, or one for each kind, `sliding=f16,global=q8_0`.
  static llvm::Expected<CacheSchemes> parse(llvm::StringRef text);
};

} // namespace gemmac

#endif
