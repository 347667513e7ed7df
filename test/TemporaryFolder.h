//===- TemporaryFolder.h - a folder of a test -----------------------------------------------------------===//

#ifndef GEMMAC_TEST_TEMPORARYFOLDER_H
#define GEMMAC_TEST_TEMPORARYFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace gemmac::test {

/// A new, empty folder, removed with all that is in it when this is destroyed.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "gemmac-test-XXXXXX";
    if (!mkdtemp(name.data()))
      throw std::system_error(errno, std::generic_category(), name);
    path = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  std::string operator/(const std::string &file) const { return path / file; }

  std::filesystem::path path;
};

} // namespace gemmac::test

#endif
