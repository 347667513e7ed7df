//===- GenerationConfig.cpp - how a checkpoint wants its text to be sampled -----------------------------===//

#include "compiler/import/GenerationConfig.h"
#include "compiler/import/ConfigFields.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>
#include <limits>

using nlohmann::json;

namespace gemmac {
namespace {

/// <eos> and <turn|> (Gemma 3: <end_of_turn>) and, in Gemma 4, the start of a tool's response: the stop
/// tokens of a checkpoint that names none.
std::vector<int32_t> familyStops(const ModelConfig &model) {
  std::vector<int32_t> stops;
  for (int32_t id : {1, 106, 50})
    if (id < model.vocabulary && (id != 50 || model.family == ModelFamily::gemma4))
      stops.push_back(id);
  return stops;
}

double numberOr(ConfigFields &fields, llvm::StringRef key, double absent, double least, double most) {
  if (!fields.given(key))
    return absent;
  return fields.number(key, absent, least, most);
}

/// Keys that are not read concern the calling program (beams, lengths, assistants) and are ignored.
GenerationConfig read(ConfigFields &fields, const ModelConfig &model) {
  GenerationConfig config;
  readSampling(fields, {"temperature", "top_k", "top_p", "min_p", "repetition_penalty"}, config);
  if (fields.given("do_sample") && !fields.boolean("do_sample", true))
    config.temperature = 0.0;
  std::vector<int32_t> bos = fields.ids("bos_token_id", model.vocabulary);
  config.bos = bos.empty() ? model.bos : std::optional(bos.front());
  addStops(config.stop, fields.ids("eos_token_id", model.vocabulary));
  addStops(config.stop, model.eos);
  if (config.stop.empty())
    config.stop = familyStops(model);
  config.suppress = fields.ids("suppress_tokens", model.vocabulary);
  return config;
}

} // namespace

void readSampling(ConfigFields &fields, const SamplingKeys &keys, GenerationConfig &config) {
  config.temperature = numberOr(fields, keys.temperature, config.temperature, 0.0, 1e6);
  // -1 means all to many programs, as does what is larger than any vocabulary.
  int64_t topK =
      fields.integerOrNull(keys.topK, -1, std::numeric_limits<int64_t>::max()).value_or(config.topK);
  config.topK = int32_t(std::clamp<int64_t>(topK, 0, std::numeric_limits<int32_t>::max()));
  config.topP = numberOr(fields, keys.topP, config.topP, 0.0, 1.0);
  config.minP = numberOr(fields, keys.minP, config.minP, 0.0, 1.0);
  config.repetitionPenalty = numberOr(fields, keys.repetitionPenalty, config.repetitionPenalty, 1e-3, 1e3);
}

void addStops(std::vector<int32_t> &stops, llvm::ArrayRef<int32_t> ids) {
  for (int32_t id : ids)
    if (id >= 0 && !llvm::is_contained(stops, id))
      stops.push_back(id);
}

llvm::Expected<GenerationConfig> readGenerationConfig(const std::string &directory,
                                                      const ModelConfig &model) {
  std::string path = pathIn(directory, "generation_config.json");
  json object = json::object();
  if (llvm::sys::fs::exists(path)) {
    llvm::Expected<json> found = readJsonFile(path);
    if (!found)
      return found.takeError();
    object = std::move(*found);
  }
  ConfigFields fields(path, object);
  GenerationConfig config = read(fields, model);
  if (llvm::Error error = fields.takeError())
    return error;
  return config;
}

} // namespace gemmac
