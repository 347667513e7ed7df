//===- BenchText.cpp - a benchmark's figures, to be read by people and by programs ----------------------===//

#include "compiler/bench/BenchText.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

namespace gemmac {

using Json = nlohmann::ordered_json;

static constexpr double kMega = 1e6, kGiga = 1e9;
/// If other processes take more than this fraction of the CPUs, the figure is marked as doubtful.
static constexpr double kDisturbed = 0.02;

/// "61 %"; empty where the machine's limit is unknown.
static std::string percent(double part) {
  return part > 0 ? llvm::formatv("{0:f1} %", 100 * part).str() : "";
}

static std::string describe(const MachineLimits &limits) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "reads";
  for (size_t threads = 1; threads <= limits.bytes.size(); ++threads)
    out << llvm::formatv("{0} {1:f1} GB/s with {2}", threads > 1 ? "," : "",
                         limits.bytes[threads - 1] / kGiga, threads);
  out << llvm::formatv(" threads; multiplies {0:f1} G 8-bit and {1:f1} G float32 numbers a second",
                       limits.integerProducts / kGiga, limits.floatProducts / kGiga);
  return text;
}

static void printKernels(llvm::raw_ostream &out, const BenchReport &report) {
  out << "\n| test | depth | kernel | weight | calls | ms | share | GB/s | GMAC/s | of bandwidth | of peak "
         "|\n"
         "|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const KernelTime &kernel : report.kernels) {
    double all = 0;
    for (const KernelTime &other : report.kernels)
      if (other.test == kernel.test && other.depth == kernel.depth)
        all += other.seconds;
    out << llvm::formatv("| {0} | {1} | {2} | {3} | {4} | {5:f3} | {6} | {7:f1} | {8:f1} | {9} | {10} |\n",
                         kernel.test, kernel.depth, kernel.kernel, kernel.weight, kernel.calls,
                         kernel.seconds * 1e3, percent(kernel.seconds / all),
                         kernel.work.bytes / kernel.seconds / kGiga,
                         kernel.work.products() / kernel.seconds / kGiga,
                         percent(report.ofBandwidth(kernel.work, kernel.seconds)),
                         percent(report.ofPeak(kernel.work, kernel.seconds)));
  }
}

std::string benchAsMarkdown(const BenchReport &report) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << llvm::formatv("{0} for {1}, {2}, cache {3}, {4:f1} MB of weights; {5} threads of {6}\n\n",
                       report.name, report.target, report.scheme, report.cacheScheme,
                       static_cast<double>(report.weightBytes) / kMega, report.threads,
                       report.cpu.empty() ? "this machine" : report.cpu);
  out << "machine before: " << describe(report.before) << "\n";
  out << "machine after:  " << describe(report.after) << "\n";
  out << llvm::formatv(
      "memory after all tests, without mapped files: {0:f1} MB, planned {1:f1} MB at most\n\n",
      static_cast<double>(report.dirtyBytes) / kMega, static_cast<double>(report.plannedBytes) / kMega);
  out << "| test | depth | tokens/s | MB read a token | MMAC a token | GB/s | of bandwidth | GMAC/s | of "
         "peak |\n"
         "|---|---|---|---|---|---|---|---|---|\n";
  for (const BenchedTest &test : report.tests) {
    double tokens = static_cast<double>(test.tokens), seconds = test.meanSeconds();
    out << llvm::formatv("| {0} | {1} | {2:f2} ± {3:f2} | {4:f2} | {5:f1} | {6:f1} | {7} | {8:f1} | {9} |\n",
                         test.name, test.depth, test.tokensPerSecond(), test.deviation(),
                         test.work.bytes / tokens / kMega, test.work.products() / tokens / kMega,
                         test.work.bytes / seconds / kGiga, percent(report.ofBandwidth(test.work, seconds)),
                         test.work.products() / seconds / kGiga, percent(report.ofPeak(test.work, seconds)));
  }
  for (const BenchedTest &test : report.tests)
    if (test.disturbed > kDisturbed)
      out << llvm::formatv("\n{0} at depth {1}: other processes took {2} of the CPUs\n", test.name,
                           test.depth, percent(test.disturbed));
  if (!report.kernels.empty())
    printKernels(out, report);
  return text;
}

std::string benchAsCsv(const BenchReport &report) {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (!report.kernels.empty()) {
    out << "model,test,depth,kernel,weight,calls,seconds,bytes,integer_products,float_products,of_bandwidth,"
           "of_peak\n";
    for (const KernelTime &kernel : report.kernels)
      out << llvm::formatv("{0},{1},{2},{3},{4},{5},{6:f9},{7:f0},{8:f0},{9:f0},{10:f4},{11:f4}\n",
                           report.name, kernel.test, kernel.depth, kernel.kernel, kernel.weight, kernel.calls,
                           kernel.seconds, kernel.work.bytes, kernel.work.integerProducts,
                           kernel.work.floatProducts, report.ofBandwidth(kernel.work, kernel.seconds),
                           report.ofPeak(kernel.work, kernel.seconds));
    return text;
  }
  out << "model,scheme,threads,test,depth,tokens_per_second,deviation,bytes_per_token,products_per_token,of_"
         "bandwidth,of_peak,disturbed\n";
  for (const BenchedTest &test : report.tests) {
    double tokens = static_cast<double>(test.tokens), seconds = test.meanSeconds();
    out << llvm::formatv("{0},{1},{2},{3},{4},{5:f3},{6:f3},{7:f0},{8:f0},{9:f4},{10:f4},{11:f4}\n",
                         report.name, report.scheme, report.threads, test.name, test.depth,
                         test.tokensPerSecond(), test.deviation(), test.work.bytes / tokens,
                         test.work.products() / tokens, report.ofBandwidth(test.work, seconds),
                         report.ofPeak(test.work, seconds), test.disturbed);
  }
  return text;
}

static Json asJson(const MachineLimits &limits) {
  return {{"bytes_per_second", limits.bytes},
          {"integer_products_per_second", limits.integerProducts},
          {"float_products_per_second", limits.floatProducts}};
}

static std::string dumped(const Json &text) {
  return text.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

std::string benchAsJson(const BenchReport &report) {
  Json tests = Json::array(), kernels = Json::array();
  for (const BenchedTest &test : report.tests) {
    double tokens = static_cast<double>(test.tokens), seconds = test.meanSeconds();
    tests.push_back({{"test", test.name},
                     {"tokens", test.tokens},
                     {"depth", test.depth},
                     {"seconds", test.seconds},
                     {"tokens_per_second", test.tokensPerSecond()},
                     {"deviation", test.deviation()},
                     {"bytes_per_token", test.work.bytes / tokens},
                     {"integer_products_per_token", test.work.integerProducts / tokens},
                     {"float_products_per_token", test.work.floatProducts / tokens},
                     {"of_bandwidth", report.ofBandwidth(test.work, seconds)},
                     {"of_peak", report.ofPeak(test.work, seconds)},
                     {"disturbed", test.disturbed}});
  }
  for (const KernelTime &kernel : report.kernels)
    kernels.push_back({{"test", kernel.test},
                       {"depth", kernel.depth},
                       {"kernel", kernel.kernel},
                       {"weight", kernel.weight},
                       {"calls", kernel.calls},
                       {"seconds", kernel.seconds},
                       {"bytes", kernel.work.bytes},
                       {"integer_products", kernel.work.integerProducts},
                       {"float_products", kernel.work.floatProducts},
                       {"of_bandwidth", report.ofBandwidth(kernel.work, kernel.seconds)},
                       {"of_peak", report.ofPeak(kernel.work, kernel.seconds)}});
  Json text = {{"name", report.name},
               {"target", report.target},
               {"scheme", report.scheme},
               {"cache_scheme", report.cacheScheme},
               {"weight_bytes", report.weightBytes},
               {"cpu", report.cpu},
               {"threads", report.threads},
               {"machine", {{"before", asJson(report.before)}, {"after", asJson(report.after)}}},
               {"planned_bytes", report.plannedBytes},
               {"dirty_bytes", report.dirtyBytes},
               {"tests", tests}};
  if (!kernels.empty())
    text["kernels"] = kernels;
  return dumped(text);
}

// ---- Trace: complete events ("X"), times in microseconds, a row of its own for each step.

static Json event(const std::string &name, size_t row, double begin, double end) {
  return {{"name", name}, {"ph", "X"},         {"pid", 1},
          {"tid", row},   {"ts", begin * 1e6}, {"dur", (end - begin) * 1e6}};
}

static std::string nameOf(int64_t layer) {
  return layer < 0 ? "outside of layers" : "layer " + std::to_string(layer);
}

std::string chromeTrace(const BenchReport &report) {
  Json events = Json::array();
  for (size_t row = 0; row < report.trace.size(); ++row) {
    const NamedStep &named = report.trace[row];
    const TracedStep &step = named.step;
    std::string name = llvm::formatv("{0} of {1} tokens at {2}", step.phase, step.tokens, step.position);
    events.push_back(
        {{"name", "thread_name"}, {"ph", "M"}, {"pid", 1}, {"tid", row}, {"args", {{"name", name}}}});
    events.push_back(event(name, row, 0, step.end - step.begin));
    for (size_t first = 0, call = 0; call < step.calls.size(); ++call) {
      const auto &[planned, layer] = named.calls[call];
      double begin = step.calls[call].begin - step.begin, end = step.calls[call].end - step.begin;
      if (call + 1 == step.calls.size() || named.calls[call + 1].layer != layer) {
        events.push_back(event(nameOf(layer), row, step.calls[first].begin - step.begin, end));
        first = call + 1;
      }
      events.push_back(
          event((planned->weight.empty() ? "" : planned->weight + ": ") + planned->kernel, row, begin, end));
    }
  }
  return dumped({{"displayTimeUnit", "ms"}, {"traceEvents", events}});
}

} // namespace gemmac
