//===- Interrupts.h - what an interrupted process leaves behind: nothing --------------------------------===//
//
// OutputFile's temporary files are removed by LLVM when SIGINT, SIGTERM or SIGHUP ends the process. Here are
// the folders that they lie in, and programs that still write to them.

#ifndef GEMMAC_COMPILER_PACKAGE_INTERRUPTS_H
#define GEMMAC_COMPILER_PACKAGE_INTERRUPTS_H

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace gemmac {

/// As long as it lives, a folder is removed when the process is interrupted: with the files in it, or only if
/// it is empty by then.
class RemovedOnInterrupt {
public:
  enum class Contents { files, nothing };

  RemovedOnInterrupt(std::string folder, Contents contents);
  RemovedOnInterrupt(const RemovedOnInterrupt &) = delete;
  RemovedOnInterrupt &operator=(const RemovedOnInterrupt &) = delete;
  ~RemovedOnInterrupt();

  const std::string &folder() const { return folder_; }

private:
  std::string folder_;
  int slot; ///< -1: there are too many, this one stays
};

/// A new folder in the system's folder of temporary files ($TMPDIR), for files and no folders. It is removed
/// with them when this is destroyed, or when the process is interrupted.
class TemporaryFolder {
public:
  /// `name` is how the folder's name begins.
  static llvm::Expected<TemporaryFolder> create(const std::string &name);
  TemporaryFolder(TemporaryFolder &&) = default;
  ~TemporaryFolder();

  const std::string &path() const { return guard->folder(); }

private:
  explicit TemporaryFolder(std::string path);
  std::unique_ptr<RemovedOnInterrupt> guard;
};

/// Runs a program to its end, with both its outputs in a file. If this process is interrupted, the program
/// and all that it has started end first. Returns its exit code, or an error if it could not be run or
/// crashed.
llvm::Expected<int> runToTheEnd(const std::vector<std::string> &command, const std::string &output);

} // namespace gemmac

#endif
