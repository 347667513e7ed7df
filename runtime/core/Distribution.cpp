#include "runtime/core/Distribution.h"

#include <cmath>

namespace gemmac {

double Distribution::weight(float logit, float best, float temperature) {
  return std::exp((double(logit) - double(best)) / double(temperature));
}

Distribution::Distribution(const Candidate *candidates, size_t count, float best, float temperature)
    : candidates(candidates), count(count), best(best), temperature(temperature) {
  for (size_t i = 0; i < count; ++i)
    total += weight(candidates[i].logit, best, temperature);
}

int32_t Distribution::draw(Pcg32 &random) const {
  double left = random.uniform() * total;
  int32_t last = -1;
  for (size_t i = 0; i < count; ++i) {
    const double w = weight(candidates[i].logit, best, temperature);
    if (w == 0)
      continue;
    last = candidates[i].id;
    if ((left -= w) < 0)
      break;
  }
  return last;
}

} // namespace gemmac
