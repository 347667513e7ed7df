//===- HubCache.h - models that Hugging Face's tools have downloaded ------------------------------------===//
// The cache of `hf download` and transformers: for a repository `google/gemma-4-E2B-it` a folder
// `models--google--gemma-4-E2B-it` with `refs/main`, a file that names a revision, and the files of that
// revision in `snapshots/<revision>`, links to `blobs`.

#ifndef GEMMAC_COMPILER_IMPORT_HUBCACHE_H
#define GEMMAC_COMPILER_IMPORT_HUBCACHE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace gemmac {

/// $HF_HUB_CACHE, or `hub` in $HF_HOME, or in `huggingface` of $XDG_CACHE_HOME or ~/.cache; empty if there is
/// no home.
std::string hubCacheDirectory();

/// The path of a model: `model` itself where there is such a file or directory. Otherwise a name
/// `owner/repository` is looked up in the local cache of Hugging Face; nothing is downloaded. Of a repository
/// of GGUF files its only model is taken, or the one that the name goes on with:
/// `owner/repository/file.gguf`. The cache's folder of a repository stands for its revision `main`, too. The
/// error says where it was looked for, and what there is instead.
llvm::Expected<std::string> locateModel(const std::string &model);

/// `gemma-4-E2B-it` of an absolute path that ends with `models--google--gemma-4-E2B-it/snapshots/<revision>`;
/// empty for any other.
llvm::StringRef repositoryOfSnapshot(llvm::StringRef path);

} // namespace gemmac

#endif
