//===- Phases.cpp - a sequence through a model, in every cut that it knows ------------------------------===//

#include "compiler/reference/Phases.h"

#include <cmath>
#include <limits>

namespace gemmac::reference {

llvm::Expected<Array> callForOne(Runner &runner, llvm::StringRef function, llvm::ArrayRef<int32_t> ids,
                                 int64_t position) {
  llvm::Expected<std::vector<Array>> results = runner.call(function, ids, position);
  if (!results)
    return results.takeError();
  if (results->size() != 1)
    return llvm::createStringError("@" + function + " has " + llvm::Twine(results->size()) +
                                   " results, not one");
  return std::move(results->front());
}

/// Rows of `part` after those of `whole`.
static void append(Array &whole, const Array &part) {
  if (whole.shape().empty()) {
    whole = part;
    return;
  }
  Shape shape = whole.shape();
  shape[0] += part.rows();
  std::vector<float> numbers = std::move(whole.floats());
  numbers.insert(numbers.end(), part.floats().begin(), part.floats().end());
  whole = Array(std::move(shape), std::move(numbers));
}

llvm::Expected<Array> score(Runner &runner, llvm::ArrayRef<int32_t> ids, int64_t chunk) {
  runner.reset();
  llvm::StringRef name = runner.find("score") ? "score" : "forward";
  mlir::func::FuncOp function = runner.find(name);
  if (function && function.getNumArguments() == 1)
    return callForOne(runner, name, ids);
  Array logits;
  for (size_t first = 0; first < ids.size(); first += chunk) {
    llvm::Expected<Array> part = callForOne(runner, name, ids.slice(first).take_front(chunk), first);
    if (!part)
      return part.takeError();
    append(logits, *part);
  }
  return logits;
}

llvm::Expected<Array> prefillAndDecode(Runner &runner, llvm::ArrayRef<int32_t> ids, size_t first,
                                       int64_t chunk) {
  runner.reset();
  for (size_t position = 0; position < first; position += chunk) {
    llvm::ArrayRef<int32_t> piece = ids.take_front(first).slice(position).take_front(chunk);
    if (llvm::Error error = runner.call("prefill", piece, position).takeError())
      return error;
  }
  Array logits;
  for (size_t position = first; position < ids.size(); ++position) {
    llvm::Expected<Array> row = callForOne(runner, "decode", ids.slice(position, 1), position);
    if (!row)
      return row.takeError();
    append(logits, *row);
  }
  return logits;
}

float largestDifference(const Array &a, const Array &b) {
  if (a.shape() != b.shape())
    return std::numeric_limits<float>::infinity();
  float largest = 0;
  for (size_t k = 0; k < a.floats().size(); ++k) {
    float x = a.floats()[k], y = b.floats()[k];
    if (x == y || (std::isnan(x) && std::isnan(y)))
      continue;
    float difference = std::fabs(x - y);
    largest = std::isnan(difference) ? std::numeric_limits<float>::infinity() : std::max(largest, difference);
  }
  return largest;
}

} // namespace gemmac::reference
