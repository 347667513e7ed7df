//===- KernelSpec.cpp - a kernel's constants and its symbol ---------------------------------------------===//

#include "contract/KernelSpec.h"

#include "contract/Hash.h"

#include <cassert>
#include <cstdio>
#include <iomanip>
#include <sstream>

namespace gemmac {

static const KernelConstant &find(const KernelSpec &spec, const std::string &name) {
  auto found = spec.constants.find(name);
  assert(found != spec.constants.end() && "the table of families lists its constants");
  return found->second;
}

int64_t KernelSpec::integer(const std::string &name) const {
  return std::get<int64_t>(find(*this, name));
}

double KernelSpec::number(const std::string &name) const {
  const KernelConstant &value = find(*this, name);
  if (const int64_t *integer = std::get_if<int64_t>(&value))
    return double(*integer);
  return std::get<double>(value);
}

const std::string &KernelSpec::word(const std::string &name) const {
  return std::get<std::string>(find(*this, name));
}

Scheme KernelSpec::scheme() const {
  std::optional<Scheme> scheme = findScheme(word("scheme"));
  assert(scheme && "the table of schemes has it");
  return *scheme;
}

Layout KernelSpec::layout() const {
  std::optional<Layout> layout = findLayout(word("layout"));
  assert(layout && "there is such a layout");
  return *layout;
}

std::string KernelSpec::text() const {
  std::ostringstream text;
  text << family << "{";
  for (const auto &[name, value] : constants) {
    text << name << "=";
    char digits[32];
    if (const int64_t *integer = std::get_if<int64_t>(&value))
      text << *integer;
    else if (const double *number = std::get_if<double>(&value))
      text.write(digits, std::snprintf(digits, sizeof digits, "%a", *number));
    else
      text << std::quoted(std::get<std::string>(value));
    text << ";";
  }
  text << "}" << textOf(schedule);
  return text.str();
}

std::string KernelSpec::symbol() const {
  std::string name = family;
  if (has("scheme"))
    name += "_" + word("scheme");
  // The sizes that the specification has, as a person would write them: 1536x2048.
  std::string size;
  for (const char *axis : {"heads", "input", "columns", "experts", "output", "width", "dim", "size"})
    if (has(axis))
      size += (size.empty() ? "_" : "x") + std::to_string(integer(axis));
  return name + size + "_" + hashOf(text()).substr(0, 16);
}

} // namespace gemmac
