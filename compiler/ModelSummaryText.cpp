//===- ModelSummaryText.cpp - what a checkpoint holds, as it is printed ---------------------------------===//

#include "compiler/ModelSummary.h"
#include "compiler/package/MemoryText.h"
#include "compiler/package/Units.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unistd.h>

namespace gemmac {
namespace {

/// "4.65 billion".
std::string countText(int64_t count) {
  return count >= 1000000000 ? llvm::formatv("{0:f2} billion", static_cast<double>(count) / 1e9).str()
                             : llvm::formatv("{0:f2} million", static_cast<double>(count) / 1e6).str();
}

/// "1 tensor", "2 tensors".
std::string counted(int64_t count, const std::string &what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// As a person writes it: "1", "0.95".
std::string plain(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

/// Of the whole machine; 0 where it is not known.
int64_t machineMemory() {
  long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && bytes > 0 ? int64_t{pages} * bytes : 0;
}

std::string familyText(ModelFamily family) {
  return family == ModelFamily::gemma3 ? "Gemma 3" : "Gemma 4";
}

std::string formatText(const ModelSummary &summary) {
  return counted(summary.files, summary.gguf ? "GGUF file" : "safetensors file");
}

/// Different values of one kind, smallest first: "256", "256 and 512".
template <typename Value>
std::string valuesOf(const ModelConfig &config, Value value) {
  std::set<int64_t> all;
  for (const LayerConfig &layer : config.layers)
    all.insert(value(layer));
  return llvm::join(llvm::map_range(all, [](int64_t number) { return std::to_string(number); }), " and ");
}

std::vector<std::string> architectureLines(const ModelConfig &config) {
  auto sliding = llvm::count_if(config.layers, [](const LayerConfig &layer) { return !layer.global(); });
  auto sharing = llvm::count_if(config.layers, [](const LayerConfig &layer) { return !layer.ownsKeys; });
  std::vector<std::string> lines;
  lines.push_back(llvm::formatv("{0}, text: {1} layers of {2} channels", familyText(config.family),
                                config.layers.size(), config.hidden));
  if (sliding)
    lines.push_back(
        llvm::formatv("{0} layers see a window of {1} positions, {2} all of them", sliding,
                      llvm::find_if(config.layers, [](const LayerConfig &layer) { return !layer.global(); })
                          ->window.value(),
                      static_cast<int64_t>(config.layers.size()) - sliding));
  lines.push_back(llvm::formatv("heads of queries: {0}, of keys and values: {1}; numbers of one: {2}",
                                config.heads,
                                valuesOf(config, [](const LayerConfig &layer) { return layer.keyHeads; }),
                                valuesOf(config, [](const LayerConfig &layer) { return layer.headDim; })));
  if (sharing)
    lines.push_back(counted(sharing, "layer") + " without keys and values of their own");
  lines.push_back(llvm::formatv("feed-forward of {0}",
                                valuesOf(config, [](const LayerConfig &layer) { return layer.ffnWidth; })));
  if (config.experts)
    lines.push_back(llvm::formatv("{0} experts of {1}, {2} of them for a token", config.experts->count,
                                  config.experts->width, config.experts->chosen));
  if (config.perLayerWidth)
    lines.push_back(llvm::formatv("per-layer embeddings of {0}", config.perLayerWidth));
  return lines;
}

std::string samplingText(const GenerationConfig &generation) {
  std::string text = "temperature " + plain(generation.temperature) + ", top-k " +
                     std::to_string(generation.topK) + ", top-p " + plain(generation.topP);
  if (generation.minP != 0)
    text += ", min-p " + plain(generation.minP);
  if (generation.repetitionPenalty != 1)
    text += ", repetition penalty " + plain(generation.repetitionPenalty);
  return text;
}

std::string stopText(const GenerationConfig &generation) {
  return generation.stop.empty()
             ? "no token"
             : llvm::join(llvm::map_range(generation.stop, [](int32_t id) { return std::to_string(id); }),
                          ", ");
}

std::string templateText(const ModelSummary &summary) {
  return summary.chatTemplate.empty()
             ? "none"
             : bytesText(static_cast<int64_t>(summary.chatTemplate.size())) + " (--chat-template prints it)";
}

/// What the machine has, and whether the model goes into it.
std::string fitText(const ModelSummary &summary) {
  int64_t machine = machineMemory();
  if (!machine)
    return "unknown memory";
  int64_t needed = summary.facts.weightsBytes + static_cast<int64_t>(summary.memory.generation());
  return bytesText(machine) + " of memory: " +
         (needed <= machine
              ? "enough"
              : "less than is needed, so that weights will be read from the disk again and again");
}

void printWeights(llvm::raw_ostream &out, const ModelSummary &summary) {
  out << "\n"
      << llvm::formatv("{0,-20}{1,8}{2,16}  {3,-10}{4,15}  {5,-10}{6,15}  {7}\n", "weights", "tensors",
                       "numbers", "in file", "bytes", "stored as", "bytes", "numbers are");
  auto row = [&](llvm::StringRef part, int64_t tensors, int64_t numbers, llvm::StringRef from,
                 int64_t fileBytes, llvm::StringRef to, int64_t bytes, const char *how) {
    out << llvm::formatv("{0,-20}{1,8}{2,16}  {3,-10}{4,15}  {5,-10}{6,15}  {7}\n", part, tensors, numbers,
                         from, fileBytes, to, bytes, how);
  };
  WeightGroup all;
  for (const WeightGroup &group : summary.groups) {
    row(group.part, group.tensors, group.numbers, group.from, group.fileBytes, nameOf(group.to), group.bytes,
        nameOf(group.fidelity));
    all.tensors += group.tensors;
    all.numbers += group.numbers;
    all.fileBytes += group.fileBytes;
    all.bytes += group.bytes;
  }
  row("all", all.tensors, all.numbers, "", all.fileBytes, "", all.bytes, "");
  for (const LeftOut &left : summary.leftOut)
    out << llvm::formatv("left out: {0}, {1} of {2} bytes\n", left.what, counted(left.tensors, "tensor"),
                         left.bytes);
}

} // namespace

std::string describe(const ModelSummary &summary) {
  const ModelFacts &facts = summary.facts;
  std::string text;
  llvm::raw_string_ostream out(text);
  auto line = [&](const char *what, const auto &value) { out << llvm::formatv("{0,-14}{1}\n", what, value); };
  line("name", facts.name);
  line("read from", summary.path);
  line("files", formatText(summary) + ", tensors of " + std::to_string(summary.fileBytes) + " bytes");
  const char *what = "architecture";
  for (const std::string &part : architectureLines(summary.config))
    line(std::exchange(what, ""), part);
  line("numbers", summary.numbers());
  line("vocabulary", facts.vocabSize);
  line("context", std::to_string(summary.config.context) + " at most");
  line("tokenizer",
       llvm::formatv("{0} tokens, {1} of them special, {2} merges; bos {3}", summary.pieces, summary.specials,
                     summary.merges, summary.bos < 0 ? "none" : std::to_string(summary.bos)));
  line("template", templateText(summary));
  for (const MergedAdapter &adapter : facts.adapters)
    line("adapter", adapter.name + " times " + plain(adapter.scale) + ", merged into " +
                        std::to_string(adapter.matrices) + " matrices");
  line("ends at", stopText(summary.generation));
  line("sampling", samplingText(summary.generation));
  printWeights(out, summary);

  out << "\n";
  line("target", facts.target.name);
  line("scheme", facts.scheme);
  line("cache", facts.cacheScheme);
  line("context", facts.context);
  line("tokens a call", facts.maxTokens);
  line("weight bytes", facts.weightsBytes);
  line("a token reads", llvm::formatv("{0} bytes", static_cast<int64_t>(summary.bytesPerToken)));
  printMemory(out, summary.memory);
  line("this machine", fitText(summary));
  return text;
}

std::string describeAsJson(const ModelSummary &summary) {
  using Json = nlohmann::ordered_json;
  const ModelConfig &config = summary.config;
  const ModelFacts &facts = summary.facts;
  Json layers = Json::array(), weights = Json::array(), leftOut = Json::array();
  for (const LayerConfig &layer : config.layers)
    layers.push_back({{"window", layer.window ? Json(*layer.window) : Json()},
                      {"head_dim", layer.headDim},
                      {"key_heads", layer.keyHeads},
                      {"feedforward", layer.ffnWidth},
                      {"keys_of_layer", layer.donor}});
  for (const WeightGroup &group : summary.groups)
    weights.push_back({{"part", group.part},
                       {"tensors", group.tensors},
                       {"numbers", group.numbers},
                       {"file_scheme", group.from},
                       {"file_bytes", group.fileBytes},
                       {"scheme", nameOf(group.to)},
                       {"bytes", group.bytes},
                       {"numbers_are", nameOf(group.fidelity)}});
  for (const LeftOut &out : summary.leftOut)
    leftOut.push_back({{"what", out.what}, {"tensors", out.tensors}, {"bytes", out.bytes}});
  Json adapters = Json::array();
  for (const MergedAdapter &adapter : facts.adapters)
    adapters.push_back({{"name", adapter.name}, {"scale", adapter.scale}, {"matrices", adapter.matrices}});
  Json architecture = {
      {"family", familyText(config.family)},    {"hidden", config.hidden},   {"heads", config.heads},
      {"vocabulary", config.vocabulary},        {"context", config.context}, {"tied_head", config.tiedHead},
      {"per_layer_width", config.perLayerWidth}};
  if (config.experts)
    architecture["experts"] = {{"count", config.experts->count},
                               {"chosen", config.experts->chosen},
                               {"width", config.experts->width}};
  architecture["layers"] = layers;
  const GenerationConfig &generation = summary.generation;
  Json text = {{"name", facts.name},
               {"path", summary.path},
               {"format", summary.gguf ? "gguf" : "safetensors"},
               {"files", summary.files},
               {"file_bytes", summary.fileBytes},
               {"architecture", architecture},
               {"numbers", summary.numbers()},
               {"tokenizer",
                {{"tokens", summary.pieces},
                 {"special", summary.specials},
                 {"merges", summary.merges},
                 {"bos", summary.bos < 0 ? Json() : Json(summary.bos)},
                 {"chat_template_bytes", summary.chatTemplate.size()}}},
               {"generation",
                {{"stop", generation.stop},
                 {"suppress", generation.suppress},
                 {"temperature", generation.temperature},
                 {"top_k", generation.topK},
                 {"top_p", generation.topP},
                 {"min_p", generation.minP},
                 {"repetition_penalty", generation.repetitionPenalty}}},
               {"adapters", adapters},
               {"weights", weights},
               {"left_out", leftOut},
               {"plan",
                {{"target", facts.target.name},
                 {"scheme", facts.scheme},
                 {"cache_scheme", facts.cacheScheme},
                 {"context", facts.context},
                 {"max_tokens", facts.maxTokens},
                 {"weight_bytes", facts.weightsBytes},
                 {"bytes_per_token", static_cast<int64_t>(summary.bytesPerToken)},
                 {"memory", memoryAsJson(summary.memory)},
                 {"machine_bytes", machineMemory()}}}};
  return text.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

/// "q4_0 kept, 1.20 GB; q6_k rounded to q8_0, 428 MB": matrices, the largest first.
static std::string changesText(const ModelSummary &summary) {
  std::map<std::string, int64_t> bytes;
  for (const WeightGroup &group : summary.groups) {
    std::string way = group.from;
    if (group.fidelity == Fidelity::kept)
      way += " kept";
    else
      way += std::string(group.fidelity == Fidelity::exact ? " as " : " rounded to ") +
             std::string(nameOf(group.to));
    bytes[way] += group.bytes;
  }
  std::vector<std::pair<std::string, int64_t>> sorted(bytes.begin(), bytes.end());
  llvm::stable_sort(sorted, [](const auto &a, const auto &b) { return a.second > b.second; });
  std::string text;
  for (const auto &[way, size] : sorted)
    text += (text.empty() ? "" : "; ") + way + ", " + bytesText(size);
  return text;
}

std::string describeShortly(const ModelSummary &summary) {
  const ModelFacts &facts = summary.facts;
  std::string out;
  for (const LeftOut &left : summary.leftOut)
    out += (out.empty() ? "" : "; ") + left.what + ", " + bytesText(left.bytes);
  return llvm::formatv(
      "{0}: {1}, {2} layers, {3} numbers, from {4} of {5}\n"
      "weights: {6}\n"
      "left out: {7}\n"
      "tokenizer: {8} tokens, ends at {9}; chat template: {10}\n"
      "memory: {11} of weights and {12} for {13} positions on {14}; a token reads {15}\n",
      facts.name, familyText(summary.config.family), summary.config.layers.size(),
      countText(summary.numbers()), formatText(summary), bytesText(summary.fileBytes), changesText(summary),
      out.empty() ? "nothing" : out, summary.pieces, stopText(summary.generation),
      summary.chatTemplate.empty() ? "none" : bytesText(static_cast<int64_t>(summary.chatTemplate.size())),
      bytesText(facts.weightsBytes), bytesText(static_cast<int64_t>(summary.memory.generation())),
      facts.context, facts.target.name, withUnit(summary.bytesPerToken, "B"));
}

} // namespace gemmac
