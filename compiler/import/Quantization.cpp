//===- Quantization.cpp - how a safetensors checkpoint was quantized ------------------------------------===//

#include "compiler/import/Quantization.h"
#include "compiler/import/JsonFile.h"
#include "llvm/ADT/StringSwitch.h"

using llvm::Expected;
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

/// Whether a value is absent, null, false or empty.
bool isNothing(const json &object, StringRef key) {
  auto found = object.find(key);
  return found == object.end() || found->is_null() || *found == false || *found == "" ||
         (found->is_structured() && found->empty());
}

const json &at(const json &object, StringRef key) {
  static const json nothing;
  auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? nothing : *found;
}

/// The bits that can be read, or 0.
int64_t bitsOf(const json &object, StringRef key) {
  const json &bits = at(object, key);
  return bits == 4 || bits == 8 ? bits.get<int64_t>() : 0;
}

/// Two sizes of a block; false if these are something else.
bool readBlock(const json &sizes, PackedForm &form) {
  constexpr int64_t kMost = 1 << 20;
  if (!sizes.is_array() || sizes.size() != 2)
    return false;
  int64_t *to[] = {&form.blockRows, &form.blockColumns};
  for (size_t axis = 0; axis < 2; ++axis) {
    if (!sizes[axis].is_number_unsigned() || sizes[axis] == 0 || sizes[axis].get<uint64_t>() > kMost)
      return false;
    *to[axis] = sizes[axis].get<int64_t>();
  }
  return true;
}

/// Reads what unpacking needs; false if this cannot be unpacked.
bool readCompressedTensors(const json &object, Quantization &read) {
  std::string format = word(object, "format");
  if (!isNothing(object, "transform_config") || !isNothing(object, "kv_cache_scheme"))
    return false;
  if (word(at(object, "sparsity_config"), "format") != "" &&
      word(at(object, "sparsity_config"), "format") != "dense")
    return false;
  if (format == "pack-quantized")
    read.form.packing = Packing::words;
  else if (format == "int-quantized" || format == "float-quantized" || format == "naive-quantized")
    read.form.packing = Packing::bytes;
  else
    return false;
  if (!at(object, "config_groups").is_object() || at(object, "config_groups").empty())
    return false;
  for (const json &group : at(object, "config_groups")) {
    const json &weights = at(group, "weights"), &inputs = at(group, "input_activations");
    read.form.bits = bitsOf(weights, "num_bits");
    // Activations in steps that follow from them lose less here, in steps that were fixed they would differ.
    if (!read.form.bits || (!inputs.is_null() && at(inputs, "dynamic") != true) ||
        !at(group, "output_activations").is_null())
      return false;
    if (word(weights, "strategy") == "block" && !readBlock(at(weights, "block_structure"), read.form))
      return false;
  }
  return true;
}

bool readFp8(const json &object, Quantization &read) {
  read.form = {.packing = Packing::bytes, .bits = 8};
  if (word(object, "activation_scheme") == "static")
    return false;
  return at(object, "weight_block_size").is_null() || readBlock(at(object, "weight_block_size"), read.form);
}

bool readGptq(const json &object, Quantization &read) {
  std::string format = word(object, "checkpoint_format");
  read.form = {.packing = Packing::gptq,
               .bits = bitsOf(object, "bits"),
               .zerosAreLess = format.empty() || format == "gptq"};
  return read.form.bits && (read.form.zerosAreLess || format == "gptq_v2") && isNothing(object, "dynamic") &&
         isNothing(object, "is_marlin_format");
}

bool readAwq(const json &object, Quantization &read) {
  std::string version = StringRef(word(object, "version")).lower();
  read.form = {.packing = Packing::awq, .bits = 4};
  return at(object, "bits") == 4 && (version.empty() || version == "gemm");
}

bool readMlx(const json &object, Quantization &read) {
  std::string mode = word(object, "mode");
  read.form = {.packing = Packing::mlx, .bits = bitsOf(object, "bits")};
  if (!read.form.bits || (!mode.empty() && mode != "affine"))
    return false;
  for (const auto &[module, value] : object.items())
    if (value.is_object() && !value.empty()) {
      std::string own = word(value, "mode");
      int64_t bits = value.contains("bits") ? bitsOf(value, "bits") : read.form.bits;
      if (!bits || (!own.empty() && own != "affine"))
        return false;
      read.bits[module] = bits;
    }
  return true;
}

bool readForm(const json &object, Quantization &read) {
  std::string method = word(object, "quant_method");
  if (method.empty())
    return readMlx(object, read);
  return llvm::StringSwitch<bool (*)(const json &, Quantization &)>(method)
      .Cases({"compressed-tensors", "compressed_tensors"}, readCompressedTensors)
      .Cases({"fp8", "fbgemm_fp8"}, readFp8)
      .Case("gptq", readGptq)
      .Case("awq", readAwq)
      .Default([](const json &, Quantization &) { return false; })(object, read);
}

} // namespace

Expected<std::optional<Quantization>> takeQuantization(const std::string &file, json &config) {
  constexpr const char *kKeys[] = {"quantization", "quantization_config"};
  for (const char *key : kKeys) {
    auto found = config.find(key);
    if (found == config.end() || found->is_null() || (found->is_object() && found->empty()))
      continue;
    if (!found->is_object())
      return fileError(file, "'" + Twine(key) + "' is not an object");
    Quantization read{.name = nameOf(*found), .form = {}, .bits = {}};
    if (!readForm(*found, read))
      return fileError(file, "the checkpoint is already quantized as " + read.name +
                                 "; take the bf16 checkpoint that it was made of, or a GGUF file");
    for (const char *each : kKeys)
      config.erase(each);
    return read;
  }
  if (auto text = config.find("text_config"); text != config.end() && text->is_object())
    return takeQuantization(file, *text);
  return std::nullopt;
}

} // namespace gemmac
