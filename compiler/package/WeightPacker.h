//===- WeightPacker.h - a weight's numbers, from the checkpoint into its planes -------------------------===//
//
// Weights stream: a few thousand rows at a time are read from the mapped checkpoint, stored in their scheme,
// packed in their layout and written, so that memory does not depend on the size of the model.

#ifndef GEMMAC_COMPILER_PACKAGE_WEIGHTPACKER_H
#define GEMMAC_COMPILER_PACKAGE_WEIGHTPACKER_H

#include "compiler/import/WeightSource.h"
#include "compiler/package/PlannedWeights.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/ThreadPool.h"

namespace gemmac {

struct PackedWeight {
  std::vector<uint64_t> checksums; ///< XXH3 of each plane's bytes
  double relativeError = 0;        ///< rms of the quantization error / rms of the original numbers
  double maxError = 0;             ///< largest absolute error of a number
  /// Of a quantized matrix that the checkpoint holds in bf16: its blocks with a number other than 0, and
  /// those of them whose numbers, rounded to bf16, are the checkpoint's bit for bit. These were trained for
  /// it (QAT).
  int64_t blocks = 0, recovered = 0;
};

/// Takes bytes for an offset from the start of the tensor bytes. Offsets of one plane come in rising order
/// without gaps.
using ByteSink = llvm::function_ref<llvm::Error(int64_t offset, std::span<const uint8_t> bytes)>;

/// Packs one weight. Sources whose integers the scheme has (SourceRows::keep) are not rounded.
/// The first number that is NaN or infinite, or becomes so in the weight's scheme, is an error that names its
/// place in the file.
llvm::Expected<PackedWeight> packWeight(const PlannedWeight &weight, const WeightSource &source,
                                        llvm::ThreadPoolInterface &threads, ByteSink sink);

} // namespace gemmac

#endif
