//===- ChatTemplate.cpp - the chat template of a checkpoint ---------------------------------------------===//

#include "compiler/package/ChatTemplate.h"

#include "compiler/import/JsonFile.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"

#include <map>
#include <optional>

using namespace gemmac;
using nlohmann::json;

static constexpr const char *kField = "chat_template";

/// Named templates: a list of objects with name and template, as transformers writes them, or one object.
static std::map<std::string, std::string> namedTemplates(const json &value) {
  std::map<std::string, std::string> named;
  for (const auto &[key, item] : value.items()) {
    if (value.is_object() && item.is_string())
      named[key] = item.get<std::string>();
    else if (item.is_object() && item.contains("name") && item["name"].is_string() &&
             item.contains("template") && item["template"].is_string())
      named[item["name"].get<std::string>()] = item["template"].get<std::string>();
  }
  return named;
}

/// The template that a field holds; nothing, with a remark, if it holds none that could be meant.
static std::optional<std::string> templateIn(const json &value, const std::string &file,
                                             std::vector<std::string> &remarks) {
  if (value.is_string())
    return value.get<std::string>();
  std::map<std::string, std::string> named;
  if (value.is_structured())
    named = namedTemplates(value);
  if (auto found = named.find("default"); found != named.end())
    return found->second;
  if (named.size() == 1)
    return named.begin()->second;
  std::string names;
  for (const auto &[name, text] : named)
    names += (names.empty() ? "" : ", ") + inQuotes(name);
  remarks.push_back(file + ": '" + kField + "' " +
                    (named.empty() ? "is neither a text nor a list of named ones"
                                   : "holds " + names + ", but none that is named 'default'") +
                    "; it is left out");
  return std::nullopt;
}

void gemmac::takeChatTemplate(std::string text, const std::string &file, Tokenizer &tokenizer) {
  if (text.find('\0') != std::string::npos)
    tokenizer.remarks.push_back(file + ": the chat template holds a zero byte; it is left out");
  else
    tokenizer.chatTemplate = std::move(text);
}

void gemmac::readChatTemplate(const std::string &directory, const json &config, Tokenizer &tokenizer) {
  auto leaveOut = [&](llvm::Error error) {
    tokenizer.remarks.push_back(llvm::toString(std::move(error)) + "; the chat template is left out");
  };
  const std::string plain = pathIn(directory, "chat_template.jinja");
  if (llvm::sys::fs::exists(plain)) {
    llvm::Expected<std::string> text = readTextFile(plain);
    if (!text)
      return leaveOut(text.takeError());
    return takeChatTemplate(std::move(*text), plain, tokenizer);
  }
  auto take = [&](const json &object, const std::string &file) {
    auto found = object.find(kField);
    if (found == object.end() || found->is_null())
      return false;
    takeChatTemplate(templateIn(*found, file, tokenizer.remarks).value_or(""), file, tokenizer);
    return true;
  };
  if (take(config, pathIn(directory, "tokenizer_config.json")))
    return;
  const std::string processor = pathIn(directory, "chat_template.json");
  if (!llvm::sys::fs::exists(processor))
    return;
  llvm::Expected<json> object = readJsonFile(processor);
  if (!object)
    return leaveOut(object.takeError());
  take(*object, processor);
}
