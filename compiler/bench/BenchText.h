//===- BenchText.h - a benchmark's figures, to be read by people and by programs ------------------------===//

#ifndef GEMMAC_COMPILER_BENCH_BENCHTEXT_H
#define GEMMAC_COMPILER_BENCH_BENCHTEXT_H

#include "compiler/bench/Bench.h"

namespace gemmac {

std::string benchAsMarkdown(const BenchReport &report);
/// A row for each test, or for each kernel if kernels were timed.
std::string benchAsCsv(const BenchReport &report);
std::string benchAsJson(const BenchReport &report);

/// The traced steps in the format of chrome://tracing and Perfetto: layers with the kernels in them.
std::string chromeTrace(const BenchReport &report);

} // namespace gemmac

#endif
