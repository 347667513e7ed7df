//===- Files.h - what a fuzz target reads, as files -----------------------------------------------------===//

#ifndef GEMMAC_TEST_FUZZ_FILES_H
#define GEMMAC_TEST_FUZZ_FILES_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac::test {

/// A folder in memory with the files of one input. An input is text of the form
///
///   %% config.json
///   {…}
///   %% model.safetensors
///   …
///
/// in which a line that begins with "%% " and names one of the folder's files begins that file; the line's
/// end before it belongs to neither. What stands before the first such line is the first file.
class Files {
public:
  explicit Files(std::vector<std::string> names);
  ~Files();

  /// Writes the files of an input. Those that it does not have are absent.
  void put(std::span<const uint8_t> input);

  const std::string &path() const { return path_; }
  std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
  struct Folder;
  std::vector<std::string> names;
  std::vector<bool> there;
  std::unique_ptr<Folder> folder;
  std::string path_;
};

/// Ends the process with a message if `holds` is false: the input is a finding.
void require(bool holds, const char *what);

/// One line of text, as users see it: an error that is empty or has several lines is a finding.
void requireMessage(const std::string &message);

} // namespace gemmac::test

#endif
