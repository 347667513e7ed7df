//===- CacheSchemes.cpp - how the caches of each kind of layer store their numbers ----------------------===//

#include "passes/CacheSchemes.h"

namespace gemmac {

using llvm::StringRef;

static llvm::Expected<Scheme> schemeOf(StringRef word) {
  std::optional<Scheme> scheme = findScheme(word);
  if (scheme && rowOf(*scheme).caches)
    return *scheme;
  return llvm::createStringError("there is no scheme '" + word + "' for keys and values; there are " +
                                 namesOfSchemes(&SchemeRow::caches));
}

llvm::Expected<CacheSchemes> CacheSchemes::parse(StringRef text) {
  if (!text.contains('=')) {
    llvm::Expected<Scheme> scheme = schemeOf(text);
    if (!scheme)
      return scheme.takeError();
    return CacheSchemes{*scheme, *scheme};
  }
  std::optional<Scheme> sliding, global;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    auto [kind, word] = part.split('=');
    std::optional<Scheme> *scheme = kind == "sliding" ? &sliding : kind == "global" ? &global : nullptr;
    if (!scheme)
      return llvm::createStringError(
          "there are no '" + kind +
          "' layers to store keys and values of; there are sliding and global ones");
    if (*scheme)
      return llvm::createStringError("'" + text + "' says twice how " + kind +
                                     " layers store keys and values");
    llvm::Expected<Scheme> given = schemeOf(word);
    if (!given)
      return given.takeError();
    *scheme = *given;
  }
  if (!sliding || !global)
    return llvm::createStringError("'" + text + "' does not say how " + (sliding ? "global" : "sliding") +
                                   " layers store keys and values, as sliding=f16,global=q8_0 does");
  return CacheSchemes{*sliding, *global};
}

} // namespace gemmac
