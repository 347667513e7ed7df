//===- AdapterConfig.cpp - adapter_config.json of PEFT --------------------------------------------------===//

#include "compiler/import/AdapterConfig.h"
#include "compiler/import/ConfigFields.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Regex.h"

#include <cmath>

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace gemmac {
namespace {

constexpr StringRef kFile = "adapter_config.json";
constexpr int64_t kHighestRank = 1 << 16;

/// Keys that do not affect what a trained adapter computes: how it was trained, and which modules it has,
/// which its tensors say.
const StringRef kSilentKeys[] = {
    "auto_mapping",   "corda_config",    "eva_config",          "exclude_modules",   "inference_mode",
    "layers_pattern", "loftq_config",    "layers_to_transform", "lora_dropout",      "lora_ga_config",
    "megatron_core",  "modules_to_save", "peft_version",        "qalora_group_size", "revision",
    "runtime_config", "task_type"};

/// Features that change what is computed, each with what it is.
struct Feature {
  StringRef key, what;
};
const Feature kForeignFeatures[] = {
    {"alora_invocation_tokens", "an activated LoRA, which starts to act within the text"},
    {"arrow_config", "routed between several adapters"},
    {"kasa_config", "of the KaSA variant"},
    {"layer_replication", "for a model with repeated layers"},
    {"lora_bias", "trained with biases, which the model's matrices do not have"},
    {"megatron_config", "for Megatron's parallel matrices"},
    {"monteclora_config", "of the MonteCLoRA variant"},
    {"target_parameters", "for parameters instead of modules (the experts' stacked matrices)"},
    {"trainable_token_indices", "trained on single rows of the embedding"},
    {"use_bdlora", "of the BD-LoRA variant"},
    {"use_qalora", "of the QA-LoRA variant"},
    {"velora_config", "of the VeLoRA variant"}};

/// Initializations that leave the model as it is. Others (PiSSA, OLoRA, LoftQ, …) move a part of the weights
/// into the adapter before training, so that it fits only a changed model.
const StringRef kHarmlessInitializations[] = {"gaussian", "eva", "orthogonal"};

bool meansNothing(const nlohmann::json &value) {
  return value.is_null() || value == false || ((value.is_array() || value.is_object()) && value.empty());
}

/// A module's name, or its last parts. (As an expression, its dots would match other characters too, which no
/// name of a module has in their places.)
bool isPlainName(StringRef text) {
  return !text.empty() && llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
}

/// Python's regular expression as a POSIX one; nothing if it uses what POSIX does not have. Only whether a
/// whole name matches matters, so lazy repetitions are plain ones.
std::optional<std::string> posixFrom(StringRef python) {
  constexpr size_t kLongest = 1024; // the matcher's memory grows with the pattern
  if (python.empty() || python.size() > kLongest || python.contains('{'))
    return std::nullopt;
  std::string posix;
  bool inClass = false;
  for (size_t i = 0; i < python.size(); ++i) {
    char c = python[i], next = i + 1 < python.size() ? python[i + 1] : 0;
    if (c == '\\') {
      ++i;
      if (next == 'd' || next == 'w') {
        StringRef members = next == 'd' ? "0-9" : "0-9A-Za-z_";
        posix += inClass ? members.str() : ("[" + members + "]").str();
      } else if (llvm::isAlnum(next) || !next) {
        return std::nullopt;
      } else {
        posix += inClass ? std::string(1, next) : std::string{c, next};
      }
      continue;
    }
    if (!inClass && c == '(' && next == '?') {
      if (i + 2 >= python.size() || python[i + 2] != ':')
        return std::nullopt;
      posix += '(';
      i += 2;
      continue;
    }
    posix += c;
    if (inClass ? c == ']' : c == '[')
      inClass = !inClass;
    else if (!inClass && (c == '*' || c == '+' || c == '?') && (next == '?' || next == '+'))
      ++i;
  }
  return "^(.*\\.)?(" + posix + ")$";
}

class Reader {
public:
  Reader(ConfigFields &fields, const nlohmann::ordered_json &object, std::string file)
      : fields(fields), object(object) {
    config.file = std::move(file);
  }

  AdapterConfig read() {
    refuseForeignKinds();
    config.base = object.value("base_model_name_or_path", nlohmann::ordered_json()).is_string()
                      ? fields.string("base_model_name_or_path", "")
                      : "";
    config.rank = fields.integer("r", 8, 1, kHighestRank);
    config.alpha = fields.number("lora_alpha", 8, -1e6, 1e6);
    config.rootOfRank = fields.boolean("use_rslora", false);
    config.dora = fields.boolean("use_dora", false);
    config.tiesEmbeddings = fields.boolean("ensure_weight_tying", false);
    // Of matrices that are stored transposed. The model has none: PEFT ignores this, too.
    fields.boolean("fan_in_fan_out", false);
    fields.string("bias", "none"); // the model has no biases, wherever they were trained
    config.ranks = patterns("rank_pattern");
    config.alphas = patterns("alpha_pattern");
    if (fields.isList("target_modules"))
      config.targets = fields.strings("target_modules");
    fields.ignore({"target_modules", "base_model_name_or_path"});
    readInitialization();
    fields.ignore(kSilentKeys);
    refuseFeatures();
    return std::move(config);
  }

private:
  ConfigFields &fields;
  const nlohmann::ordered_json &object;
  AdapterConfig config;

  void refuseForeignKinds() {
    if (fields.has("lora_parameters") || fields.has("fine_tune_type"))
      return fields.fail(fields.has("lora_parameters") ? "lora_parameters" : "fine_tune_type",
                         "belongs to an adapter of MLX; adapters of PEFT are merged (mlx_lm.fuse makes a "
                         "checkpoint of this one)");
    std::string kind = fields.string("peft_type", std::nullopt);
    if (kind != "LORA")
      fields.fail("peft_type", "is " + inQuotes(kind) + "; only LORA is merged, also as rsLoRA and DoRA");
  }

  /// In the order of the file: the first pattern that matches counts.
  std::vector<AdapterConfig::Pattern> patterns(StringRef key) {
    std::vector<AdapterConfig::Pattern> all;
    ConfigFields inner = fields.inner(key);
    auto found = object.find(key.str());
    if (found != object.end() && found->is_object())
      for (const auto &[text, value] : found->items()) {
        std::optional<std::string> posix = isPlainName(text) ? "" : posixFrom(text);
        std::string problem;
        if (!posix || (!posix->empty() && !llvm::Regex(*posix).isValid(problem)))
          inner.fail(text, "is a regular expression that cannot be evaluated here; write the modules' names");
        all.push_back({text, posix.value_or(""), inner.number(text, 1, -1e6, 1e6)});
      }
    fields.absorb(inner);
    return all;
  }

  void readInitialization() {
    constexpr StringRef kKey = "init_lora_weights";
    auto found = object.find(kKey.str());
    if (found == object.end() || found->is_boolean() || found->is_null())
      return fields.ignore({kKey});
    std::string kind = fields.string(kKey, "");
    if (!llvm::is_contained(kHarmlessInitializations, StringRef(kind)))
      fields.fail(kKey, "is " + inQuotes(kind) +
                            ", which changes the model before training; convert the adapter with PEFT "
                            "(path_initial_model_for_weight_conversion), or merge it there");
  }

  void refuseFeatures() {
    for (const std::string &key : fields.unread()) {
      if (meansNothing(nlohmann::json(object.at(key)))) {
        fields.ignore({key});
        continue;
      }
      const auto *feature = llvm::find_if(kForeignFeatures, [&](const Feature &f) { return f.key == key; });
      if (feature != std::end(kForeignFeatures))
        fields.fail(key, "makes this an adapter " + feature->what + "; that is not supported");
    }
    fields.refuseTheRest();
  }
};

} // namespace

bool AdapterConfig::Pattern::matches(StringRef module) const {
  if (!posix.empty())
    return llvm::Regex(posix).match(module);
  return module == text || (module.ends_with(text) && module.drop_back(text.size()).ends_with("."));
}

Expected<double> AdapterConfig::scaling(StringRef module, int64_t tensorRank) const {
  auto of = [&](const std::vector<Pattern> &patterns, double otherwise) {
    auto found = llvm::find_if(patterns, [&](const Pattern &pattern) { return pattern.matches(module); });
    return found == patterns.end() ? otherwise : found->value;
  };
  double wanted = of(ranks, double(rank));
  if (wanted != double(tensorRank))
    return fileError(file, "gives module " + inQuotes(module) + " rank " + Twine(int64_t(wanted)) +
                               ", but its tensors have rank " + Twine(tensorRank));
  return of(alphas, alpha) / (rootOfRank ? std::sqrt(double(tensorRank)) : double(tensorRank));
}

bool holdsAdapter(const std::string &directory) {
  return llvm::sys::fs::exists(pathIn(directory, kFile));
}

Expected<AdapterConfig> readAdapterConfig(const std::string &directory) {
  std::string path = pathIn(directory, kFile);
  Expected<std::string> text = readTextFile(path);
  if (!text)
    return text.takeError();
  Expected<nlohmann::json> checked = parseJsonObject(path, *text);
  if (!checked)
    return checked.takeError();
  ConfigFields fields(path, *checked);
  nlohmann::ordered_json ordered = nlohmann::ordered_json::parse(*text, nullptr, /*allow_exceptions=*/false);
  AdapterConfig config = Reader(fields, ordered, path).read();
  if (Error error = fields.takeError())
    return error;
  return config;
}

} // namespace gemmac
