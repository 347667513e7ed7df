//===- Driver.cpp - a fuzz target as an ordinary test ---------------------------------------------------===//
// Where libFuzzer is not linked, this replays a corpus and runs seeded mutations of it: the same inputs on
// every machine. Its options are those of libFuzzer that it needs:
//
//   gguf-fuzz [-runs=N] [-seed=N] [-max_len=N] [-dict=FILE] CORPUS…
//
// A file is replayed, a folder is replayed and mutated. An input that ends the process is left in
// crash-<target> of the current folder.

#include "test/fuzz/Mutator.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace fs = std::filesystem;
using gemmac::test::Input;

namespace {

Input current;
std::string crashFile;

/// Only calls that are safe in a signal handler.
void keepInput(int signal) {
  int file = open(crashFile.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  ssize_t written = file < 0 ? -1 : write(file, current.data(), current.size());
  const char text[] = "fuzz: the input that ended the process is in crash-<target>\n";
  if (written >= 0)
    written = write(STDERR_FILENO, text, sizeof(text) - 1);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void run(Input input) {
  current = std::move(input);
  // A copy of exactly its size, so that a sanitizer sees reads behind it.
  const auto bytes = std::make_unique<uint8_t[]>(current.size());
  std::copy(current.begin(), current.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), current.size());
}

Input read(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    fprintf(stderr, "fuzz: cannot read %s\n", path.c_str());
    exit(2);
  }
  return Input(std::istreambuf_iterator<char>(file), {});
}

struct Options {
  size_t runs = 0, seed = 1, maxLength = 4096;
  std::string dictionary;
  std::vector<fs::path> files;
  bool folders = false;
};

Options parse(int count, char **words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const auto value = [&](const char *name) -> const char * {
      const size_t length = strlen(name);
      return word.substr(0, length) == name ? words[i] + length : nullptr;
    };
    if (const char *text = value("-runs="))
      options.runs = strtoull(text, nullptr, 10);
    else if (const char *text = value("-seed="))
      options.seed = strtoull(text, nullptr, 10);
    else if (const char *text = value("-max_len="))
      options.maxLength = strtoull(text, nullptr, 10);
    else if (const char *text = value("-dict="))
      options.dictionary = text;
    else if (fs::is_directory(word)) {
      options.folders = true;
      for (const fs::directory_entry &entry : fs::directory_iterator(word))
        options.files.push_back(entry.path());
    } else
      options.files.emplace_back(word);
  }
  // Folders list their files in any order.
  std::sort(options.files.begin(), options.files.end());
  return options;
}

} // namespace

int main(int count, char **words) {
  const Options options = parse(count, words);
  if (options.files.empty()) {
    fprintf(stderr, "fuzz: no corpus was given, or it is empty\n");
    return 2;
  }
  crashFile = "crash-" + fs::path(words[0]).filename().string();
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    std::signal(signal, keepInput);

  std::vector<Input> corpus;
  for (const fs::path &file : options.files) {
    corpus.push_back(read(file));
    run(corpus.back());
  }
  gemmac::test::Mutator mutator(options.seed, options.maxLength,
                                gemmac::test::readDictionary(options.dictionary));
  const size_t runs = options.folders ? options.runs : 0;
  for (size_t i = 0; i < runs; ++i)
    run(mutator.mutate(corpus));
  printf("fuzz: %zu inputs of the corpus and %zu mutations of them\n", corpus.size(), runs);
  return 0;
}
