//===- OutputFolder.h - what a compilation writes, all of it or nothing ---------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_OUTPUTFOLDER_H
#define GEMMAC_COMPILER_PACKAGE_OUTPUTFOLDER_H

#include "compiler/package/Interrupts.h"
#include "compiler/package/OutputFile.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

/// Files of one directory, which get their names at commit(), all or none. Without it they are removed when
/// this is destroyed or the process is interrupted, and so are the directories that were created for them.
/// Not thread safe.
class OutputFolder {
public:
  explicit OutputFolder(std::string path) : path(std::move(path)) {}
  OutputFolder(const OutputFolder &) = delete;
  OutputFolder &operator=(const OutputFolder &) = delete;
  ~OutputFolder();

  /// Creates the directory if it does not exist.
  llvm::Error make();

  /// Calls `before`, if there is one, which may make room; then an error that says both numbers if its disk
  /// has less than that.
  llvm::Error checkRoom(uint64_t bytes, const std::function<void(uint64_t)> &before = {}) const;

  /// A new file of the directory, to be written and then added.
  llvm::Expected<OutputFile> create(const std::string &name, OutputFile::Kind kind = OutputFile::Kind::plain);
  void add(OutputFile file) { files.push_back(std::move(file)); }
  llvm::Error write(const std::string &name, std::string_view bytes,
                    OutputFile::Kind kind = OutputFile::Kind::plain);

  /// Gives all files their names, in the order in which they were added; an error gives none of them its name
  /// and leaves what was there before.
  llvm::Error commit();

  /// Paths of what was committed.
  const std::vector<std::string> &committed() const { return paths; }

private:
  std::string path;
  std::vector<OutputFile> files;
  std::vector<std::string> paths;
  std::vector<std::unique_ptr<RemovedOnInterrupt>> made; ///< inner directories before outer ones
};

} // namespace gemmac

#endif
