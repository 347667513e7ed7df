//===- HoldingScheme.cpp - the scheme of ours that holds the numbers of a file --------------------------===//

#include "contract/HoldingScheme.h"

#include <algorithm>

namespace gemmac {

static constexpr struct {
  std::string_view stored;
  Scheme holds;
} kOthers[] = {
    {"f16", Scheme::f32},
    // Groups of 16 or 32 numbers, factors up to 31, integers up to 31.
    {"iq1_s", Scheme::q6_k},
    {"iq1_m", Scheme::q6_k},
    {"iq3_xxs", Scheme::q6_k},
    {"iq3_s", Scheme::q6_k},
    // Integers up to 43, which take seven bits.
    {"iq2_xxs", Scheme::q8_0},
    // -1 … 2.
    {"tq1_0", Scheme::q2_k},
    {"tq2_0", Scheme::q2_k},
};

Scheme schemeHolding(std::string_view stored) {
  std::optional<Scheme> same = findScheme(stored);
  if (same && rowOf(*same).weights)
    return *same;
  const auto *other = std::ranges::find(kOthers, stored, &std::remove_cvref_t<decltype(kOthers[0])>::stored);
  return other == std::end(kOthers) ? Scheme::q8_0 : other->holds;
}

} // namespace gemmac
