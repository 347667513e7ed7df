//===- Progress.h - how far a compilation is, on standard error -----------------------------------------===//

#ifndef GEMMAC_TOOLS_GEMMAC_PROGRESS_H
#define GEMMAC_TOOLS_GEMMAC_PROGRESS_H

#include "compiler/Options.h"

namespace gemmac {

/// A bar that is redrawn on a terminal; one line for each activity otherwise.
class ProgressPrinter {
public:
  ProgressPrinter();
  ~ProgressPrinter() { clear(); }
  void operator()(const Progress &progress);
  /// Takes the bar away so that other lines can be printed.
  void clear();

private:
  void draw(const Progress &progress);

  bool terminal_;
  bool drawn_ = false;
  int percent_ = -1;
  std::string activity_;
};

} // namespace gemmac

#endif
