//===- Options.h - what a user can choose when a model is compiled --------------------------------------===//

#ifndef GEMMAC_COMPILER_OPTIONS_H
#define GEMMAC_COMPILER_OPTIONS_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

/// How far one activity of a compilation is: "kernels" 3 of 27, "weights" so many bytes of all.
struct Progress {
  std::string_view activity;
  int64_t done = 0;
  int64_t total = 0;
};

struct ModelSummary;

/// What compile() is to do. Every option of `gemmac compile` is one field here; a field left alone has the
/// default that its comment gives.
struct CompileOptions {
  std::string checkpoint;        ///< directory with config.json, a GGUF file, or a name (see locateModel)
  std::vector<std::string> lora; ///< adapters to be merged into the weights, in this order: DIR or DIR:SCALE
  std::string output;            ///< directory that the files go to; made if absent
  std::string name;              ///< of the model in file and C names; empty: from the checkpoint's name
  std::string target = "host";   ///< name of a device
  std::string scheme; ///< of weights: a scheme, file: as the checkpoint has each of them, or a mix of kinds;
                      ///< empty: file for GGUF, otherwise the device's
  std::string cacheScheme;  ///< of keys and values: f32, f16, q8_0, or sliding=f16,global=q8_0; empty: f32
                            ///< where weights are f32, otherwise f16
  int64_t context = 0;      ///< positions that the caches hold; 0: the model's most, but no more than 4096
  int64_t maxTokens = 0;    ///< of one prefill or score call; 0: 512, but no more than the context
  std::string emit = "exe"; ///< exe, lib, obj, llvm, or the IR after a stage: gemma, fuse, …
  int threads =
      0; ///< that the compiler uses; 0: as many as this process may use, by its CPUs and their quota
  std::string
      kernelCache;     ///< directory of compiled kernels; empty: $XDG_CACHE_HOME/gemmac/kernels; "-": none
  std::string runtime; ///< directory of libgemmac_runtime.a; empty: lib/<triple> beside the program's folder
  std::function<void(uint64_t)>
      beforeWriting; ///< with about how many bytes the files will take, before the long work; may be empty
  std::function<void(const Progress &)> progress; ///< by one thread at a time; may be empty
  /// Told what is in the model before the long work begins; may be empty.
  std::function<void(const ModelSummary &)> planned;
};

inline constexpr int64_t kDefaultContext = 4096;
inline constexpr int64_t kDefaultMaxTokens = 512;

} // namespace gemmac

#endif
