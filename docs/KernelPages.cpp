//===- KernelPages.cpp - the manual of the kernels, from their table ------------------------------------===//
// kernel-pages FILE

#include "contract/KernelFamily.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>

using namespace gemmac;

namespace {

std::string code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string typeOf(const FamilyPort &port) {
  switch (port.role) {
  case PortRole::input:
  case PortRole::output:
    return code(std::string(nameOf(port.element)) + "[" + std::string(port.shape) + "]");
  case PortRole::cache:
  case PortRole::writtenCache:
    return "planes of a cache " + code("(" + std::string(port.shape) + ")");
  case PortRole::table:
  case PortRole::matrix:
  case PortRole::vector:
    break;
  }
  std::string layouts;
  for (Layout layout : port.layouts)
    layouts += (layouts.empty() ? "" : " or ") + code(nameOf(layout));
  return "planes of a weight " + code("(" + std::string(port.shape) + ")") + ", " + layouts;
}

/// "if `scaled`, not `by`"
std::string conditionOf(std::string_view when) {
  std::string words;
  while (!when.empty()) {
    size_t end = std::min(when.find(' '), when.size());
    std::string_view name = when.substr(0, end);
    words += words.empty() ? "if " : ", ";
    words += name.starts_with('!') ? "not " + code(name.substr(1)) : code(name);
    when.remove_prefix(std::min(end + 1, when.size()));
  }
  return words;
}

void writeFamily(std::ostream &page, const KernelFamily &family) {
  page << "## " << family.name << "\n\n" << family.formula << "\n\n";
  page << "| constant | is | meaning |\n|---|---|---|\n";
  for (const FamilyConstant &constant : family.constants)
    page << "| " << code(constant.name) << " | " << wordsFor(constant.kind)
         << (constant.optional ? ", if given" : "") << " | " << constant.meaning << " |\n";
  page << "\n| argument | | type | there |\n|---|---|---|---|\n";
  for (const FamilyPort &port : family.ports)
    page << "| " << code(port.name) << " | " << (isOutput(port.role) ? "out" : "in") << " | " << typeOf(port)
         << " | " << conditionOf(port.when) << " |\n";
  page << "\n";
  if (!family.inPlace.empty())
    page << "The output may be " << code(family.inPlace) << ". ";
  if (family.cutAxes == 0)
    page << "Threads do not share a call.";
  else
    page << "Calls may be cut along the first " << family.cutAxes << " axes of the outputs that these have"
         << " in common.";
  if (family.readBehind)
    page << " With matrix tiles, reads behind its inputs (KernelTraits.h).";
  page << (family.note.empty() ? "" : " ") << family.note;
  std::string choices;
  for (const ScheduleNumber &number : scheduleNumbers())
    if (std::ranges::find(family.schedule->numbers, number.value) != family.schedule->numbers.end())
      choices += (choices.empty() ? "" : ", ") + code(number.name);
  if (!choices.empty())
    page << " Its schedule chooses " << choices << ".";
  page << "\n\n";
}

} // namespace

int main(int count, char **arguments) {
  if (count != 2) {
    std::cerr << "kernel-pages FILE\n";
    return 2;
  }
  std::ofstream page(arguments[1]);
  page
      << "# Kernels\n\nFamilies, their constants and their arguments in order: `contract/KernelFamilies.cpp`."
         " Sizes are computed from the left; `n` tokens, `p` rows of tokens and their choices and `pieces` "
         "are"
         " known at run time. `quantized` holds where the constant of that name is 1 or the scheme is"
         " quantized. How kernels are called: `targets/kernels/Kernel.h`.\n\n";
  for (const KernelFamily &family : kernelFamilies())
    writeFamily(page, family);
  page.close();
  if (!page)
    std::cerr << "cannot write " << arguments[1] << "\n";
  return page ? 0 : 1;
}
