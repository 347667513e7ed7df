//===- Manifest.cpp - a compiled model's sizes, kernels and losses, as JSON -----------------------------===//

#include "compiler/package/Manifest.h"
#include "compiler/import/JsonFile.h"
#include "compiler/package/MemoryText.h"
#include "compiler/package/OutputFile.h"
#include "compiler/package/Version.h"

#include "runtime/include/gemmac/model.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <nlohmann/json.hpp>

namespace gemmac {

using Json = nlohmann::ordered_json;

static Json describe(const KernelFacts &kernel) {
  Json constants = Json::object();
  for (const auto &[name, constant] : kernel.spec.constants)
    std::visit([&](const auto &value) { constants[name] = value; }, constant);
  Json schedule = Json::object();
  for (const ScheduleNumber &number : scheduleNumbers())
    if (int64_t value = kernel.spec.schedule.*number.value)
      schedule[std::string(number.name)] = value;
  return {{"symbol", kernel.spec.symbol()},
          {"family", kernel.spec.family},
          {"constants", constants},
          {"schedule", schedule},
          {"object_bytes", kernel.bytes}};
}

/// A whole tensor is its name.
static Json describe(const TensorRange &source) {
  if (!source.rows && !source.columns)
    return source.tensor;
  Json text = {{"tensor", source.tensor}};
  if (source.rows)
    text["rows"] = {source.rows->begin, source.rows->end};
  if (source.columns)
    text["columns"] = {source.columns->begin, source.columns->end};
  return text;
}

static Json describe(const PlannedWeight &weight, const PackedWeight &packed) {
  Json sources = Json::array();
  for (const TensorRange &source : weight.sources)
    sources.push_back(describe(source));
  Json text = {{"name", weight.name},
               {"shape", weight.logical},
               {"scheme", nameOf(weight.scheme)},
               {"layout", nameOf(weight.layout)},
               {"bytes", weight.bytes()},
               {"relative_error", packed.relativeError},
               {"max_error", packed.maxError},
               {"sources", sources}};
  if (packed.recovered > 0)
    text["recovered"] = double(packed.recovered) / double(packed.blocks);
  return text;
}

/// The non-zero figures of a call, by name.
template <typename Call, typename Visit>
static void visitNumbers(Call &call, Visit visit) {
  visit("weight_bytes", call.weightBytes);
  visit("products", call.products);
  visit("row_bytes", call.rowBytes);
  visit("experts", call.experts);
  visit("choices", call.choices);
  visit("expert_bytes", call.expertBytes);
  visit("slot_bytes", call.slotBytes);
  visit("slot_products", call.slotProducts);
  visit("window", call.window);
}

static Json describe(const PlannedCall &call) {
  Json text = {{"kernel", call.kernel}};
  if (!call.weight.empty())
    text["weight"] = call.weight;
  if (call.integer)
    text["integer"] = true;
  visitNumbers(call, [&](const char *name, int64_t number) {
    if (number)
      text[name] = number;
  });
  return text;
}

static PlannedCall readCall(const Json &text) {
  PlannedCall call;
  call.kernel = text.at("kernel");
  call.weight = text.value("weight", "");
  call.integer = text.value("integer", false);
  visitNumbers(call, [&](const char *name, int64_t &number) { number = text.value(name, int64_t{0}); });
  return call;
}

/// What is called in a stretch is one word of numbers: a model makes a thousand calls a step.
static Json describe(const PlannedPhase &phase) {
  Json calls = Json::array(), order = Json::array();
  for (const PlannedCall &call : phase.calls)
    calls.push_back(describe(call));
  for (const PlannedPhase::Stretch &stretch : phase.order) {
    std::string numbers;
    for (size_t call : stretch.calls)
      numbers += (numbers.empty() ? "" : " ") + std::to_string(call);
    Json text;
    if (stretch.layer >= 0)
      text["layer"] = stretch.layer;
    text["calls"] = numbers;
    order.push_back(text);
  }
  return {{"name", phase.name}, {"calls", calls}, {"order", order}};
}

static llvm::Expected<PlannedPhase> readPhase(const Json &text) {
  PlannedPhase phase;
  phase.name = text.at("name");
  for (const Json &call : text.at("calls"))
    phase.calls.push_back(readCall(call));
  for (const Json &stretch : text.at("order")) {
    phase.order.push_back({stretch.value("layer", int64_t{-1}), {}});
    std::string numbers = stretch.at("calls");
    for (llvm::StringRef word : llvm::split(numbers, ' ')) {
      size_t call;
      if (word.getAsInteger(10, call) || call >= phase.calls.size())
        return makeError("'" + word + "' is none of the " + llvm::Twine(phase.calls.size()) + " calls of " +
                         phase.name);
      phase.order.back().calls.push_back(call);
    }
  }
  return phase;
}

llvm::Expected<RunningModel> readManifest(const std::string &file) {
  llvm::Expected<std::string> bytes = readTextFile(file);
  if (!bytes)
    return bytes.takeError();
  try {
    Json text = Json::parse(*bytes);
    RunningModel model;
    model.generationBytes = text.at("memory").at("generation");
    model.threadBytes = text.at("memory").at("thread");
    for (const Json &phase : text.at("phases")) {
      llvm::Expected<PlannedPhase> read = readPhase(phase);
      if (!read)
        return makeError(file + ": " + llvm::toString(read.takeError()));
      model.phases.push_back(std::move(*read));
    }
    return model;
  } catch (const Json::exception &error) {
    return makeError("'" + file + "' is no manifest of a compiled model: " + error.what());
  }
}

std::string manifest(const ModelFacts &facts, const Contents &contents) {
  std::map<std::string, int64_t> byScheme;
  Json tensors = Json::array(), kernels = Json::array();
  for (auto [weight, packed] : llvm::zip_equal(contents.weights, contents.packed)) {
    byScheme[std::string(nameOf(weight.scheme))] += weight.bytes();
    tensors.push_back(describe(weight, packed));
  }
  int64_t kernelBytes = 0;
  for (const KernelFacts &kernel : contents.kernels) {
    kernelBytes += kernel.bytes;
    kernels.push_back(describe(kernel));
  }

  Json adapters = Json::array();
  for (const MergedAdapter &adapter : facts.adapters)
    adapters.push_back({{"name", adapter.name}, {"scale", adapter.scale}, {"contents", adapter.contents}});

  Json phases = Json::array();
  for (const PlannedPhase &phase : contents.phases)
    phases.push_back(describe(phase));

  Json text = {
      {"name", facts.name},
      {"target",
       {{"name", facts.target.name}, {"triple", facts.target.triple}, {"needs", facts.target.requires_}}},
      {"versions",
       {{"gemmac", compilerVersion()}, {"model", GEMMAC_MODEL_VERSION}, {"kernels", kKernelVersion}}},
      {"fingerprint", llvm::utohexstr(facts.fingerprint, /*LowerCase=*/true, /*Width=*/16)},
      {"adapters", adapters},
      {"scheme", facts.scheme},
      {"activations", facts.activations},
      {"cache_scheme", facts.cacheScheme},
      {"vocab_size", facts.vocabSize},
      {"context", facts.context},
      {"max_tokens", facts.maxTokens},
      {"bytes",
       {{"package", contents.packageBytes},
        {"weights", facts.weightsBytes},
        {"weights_by_scheme", byScheme},
        {"arena", facts.arenaBytes},
        {"cache", facts.cacheBytes},
        {"driver_object", contents.driverBytes},
        {"kernel_objects", kernelBytes}}},
      {"memory", memoryAsJson(contents.memory)},
      {"phases", phases},
      {"kernels", kernels},
      {"tensors", tensors},
  };
  return text.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

} // namespace gemmac
