//===- GgufPart.h - what stands in one GGUF file --------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_GGUFPART_H
#define GEMMAC_COMPILER_IMPORT_GGUFPART_H

#include "compiler/import/WeightSource.h"
#include "llvm/Support/Error.h"
#include <map>

namespace gemmac {

/// What a key of the metadata holds: a view into the mapped file, checked.
struct GgufValue {
  /// Numbered as in files.
  enum class Type : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
  Type type;
  Type element = type; ///< of an array
  uint64_t count = 1;  ///< of an array
  const uint8_t *bytes = nullptr;
};

using GgufMetadata = std::map<std::string_view, GgufValue, std::less<>>;

struct GgufPart {
  GgufMetadata metadata;
  std::vector<SourceTensor> tensors; ///< in the order of the file
};

/// Reads the bytes of a file; they must outlive the result, which points into them.
llvm::Expected<GgufPart> readGgufPart(const std::string &path, std::span<const uint8_t> bytes);

} // namespace gemmac

#endif
