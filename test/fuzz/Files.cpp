//===- Files.cpp - what a fuzz target reads, as files ---------------------------------------------------===//

#include "test/fuzz/Files.h"
#include "test/TemporaryFolder.h"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

// LLVM's library is built without a sanitizer, so its allocators do not tell one what they give away again.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}

namespace gemmac::test {

/// In memory where the system has such a place: thousands of inputs a second are written.
struct Files::Folder {
  Folder() {
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
      setenv("TMPDIR", "/dev/shm", 0);
  }
  // After the variable is set.
  struct Inside : TemporaryFolder {};
  std::unique_ptr<Inside> inside;
};

Files::Files(std::vector<std::string> names)
    : names(std::move(names)), there(this->names.size()), folder(std::make_unique<Folder>()) {
  folder->inside = std::make_unique<Folder::Inside>();
  path_ = folder->inside->path.string();
}

Files::~Files() = default;

static void writeFile(const std::string &path, std::string_view bytes) {
  const int file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  require(file >= 0 && write(file, bytes.data(), bytes.size()) == ssize_t(bytes.size()),
          "the folder for inputs cannot be written");
  close(file);
}

void Files::put(std::span<const uint8_t> input) {
  std::string_view text(reinterpret_cast<const char *>(input.data()), input.size());
  std::vector<bool> written(names.size());
  size_t file = 0, begin = 0;
  const auto end = [&](size_t at) {
    if (at > begin || file > 0) {
      writeFile(path(names[file]), text.substr(begin, at - begin));
      written[file] = true;
    }
  };
  constexpr std::string_view kMark = "%% ";
  for (size_t at = text.find(kMark); at != std::string_view::npos; at = text.find(kMark, at + 1)) {
    const size_t name = at + kMark.size(), line = text.find('\n', name);
    if ((at > 0 && text[at - 1] != '\n') || line == std::string_view::npos)
      continue;
    const auto found = std::find(names.begin(), names.end(), text.substr(name, line - name));
    if (found == names.end())
      continue;
    if (at > 0)
      end(at - 1);
    file = size_t(found - names.begin());
    begin = line + 1;
  }
  end(text.size());
  for (size_t i = 0; i < names.size(); ++i)
    if (there[i] && !written[i])
      unlink(path(names[i]).c_str());
  there = written;
}

void require(bool holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "fuzz: %s\n", what);
  abort();
}

void requireMessage(const std::string &message) {
  const bool line = !message.empty() && message.find('\n') == std::string::npos;
  if (!line)
    fprintf(stderr, "fuzz: '%s'\n", message.c_str());
  require(line, "a message is empty or has several lines");
}

} // namespace gemmac::test
