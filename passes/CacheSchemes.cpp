//===- CacheSchemes.cpp - how the caches of each kind of layer store their numbers
//-----------------------===//

#include "passes/CacheSchemes.h"

namespace gemmac {

using llvm::StringRef;

static llvm::Expected<gemma::Scheme> schemeOf(StringRef word) {
  std::optional<gemma::Scheme> scheme = gemma::symbolizeScheme(word);
  if (scheme == gemma::Scheme::f32 || scheme == gemma::Scheme::f16 || scheme == gemma::Scheme::q8_0)
    return *scheme;
  return llvm::createStringError("there is no scheme '" + word +
                                 "' for keys and values; there are f32, f16, q8_0");
}

llvm::Expected<CacheSchemes> CacheSchemes::parse(StringRef text) {
  if (!text.contains('=')) {
    llvm::Expected<gemma::Scheme> scheme = schemeOf(text);
    if (!scheme)
      return scheme.takeError();
    return CacheSchemes{*scheme, *scheme};
  }
  std::optional<gemma::Scheme> sliding, global;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    auto [kind, word] = part.split('=');
    std::optional<gemma::Scheme> *scheme = kind == "sliding"  ? &sliding
                                           : kind == "global" ? &global
                                                              : nullptr;
    if (!scheme)
      return llvm::createStringError(
          "there are no '" + kind +
          "' layers to store keys and values of; there are sliding and global ones");
    if (*scheme)
      return llvm::createStringError("'" + text + "' says twice how " + kind +
                                     " layers store keys and values");
    llvm::Expected<gemma::Scheme> given = schemeOf(word);
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
