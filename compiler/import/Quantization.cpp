//===- Quantization.cpp - how a safetensors checkpoint was quantized ------------------------------------===//

#include "compiler/import/Quantization.h"
#include "llvm/ADT/StringSwitch.h"

using llvm::Error;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace gemmac {
namespace {

/// An object's value of any type, as a word; empty if it has none.
std::string word(const json &object, StringRef key) {
  auto found = object.find(key);
  if (found == object.end() || found->is_null())
    return "";
  if (const auto *text = found->get_ptr<const std::string *>())
    return *text;
  return found->is_primitive() ? found->dump() : "";
}

/// "4 bits, groups of 128"
std::string sizes(const json &object, StringRef bitsKey, StringRef groupKey) {
  std::string bits = word(object, bitsKey), group = word(object, groupKey), text;
  if (!bits.empty())
    text = bits + " bits";
  if (!group.empty())
    text += (text.empty() ? "" : ", ") + (group == "-1" ? "one scale a row" : "groups of " + group);
  return text;
}

std::string withDetails(StringRef name, const std::string &details) {
  return details.empty() ? name.str() : (name + " (" + details + ")").str();
}

/// The first of several groups of modules stands for all.
std::string compressedTensors(const json &object) {
  std::string details = word(object, "format");
  auto groups = object.find("config_groups");
  if (groups != object.end() && groups->is_object() && !groups->empty()) {
    const json &group = *groups->begin();
    auto weights = group.is_object() ? group.find("weights") : group.end();
    if (group.is_object() && weights != group.end() && weights->is_object()) {
      std::string more = sizes(*weights, "num_bits", "group_size");
      details += (details.empty() || more.empty() ? "" : ", ") + more;
    }
  }
  return withDetails("compressed-tensors", details);
}

std::string bitsAndBytes(const json &object) {
  std::string type = word(object, "bnb_4bit_quant_type");
  if (word(object, "load_in_8bit") == "true")
    return "bitsandbytes (int8)";
  return withDetails("bitsandbytes", type.empty() ? "4 bits" : type);
}

std::string mlx(const json &object) {
  std::string mode = word(object, "mode");
  return "MLX " + withDetails(mode.empty() ? "affine" : mode, sizes(object, "bits", "group_size"));
}

/// What the checkpoint is quantized as, for a message.
std::string nameOf(const json &object) {
  std::string method = word(object, "quant_method");
  if (method.empty())
    return mlx(object);
  return llvm::StringSwitch<std::string (*)(const json &)>(method)
      .Cases({"compressed-tensors", "compressed_tensors"}, compressedTensors)
      .Case("bitsandbytes", bitsAndBytes)
      .Case("gptq", [](const json &o) { return withDetails("GPTQ", sizes(o, "bits", "group_size")); })
      .Case("awq", [](const json &o) { return withDetails("AWQ", sizes(o, "bits", "group_size")); })
      .Case("fp8", [](const json &) { return std::string("FP8 with a scale for each block"); })
      .Case("fbgemm_fp8", [](const json &) { return std::string("FP8 with a scale for each row"); })
      .Case("gemma",
            [](const json &) { return std::string("Gemma's mobile format, with activations in steps"); })
      .Default([](const json &o) {
        return withDetails(inQuotes(word(o, "quant_method")), sizes(o, "bits", "group_size"));
      })(object);
}

} // namespace

Error readQuantization(const std::string &file, const json &config) {
  for (const char *key : {"quantization_config", "quantization"}) {
    auto found = config.find(key);
    if (found == config.end() || found->is_null() || (found->is_object() && found->empty()))
      continue;
    if (!found->is_object())
      return fileError(file, "'" + Twine(key) + "' is not an object");
    return fileError(file, "the checkpoint is already quantized as " + nameOf(*found) +
                               "; take the bf16 checkpoint that it was made of, or a GGUF file");
  }
  if (auto text = config.find("text_config"); text != config.end() && text->is_object())
    return readQuantization(file, *text);
  return Error::success();
}

} // namespace gemmac
