//===- Folder.h - a checkpoint that a test writes itself ------------------------------------------------===//

#ifndef GEMMAC_TEST_IMPORT_FOLDER_H
#define GEMMAC_TEST_IMPORT_FOLDER_H

#include "nlohmann/json.hpp"
#include "test/TemporaryFolder.h"
#include "llvm/Support/Error.h"
#include "gtest/gtest.h"
#include <filesystem>
#include <fstream>

namespace gemmac {

/// A folder of its own for one test, gone when the test ends.
class Folder {
public:
  std::string string() const { return folder.path.string(); }

  void write(const std::string &file, const std::string &bytes) const {
    std::ofstream(folder / file, std::ios::binary) << bytes;
  }
  void writeJson(const std::string &file, const nlohmann::json &value) const { write(file, value.dump()); }

  /// A file of the safetensors format with any header, right or wrong, before `numbers` bytes.
  void writeSafetensors(const std::string &file, const std::string &header, size_t numbers) const {
    uint64_t length = header.size();
    std::string bytes(reinterpret_cast<const char *>(&length), sizeof(length));
    write(file, bytes + header + std::string(numbers, '\0'));
  }

private:
  test::TemporaryFolder folder;
};

/// The message of what should have failed.
template <typename T>
std::string errorOf(llvm::Expected<T> result) {
  if (!result)
    return llvm::toString(result.takeError());
  return "no error";
}

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

} // namespace gemmac

#endif
