//===- KernelFamily.cpp - what the table of families says about a specification -------------------------===//

#include "contract/KernelFamily.h"
#include "contract/CacheLayout.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace gemmac {
namespace {

/// The parts of `text` between separators, without spaces around them.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (part.starts_with(' '))
      part.remove_prefix(1);
    while (part.ends_with(' '))
      part.remove_suffix(1);
    if (!part.empty())
      parts.push_back(part);
  }
  return parts;
}

/// A literal number or the value of a constant; nothing if it is known only at run time.
std::optional<int64_t> valueOf(std::string_view name, const KernelSpec &spec) {
  if (name.find_first_not_of("0123456789") == std::string_view::npos)
    return std::strtoll(std::string(name).c_str(), nullptr, 10);
  std::string key(name);
  if (!familyOf(spec).findConstant(name))
    return {};
  return spec.has(key) ? spec.integer(key) : 0;
}

std::optional<int64_t> sizeOf(std::string_view term, const KernelSpec &spec) {
  size_t end = std::min(term.find_first_of("*/+"), term.size());
  std::optional<int64_t> size = valueOf(term.substr(0, end), spec);
  while (size && end < term.size()) {
    char operation = term[end];
    term.remove_prefix(end + 1);
    end = std::min(term.find_first_of("*/+"), term.size());
    std::optional<int64_t> next = valueOf(term.substr(0, end), spec);
    if (!next)
      return {};
    size = operation == '*' ? *size * *next : operation == '/' ? *size / *next : *size + *next;
  }
  return size;
}

bool isSet(std::string_view name, const KernelSpec &spec) {
  if (name == "quantized" && spec.has("scheme"))
    return isQuantized(spec.scheme());
  auto constant = spec.constants.find(std::string(name));
  if (constant == spec.constants.end())
    return false;
  const int64_t *integer = std::get_if<int64_t>(&constant->second);
  return !integer || *integer != 0;
}

bool isThere(const FamilyPort &port, const KernelSpec &spec) {
  return std::ranges::all_of(split(port.when, ' '), [&](std::string_view name) {
    return name.starts_with('!') ? !isSet(name.substr(1), spec) : isSet(name, spec);
  });
}

std::vector<int64_t> sizesOf(const FamilyPort &port, const KernelSpec &spec) {
  std::vector<int64_t> sizes;
  for (std::string_view term : split(port.shape, ',')) {
    std::optional<int64_t> size = sizeOf(term, spec);
    assert(size && "the sizes of weights and caches are constants");
    sizes.push_back(*size);
  }
  return sizes;
}

std::vector<Plane> planesOf(const FamilyPort &port, const KernelSpec &spec) {
  std::vector<int64_t> sizes = sizesOf(port, spec);
  if (port.role == PortRole::cache || port.role == PortRole::writtenCache)
    return cachePlanesOf(spec.scheme(), sizes[0], sizes[1], sizes[2],
                         spec.has("pairs") ? spec.integer("pairs") : 0);
  WeightShape shape;
  shape.columns = sizes.back();
  shape.rows = sizes.size() > 1 ? sizes[sizes.size() - 2] : 1;
  shape.experts = sizes.size() > 2 ? sizes[0] : 0;
  return planesOf(port.layouts.size() > 1 ? spec.layout() : port.layouts[0],
                  port.role == PortRole::vector ? Scheme::f32 : spec.scheme(), shape);
}

bool isScheme(const KernelConstant &value, bool SchemeRow::*use) {
  const std::string *word = std::get_if<std::string>(&value);
  std::optional<Scheme> scheme = word ? findScheme(*word) : std::nullopt;
  return scheme && rowOf(*scheme).*use;
}

bool isLayoutOf(const KernelFamily &family, const KernelConstant &value) {
  const std::string *word = std::get_if<std::string>(&value);
  std::optional<Layout> layout = word ? findLayout(*word) : std::nullopt;
  return layout && std::ranges::any_of(family.ports, [&](const FamilyPort &port) {
           return std::ranges::find(port.layouts, *layout) != port.layouts.end() && port.layouts.size() > 1;
         });
}

bool isOfKind(const KernelFamily &family, ConstantKind kind, const KernelConstant &value) {
  const int64_t *integer = std::get_if<int64_t>(&value);
  switch (kind) {
  case ConstantKind::count:
    return integer && *integer >= 1;
  case ConstantKind::index:
    return integer && *integer >= 0;
  case ConstantKind::flag:
    return integer && (*integer == 0 || *integer == 1);
  case ConstantKind::number:
    return std::holds_alternative<double>(value);
  case ConstantKind::weightScheme:
    return isScheme(value, &SchemeRow::weights);
  case ConstantKind::cacheScheme:
    return isScheme(value, &SchemeRow::caches);
  case ConstantKind::layout:
    return isLayoutOf(family, value);
  }
  assert(false && "all kinds are listed");
  return false;
}

/// The constant that says how many columns the family's matrix or table has; empty if it has none.
std::string columnsOf(const KernelFamily &family) {
  for (const FamilyPort &port : family.ports)
    if (port.role == PortRole::matrix || port.role == PortRole::table)
      return std::string(split(port.shape, ',').back());
  return "";
}

std::string textOf(const KernelConstant &value) {
  if (const int64_t *integer = std::get_if<int64_t>(&value))
    return std::to_string(*integer);
  if (const double *number = std::get_if<double>(&value))
    return std::to_string(*number);
  return "\"" + std::get<std::string>(value) + "\"";
}

std::string namesOfConstants(const KernelFamily &family) {
  std::string names;
  for (const FamilyConstant &constant : family.constants)
    names += (names.empty() ? "" : ", ") + std::string(constant.name);
  return names;
}

/// "heads=2 size=40 eps=1e-6" as a specification.
KernelSpec readExample(const KernelFamily &family, std::string_view example) {
  KernelSpec spec{std::string(family.name), {}};
  for (std::string_view word : split(example, ' ')) {
    size_t equals = word.find('=');
    std::string name(word.substr(0, equals)), text(word.substr(equals + 1));
    const FamilyConstant *constant = family.findConstant(name);
    assert(constant && "examples have the family's constants");
    if (constant->kind == ConstantKind::number)
      spec.constants[name] = std::strtod(text.c_str(), nullptr);
    else
      spec.constants[name] = int64_t(std::strtoll(text.c_str(), nullptr, 10));
  }
  return spec;
}

/// The words that a constant of this kind, a scheme or a layout, accepts; none for other kinds.
std::vector<std::string> wordsOf(const KernelFamily &family, ConstantKind kind) {
  std::vector<std::string> words;
  for (const SchemeRow &row : allSchemes())
    if (isOfKind(family, kind, std::string(row.name)))
      words.emplace_back(row.name);
  for (const FamilyPort &port : family.ports)
    for (Layout layout : port.layouts)
      if (isOfKind(family, kind, std::string(nameOf(layout))))
        words.emplace_back(nameOf(layout));
  return words;
}

} // namespace

std::string_view wordsFor(ConstantKind kind) {
  switch (kind) {
  case ConstantKind::count:
    return "an integer of at least 1";
  case ConstantKind::index:
    return "an integer of at least 0";
  case ConstantKind::flag:
    return "0 or 1";
  case ConstantKind::number:
    return "a float64 number";
  case ConstantKind::weightScheme:
    return "a scheme of weights";
  case ConstantKind::cacheScheme:
    return "a scheme of caches";
  case ConstantKind::layout:
    return "a layout that the weight may have";
  }
  assert(false && "all kinds are listed");
  return "";
}

const FamilyConstant *KernelFamily::findConstant(std::string_view name) const {
  auto found = std::ranges::find(constants, name, &FamilyConstant::name);
  return found == constants.end() ? nullptr : &*found;
}

const KernelFamily *findFamily(std::string_view name) {
  const std::vector<KernelFamily> &all = kernelFamilies();
  auto found = std::ranges::lower_bound(all, name, {}, &KernelFamily::name);
  return found == all.end() || found->name != name ? nullptr : &*found;
}

const KernelFamily &familyOf(const KernelSpec &spec) {
  const KernelFamily *family = findFamily(spec.family);
  assert(family && "the table of families has it");
  return *family;
}

std::string namesOfFamilies() {
  std::string names;
  for (const KernelFamily &family : kernelFamilies())
    names += (names.empty() ? "" : ", ") + std::string(family.name);
  return names;
}

std::string problemWithConstants(const KernelSpec &spec) {
  const KernelFamily &family = familyOf(spec);
  for (const FamilyConstant &constant : family.constants) {
    auto found = spec.constants.find(std::string(constant.name));
    if (found == spec.constants.end()) {
      if (constant.optional)
        continue;
      return spec.family + " needs the constant '" + std::string(constant.name) + "', " +
             std::string(wordsFor(constant.kind));
    }
    if (!isOfKind(family, constant.kind, found->second))
      return "the constant '" + std::string(constant.name) + "' of " + spec.family + " is " +
             textOf(found->second) + ", not " + std::string(wordsFor(constant.kind));
  }
  for (const auto &[name, value] : spec.constants)
    if (!family.findConstant(name))
      return spec.family + " has no constant '" + name + "', but " + namesOfConstants(family);
  if (std::string columns = columnsOf(family); !columns.empty()) {
    const SchemeRow &scheme = rowOf(spec.scheme());
    if (spec.integer(columns) % scheme.block != 0)
      return "the constant '" + columns + "' of " + spec.family + " is " +
             std::to_string(spec.integer(columns)) + ", no multiple of the blocks of " +
             std::to_string(scheme.block) + " of " + std::string(scheme.name);
  }
  return "";
}

std::vector<KernelArgument> argumentsOf(const KernelSpec &spec) {
  std::vector<KernelArgument> arguments;
  for (const FamilyPort &port : familyOf(spec).ports) {
    if (!isThere(port, spec))
      continue;
    std::string name(port.name);
    if (port.role == PortRole::input || port.role == PortRole::output) {
      arguments.push_back({name, &port, port.element, {}});
      for (std::string_view term : split(port.shape, ','))
        arguments.back().axes.push_back({std::string(term), sizeOf(term, spec)});
      continue;
    }
    std::vector<Plane> planes = planesOf(port, spec);
    for (size_t i = 0; i < planes.size(); ++i) {
      arguments.push_back(
          {planes.size() > 1 ? name + "." + std::to_string(i) : name, &port, planes[i].element, {}});
      for (int64_t size : planes[i].shape)
        arguments.back().axes.push_back({std::to_string(size), size});
    }
  }
  return arguments;
}

std::vector<KernelSpec> examplesOf(const KernelFamily &family) {
  std::vector<KernelSpec> specs;
  for (std::string_view example : family.examples)
    specs.push_back(readExample(family, example));
  for (const FamilyConstant &constant : family.constants) {
    std::vector<std::string> words = wordsOf(family, constant.kind);
    if (words.empty())
      continue;
    std::vector<KernelSpec> all;
    for (const KernelSpec &spec : specs)
      for (const std::string &word : words) {
        all.push_back(spec);
        all.back().constants[std::string(constant.name)] = word;
        if (std::optional<Scheme> scheme = findScheme(word); scheme && !columnsOf(family).empty()) {
          int64_t &columns = std::get<int64_t>(all.back().constants.at(columnsOf(family)));
          columns = (columns + rowOf(*scheme).block - 1) / rowOf(*scheme).block * rowOf(*scheme).block;
        }
      }
    specs = std::move(all);
  }
  return specs;
}

} // namespace gemmac
