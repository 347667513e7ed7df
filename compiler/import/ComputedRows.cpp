//===- ComputedRows.cpp - numbers that are computed a row at a time -------------------------------------===//

#include "compiler/import/ComputedRows.h"

#include <algorithm>

namespace gemmac {

void ComputedRows::read(int64_t first, std::span<float> out) const {
  while (!out.empty()) {
    int64_t row = first / columns_, skipped = first % columns_;
    size_t taken = std::min(out.size(), size_t(columns_ - skipped));
    if (int64_t(taken) == columns_) {
      computeRow(row, out.first(taken));
    } else {
      // Not static: what is computed may itself be made of computed rows.
      std::vector<float> whole(static_cast<size_t>(columns_));
      computeRow(row, whole);
      std::copy_n(whole.begin() + skipped, taken, out.begin());
    }
    first += int64_t(taken);
    out = out.subspan(taken);
  }
}

} // namespace gemmac
