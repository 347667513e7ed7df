//===- WeightSchemes.cpp - how the weights of each kind store their numbers -----------------------------===//

#include "passes/WeightSchemes.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace gemmac {

using llvm::StringRef;

/// In the order of WeightKind.
static constexpr std::array<StringRef, 5> kNames = {"layers", "experts", "embedding", "per_layer", "head"};

static llvm::Expected<std::optional<Scheme>> schemeOf(StringRef word) {
  if (word == "file")
    return std::nullopt;
  std::optional<Scheme> scheme = findScheme(word);
  if (scheme && rowOf(*scheme).weights)
    return scheme;
  return llvm::createStringError("there is no scheme '" + word + "' for weights; there are " +
                                 namesOfSchemes(&SchemeRow::weights) +
                                 ", and file for those of the checkpoint");
}

llvm::Expected<WeightSchemes> WeightSchemes::parse(StringRef text) {
  WeightSchemes result;
  std::optional<std::optional<Scheme>> others;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    auto [name, word] = part.contains('=') ? part.split('=') : std::pair(StringRef(), part);
    llvm::Expected<std::optional<Scheme>> scheme = schemeOf(word);
    if (!scheme)
      return scheme.takeError();
    if (name.empty()) {
      if (others)
        return llvm::createStringError("'" + text +
                                       "' says twice how weights are stored that it does not name");
      others = *scheme;
      continue;
    }
    const auto *kind = llvm::find(kNames, name);
    if (kind == kNames.end())
      return llvm::createStringError("there are no weights '" + name + "' to store; there are " +
                                     llvm::join(kNames, ", "));
    auto index = size_t(kind - kNames.begin());
    if (result.named[index])
      return llvm::createStringError("'" + text + "' says twice how " + name + " are stored");
    result.named[index] = true;
    result.schemes[index] = *scheme;
  }
  if (!others && !result.named[size_t(WeightKind::layers)])
    return llvm::createStringError("'" + text +
                                   "' does not say how layers are stored, as q4_k,head=q6_k does");
  for (size_t kind = 0; kind < kKinds; ++kind)
    if (!result.named[kind])
      result.schemes[kind] = others ? *others : result.schemes[size_t(WeightKind::layers)];
  return result;
}

} // namespace gemmac
