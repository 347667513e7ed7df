//===- TokenizerSpeed.cpp - how fast text becomes ids ---------------------------------------------------===//
//
// tokenizer-speed CHECKPOINT TEXT — milliseconds to read the tokenizer, to build its tables and to open
// them, and megabytes a second of encoding on one thread: the best of some runs each.

#include "compiler/package/TokenizerTables.h"
#include "runtime/tokenizer/Encoder.h"
#include "llvm/Support/Error.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

using namespace gemmac;

namespace {

constexpr int kRuns = 5;

template <typename Work>
double bestSeconds(Work work) {
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    auto begin = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: tokenizer-speed CHECKPOINT TEXT\n");
    return 2;
  }
  std::ifstream file(argv[2], std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  llvm::Expected<Tokenizer> tokenizer = readTokenizer(argv[1]);
  if (!tokenizer || text.empty()) {
    std::fprintf(stderr, "%s\n",
                 tokenizer ? "the text cannot be read" : llvm::toString(tokenizer.takeError()).c_str());
    return 1;
  }
  double read = bestSeconds([&] { llvm::consumeError(readTokenizer(argv[1]).takeError()); });
  flatbuffers::DetachedBuffer tables = buildTokenizerTables(*tokenizer);
  double build = bestSeconds([&] { tables = buildTokenizerTables(*tokenizer); });
  Vocabulary vocabulary;
  double open =
      bestSeconds([&] { vocabulary.open(*flatbuffers::GetRoot<format::Tokenizer>(tables.data())); });

  auto scratch = std::make_unique<uint64_t[]>(Encoder::kScratchBytes / 8 + 1);
  std::vector<int32_t> ids(text.size() + 1);
  size_t count = 0;
  double encode = bestSeconds([&] {
    Encoder(vocabulary, scratch.get()).encode(text.data(), text.size(), {}, ids.data(), ids.size(), count);
  });
  std::printf("%u tokens, tables %.1f MB: read %.0f ms, build %.0f ms, open %.4f ms\n", vocabulary.size(),
              tables.size() / 1e6, read * 1e3, build * 1e3, open * 1e3);
  std::printf("%zu bytes, %zu ids: %.1f MB/s\n", text.size(), count, text.size() / encode / 1e6);
}
