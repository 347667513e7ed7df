//===- Progress.cpp - how far a compilation is, on standard error ---------------------------------------===//

#include "tools/gemmac/Progress.h"

#include <cstdio>
#include <unistd.h>

namespace gemmac {

static constexpr int kBarWidth = 32;

ProgressPrinter::ProgressPrinter() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressPrinter::operator()(const Progress &progress) {
  bool first = progress.activity != activity_;
  int percent = progress.total > 0 ? static_cast<int>(100 * progress.done / progress.total) : 100;
  if (!first && percent == percent_)
    return;
  activity_ = progress.activity;
  percent_ = percent;
  if (terminal_)
    draw(progress);
  else if (progress.done >= progress.total)
    std::fprintf(stderr, "%s: done\n", activity_.c_str());
}

void ProgressPrinter::draw(const Progress &progress) {
  std::string bar(static_cast<size_t>(kBarWidth * percent_ / 100), '=');
  bar.resize(kBarWidth, ' ');
  std::fprintf(stderr, "\r\033[K%-10s [%s] %3d %%", activity_.c_str(), bar.c_str(), percent_);
  std::fflush(stderr);
  drawn_ = true;
  if (progress.done >= progress.total)
    clear();
}

void ProgressPrinter::clear() {
  if (drawn_)
    std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

} // namespace gemmac
