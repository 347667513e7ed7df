//===- ConfigFields.cpp - the keys of a configuration, each read once and checked -----------------------===//

#include "compiler/import/ConfigFields.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace gemmac {
namespace {

std::string shown(const json &value) {
  if (value.is_object() || value.is_array())
    return value.is_array() ? "a list" : "an object";
  if (value.is_number_float() && !std::isfinite(value.get<double>()))
    return inQuotes(std::isnan(value.get<double>()) ? "nan" : "infinity"); // JSON cannot spell these
  return inQuotes(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

/// An integer in range, and nothing else: 64.0 and true are refused as a number of layers.
std::optional<int64_t> asInteger(const json &value) {
  if (value.is_number_unsigned()) {
    uint64_t number = value.get<uint64_t>();
    return number <= uint64_t(std::numeric_limits<int64_t>::max()) ? std::optional<int64_t>(number)
                                                                   : std::nullopt;
  }
  return value.is_number_integer() ? std::optional<int64_t>(value.get<int64_t>()) : std::nullopt;
}

std::string decimal(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

} // namespace

const json *ConfigFields::take(StringRef key) {
  read.insert(key);
  auto found = object->find(key);
  return found == object->end() || failed() ? nullptr : &*found;
}

bool ConfigFields::given(StringRef key) const {
  auto found = object->find(key);
  return found != object->end() && !found->is_null();
}

bool ConfigFields::isList(StringRef key) const {
  auto found = object->find(key);
  return found != object->end() && found->is_array();
}

void ConfigFields::fail(StringRef key, const Twine &what) {
  if (!failed())
    problem = (inQuotes(path + key.str()) + " " + what).str();
}

int64_t ConfigFields::integer(StringRef key, std::optional<int64_t> absent, int64_t least, int64_t most) {
  const json *value = take(key);
  if (!value) {
    if (!absent)
      fail(key, "is missing");
    return absent.value_or(least);
  }
  std::optional<int64_t> number = asInteger(*value);
  if (!number || *number < least || *number > most) {
    fail(key, "is " + shown(*value) + ", but must be an integer from " + Twine(least) + " to " + Twine(most));
    return absent.value_or(least);
  }
  return *number;
}

std::vector<int64_t> ConfigFields::integers(StringRef key, int64_t count, int64_t least, int64_t most) {
  if (!isList(key)) {
    int64_t value = integer(key, std::nullopt, least, most);
    return failed() ? std::vector<int64_t>() : std::vector<int64_t>(size_t(count), value);
  }
  const json *list = take(key);
  if (!list)
    return {};
  if (int64_t(list->size()) != count) {
    fail(key, "has " + Twine(list->size()) + " entries, but " + Twine(count) + " are needed");
    return {};
  }
  std::vector<int64_t> all;
  for (const json &item : *list) {
    std::optional<int64_t> number = asInteger(item);
    if (!number || *number < least || *number > most) {
      fail(key,
           "holds " + shown(item) + ", but must hold integers from " + Twine(least) + " to " + Twine(most));
      return {};
    }
    all.push_back(*number);
  }
  return all;
}

std::optional<int64_t> ConfigFields::integerOrNull(StringRef key, int64_t least, int64_t most) {
  if (given(key))
    return integer(key, least, least, most);
  read.insert(key);
  return std::nullopt;
}

double ConfigFields::number(StringRef key, double absent, double least, double most) {
  const json *value = take(key);
  if (!value)
    return absent;
  double number = value->is_number() ? value->get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (number >= least && number <= most)
    return number;
  fail(key, "is " + shown(*value) + ", but must be a number from " + decimal(least) + " to " + decimal(most));
  return absent;
}

double ConfigFields::positive(StringRef key, std::optional<double> absent) {
  if (!has(key) && !absent)
    fail(key, "is missing");
  // Bounds within which the number, its square and its inverse are normal in float32.
  return number(key, absent.value_or(1.0), 1e-18, 1e18);
}

std::optional<double> ConfigFields::positiveOrNull(StringRef key) {
  if (given(key))
    return positive(key, 1.0);
  read.insert(key);
  return std::nullopt;
}

bool ConfigFields::boolean(StringRef key, bool absent) {
  const json *value = take(key);
  if (!value || value->is_null())
    return absent;
  if (!value->is_boolean())
    fail(key, "is " + shown(*value) + ", but must be true or false");
  return value->is_boolean() ? value->get<bool>() : absent;
}

std::string ConfigFields::string(StringRef key, std::optional<std::string> absent) {
  const json *value = take(key);
  if (!value) {
    if (!absent)
      fail(key, "is missing");
    return absent.value_or("");
  }
  const auto *text = value->get_ptr<const std::string *>();
  if (!text)
    fail(key, "is " + shown(*value) + ", but must be a string");
  return text ? *text : absent.value_or("");
}

std::vector<int32_t> ConfigFields::ids(StringRef key, int64_t vocabulary) {
  const json *value = take(key);
  std::vector<int32_t> all;
  if (!value || value->is_null())
    return all;
  for (const json &item : value->is_array() ? *value : json::array({*value})) {
    std::optional<int64_t> id = asInteger(item);
    if (!id || *id < 0 || *id >= vocabulary) {
      fail(key, "holds " + shown(item) + ", but the vocabulary's ids go from 0 to " + Twine(vocabulary - 1));
      return {};
    }
    all.push_back(int32_t(*id));
  }
  return all;
}

std::vector<std::string> ConfigFields::strings(StringRef key) {
  const json *value = take(key);
  std::vector<std::string> all;
  if (!value || value->is_null())
    return all;
  if (!value->is_array()) {
    fail(key, "is " + shown(*value) + ", but must be a list of strings");
    return all;
  }
  for (const json &item : *value) {
    if (!item.is_string()) {
      fail(key, "holds " + shown(item) + ", but must be a list of strings");
      return {};
    }
    all.push_back(item.get<std::string>());
  }
  return all;
}

ConfigFields ConfigFields::inner(StringRef key) {
  static const json empty = json::object();
  const json *value = take(key);
  if (value && !value->is_null() && !value->is_object()) {
    fail(key, "is " + shown(*value) + ", but must be an object");
    value = nullptr;
  }
  ConfigFields fields(file, value && value->is_object() ? *value : empty);
  fields.path = path + key.str() + ".";
  return fields;
}

void ConfigFields::ignore(llvm::ArrayRef<StringRef> keys) {
  for (StringRef key : keys)
    read.insert(key);
}

std::vector<std::string> ConfigFields::ignoreIf(llvm::function_ref<bool(StringRef, const json &)> idle) {
  std::vector<std::string> paths;
  for (const std::string &key : unread())
    if (idle(key, (*object)[key])) {
      read.insert(key);
      paths.push_back(path + key);
    }
  return paths;
}

std::vector<std::string> ConfigFields::unread() const {
  std::vector<std::string> keys;
  for (const auto &[key, value] : object->items())
    if (!read.contains(key))
      keys.push_back(key);
  return keys;
}

void ConfigFields::refuseTheRest() {
  for (const std::string &key : unread())
    fail(key, "is not a key that this compiler knows, and it might change what is computed");
}

void ConfigFields::absorb(const ConfigFields &inner) {
  if (!failed())
    problem = inner.problem;
}

llvm::Error ConfigFields::takeError() const {
  return failed() ? fileError(file, problem) : llvm::Error::success();
}

} // namespace gemmac
