//===- LowRankRows.h - rows of a matrix with adapters in them -------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_LOWRANKROWS_H
#define GEMMAC_COMPILER_IMPORT_LOWRANKROWS_H

#include "compiler/import/Adapter.h"
#include "compiler/import/ComputedRows.h"

namespace gemmac {

/// A matrix W of a checkpoint and the adapters on it, each on all of its rows or on a range of them. Numbers
/// are computed in float32. Thread safe after the last `add`.
class LowRankRows final : public ComputedRows {
public:
  /// `base` lives longer.
  explicit LowRankRows(const SourceTensor &base);

  /// The module has the tensor's columns, and its rows lie in the tensor from `firstRow` on; it lives longer.
  void add(const AdapterModule &module, int64_t firstRow);

private:
  struct Part {
    const AdapterModule &module;
    int64_t firstRow;
  };
  void computeRow(int64_t row, std::span<float> out) const override;

  const SourceTensor &base_;
  const uint64_t id_; ///< no other object of this process has it
  std::vector<Part> parts_;
};

} // namespace gemmac

#endif
