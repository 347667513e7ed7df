//===- TensorRange.h - a tensor of a checkpoint, or a part of it ----------------------------------------===//

#ifndef GEMMAC_CONTRACT_TENSORRANGE_H
#define GEMMAC_CONTRACT_TENSORRANGE_H

#include <cstdint>
#include <optional>
#include <string>

namespace gemmac {

/// Indices begin … end - 1; never empty.
struct IndexRange {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// A source of a weight. With experts, `rows` applies to each expert; elements of a vector count as rows.
struct TensorRange {
  std::string tensor;                      ///< its name in the checkpoint
  std::optional<IndexRange> rows, columns; ///< absent: all
};

} // namespace gemmac

#endif
