//===- Results.cpp - what a module computes from a sequence, in every cut -------------------------------===//

#include "compiler/verify/Results.h"

#include "compiler/reference/Phases.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>

namespace gemmac::verify {

using reference::Array;
using reference::Runner;

std::string Deviation::text() const {
  if (entry.empty())
    return pass + ": " + error;
  std::string where = llvm::formatv("{0}: @{1} {2}", pass, entry, cut);
  if (!error.empty())
    return where + " cannot be run: " + error;
  return where + llvm::formatv(": at token {0}, logit {1} was {2:f6} and is {3:f6}; all differ by {4:e3} of "
                               "their size, the bound is {5:e3}",
                               token, logit, before, after, relative, bound)
                     .str();
}

std::optional<std::vector<Cut>> runEveryCut(Runner &runner, const ProofOptions &options,
                                            Deviation &deviation) {
  std::vector<Cut> cuts;
  auto add = [&](const char *entry, int64_t first, int64_t chunk, auto run) {
    std::string how = llvm::formatv("{0} calls of {1} tokens", first ? "after" : "in", chunk);
    llvm::Expected<Array> logits = run();
    if (logits) {
      cuts.push_back({entry, how, first, std::move(*logits)});
      return true;
    }
    deviation.entry = entry, deviation.cut = how;
    deviation.error = llvm::toString(logits.takeError());
    return false;
  };
  bool inCalls = !runner.find("forward") || runner.find("forward").getNumArguments() > 1;
  const char *all = runner.find("forward") ? "forward" : "score";
  for (int64_t chunk : llvm::ArrayRef(options.chunks).take_front(inCalls ? options.chunks.size() : 1))
    if (!add(all, 0, chunk, [&] { return score(runner, options.ids, chunk); }))
      return std::nullopt;
  if (!runner.find("decode"))
    return cuts;
  auto decoded = std::max<int64_t>(0, int64_t(options.ids.size()) - options.decoded);
  for (int64_t chunk : options.chunks)
    if (!add("decode", decoded, chunk,
             [&] { return prefillAndDecode(runner, options.ids, size_t(decoded), chunk); }))
      return std::nullopt;
  return cuts;
}

/// The rows of a cut from position `first` on.
static Array rowsFrom(const Cut &cut, int64_t first) {
  reference::Shape shape = cut.logits.shape();
  shape[0] -= std::min(first - cut.first, shape[0]);
  return {shape, std::vector<float>(cut.logits.floats().end() - reference::numbersOf(shape),
                                    cut.logits.floats().end())};
}

double relativeError(const Array &a, const Array &b) {
  if (a.shape() != b.shape())
    return std::numeric_limits<double>::infinity();
  double error = 0, size = 0;
  for (auto [x, y] : llvm::zip_equal(a.floats(), b.floats())) {
    if (std::isnan(x) && std::isnan(y))
      continue;
    double difference = double(x) - double(y);
    error += difference * difference;
    size += double(y) * double(y);
  }
  double relative = error == 0 ? 0 : std::sqrt(error / size);
  return std::isnan(relative) ? std::numeric_limits<double>::infinity() : relative;
}

Deviation compare(const Cut &cut, const Cut &before, double bound) {
  Array old = rowsFrom(before, cut.first);
  Deviation deviation;
  deviation.entry = cut.entry, deviation.cut = cut.how;
  deviation.relative = relativeError(cut.logits, old), deviation.bound = bound;
  if (cut.logits.shape() != old.shape())
    deviation.error = "its logits have another shape than before";
  if (deviation.within() || !deviation.error.empty())
    return deviation;
  // The first number that differs where none may, otherwise the one that differs most.
  double most = 0;
  for (size_t k = 0; k < old.floats().size() && (bound > 0 || most == 0); ++k) {
    float now = cut.logits.floats()[k], then = old.floats()[k];
    double difference = std::fabs(double(now) - double(then));
    if (difference <= most || (std::isnan(now) && std::isnan(then)))
      continue;
    most = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
    deviation.token = cut.first + int64_t(k) / old.width(), deviation.logit = int64_t(k) % old.width();
    deviation.before = then, deviation.after = now;
  }
  return deviation;
}

} // namespace gemmac::verify
