//===- PackageFile.cpp - a .weights file on this machine, to be looked at -------------------------------===//

#include "compiler/package/PackageFile.h"

#include "compiler/package/MemoryText.h"
#include "compiler/package/OutputFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <nlohmann/json.hpp>

namespace gemmac {

llvm::Expected<PackageFile> PackageFile::open(const std::string &path) {
  platform::MappedFile mapped;
  if (const char *why = platform::mapFile(path.c_str(), mapped))
    return makeError("'" + path + "' is no package: " + why);
  PackageFile file;
  file.path_ = path;
  file.mapped_.reset(new platform::MappedFile(mapped));
  gemmac_error why;
  if (file.package_.open(mapped.bytes, mapped.size, path.c_str(), &why) != GEMMAC_OK)
    return makeError(why.text);
  return file;
}

static uint64_t bytesOf(const format::Tensor &tensor) {
  uint64_t sum = 0;
  for (const format::Plane *plane : *tensor.planes())
    sum += plane->bytes();
  return sum;
}

llvm::Error PackageFile::verify(llvm::function_ref<void(int64_t done, int64_t all)> progress) const {
  auto all = static_cast<int64_t>(header().tensors_bytes);
  int64_t done = 0;
  for (const format::Tensor *tensor : *metadata().tensors()) {
    gemmac_error why;
    if (package_.verifyTensor(*tensor, path_.c_str(), &why) != GEMMAC_OK)
      return makeError(why.text);
    progress(done += static_cast<int64_t>(bytesOf(*tensor)), all);
  }
  progress(all, all);
  return llvm::Error::success();
}

static std::map<std::string, uint64_t> bytesByScheme(const format::Metadata &metadata) {
  std::map<std::string, uint64_t> bytes;
  for (const format::Tensor *tensor : *metadata.tensors())
    bytes[tensor->scheme()->str()] += bytesOf(*tensor);
  return bytes;
}

/// "E x R x C", without experts where there are none.
static std::string shapeOf(const format::Tensor &tensor) {
  std::string experts = tensor.experts() ? std::to_string(tensor.experts()) + " x " : "";
  return experts + std::to_string(tensor.rows()) + " x " + std::to_string(tensor.columns());
}

static PlannedMemory memoryOf(const format::Metadata &metadata) {
  ModelFacts facts;
  // A device whose row is no longer there is as good as a 64-bit one.
  const Target *target = findTarget(metadata.target()->str());
  if (!target)
    target = findTarget("generic-aarch64");
  facts.target = *target;
  facts.context = metadata.context();
  facts.maxTokens = metadata.max_tokens();
  facts.vocabSize = metadata.vocab_size();
  facts.arenaBytes = static_cast<int64_t>(metadata.arena_bytes());
  facts.cacheBytes = static_cast<int64_t>(metadata.cache_bytes());
  facts.stackBytes = static_cast<int64_t>(metadata.stack_bytes());
  return plannedMemory(facts, metadata.tokenizer()->longest_piece());
}

std::string describe(const PackageFile &package) {
  const format::Metadata &metadata = package.metadata();
  std::string text;
  llvm::raw_string_ostream out(text);
  auto line = [&](const char *what, const auto &value) { out << llvm::formatv("{0,-14}{1}\n", what, value); };
  line("name", metadata.name()->c_str());
  line("target", metadata.target()->c_str());
  line("needs", metadata.cpu_features()->c_str());
  line("compiler", metadata.compiler_version()->c_str());
  line("fingerprint", llvm::utohexstr(metadata.fingerprint(), /*LowerCase=*/true, 16));
  const format::Quantization &quantization = *metadata.quantization();
  line("weights", quantization.weights()->c_str());
  line("activations", quantization.activations()->c_str());
  line("cache", quantization.cache()->c_str());
  line("vocabulary", metadata.vocab_size());
  line("context", metadata.context());
  line("tokens a call", metadata.max_tokens());
  line("file bytes", package.header().file_bytes);
  line("weight bytes", package.header().tensors_bytes);
  for (const auto &[scheme, bytes] : bytesByScheme(metadata))
    line(("  " + scheme).c_str(), bytes);
  printMemory(out, memoryOf(metadata));
  out << "\n"
      << llvm::formatv("{0,-34}{1,-8}{2,-9}{3,-22}{4,14}{5,12}\n", "tensor", "scheme", "layout", "shape",
                       "bytes", "rel. error");
  for (const format::Tensor *tensor : *metadata.tensors())
    out << llvm::formatv("{0,-34}{1,-8}{2,-9}{3,-22}{4,14}{5,12:f6}\n", tensor->name()->c_str(),
                         tensor->scheme()->c_str(), tensor->layout()->c_str(), shapeOf(*tensor),
                         bytesOf(*tensor), static_cast<double>(tensor->relative_error()));
  return text;
}

std::string describeAsJson(const PackageFile &package) {
  using Json = nlohmann::ordered_json;
  const format::Metadata &metadata = package.metadata();
  Json tensors = Json::array();
  for (const format::Tensor *tensor : *metadata.tensors()) {
    Json planes = Json::array();
    for (const format::Plane *plane : *tensor->planes())
      planes.push_back({{"offset", plane->offset()},
                        {"bytes", plane->bytes()},
                        {"checksum", llvm::utohexstr(plane->checksum(), /*LowerCase=*/true, 16)}});
    tensors.push_back({{"name", tensor->name()->str()},
                       {"scheme", tensor->scheme()->str()},
                       {"layout", tensor->layout()->str()},
                       {"experts", tensor->experts()},
                       {"rows", tensor->rows()},
                       {"columns", tensor->columns()},
                       {"bytes", bytesOf(*tensor)},
                       {"relative_error", tensor->relative_error()},
                       {"max_error", tensor->max_error()},
                       {"planes", planes}});
  }
  const format::Generation &generation = *metadata.generation();
  auto ids = [](const flatbuffers::Vector<int32_t> &all) {
    return std::vector<int32_t>(all.begin(), all.end());
  };
  Json text = {{"name", metadata.name()->str()},
               {"target", metadata.target()->str()},
               {"needs", metadata.cpu_features()->str()},
               {"compiler", metadata.compiler_version()->str()},
               {"fingerprint", llvm::utohexstr(metadata.fingerprint(), /*LowerCase=*/true, 16)},
               {"scheme", metadata.quantization()->weights()->str()},
               {"activations", metadata.quantization()->activations()->str()},
               {"cache_scheme", metadata.quantization()->cache()->str()},
               {"vocab_size", metadata.vocab_size()},
               {"context", metadata.context()},
               {"max_tokens", metadata.max_tokens()},
               {"bytes",
                {{"package", package.header().file_bytes},
                 {"weights", package.header().tensors_bytes},
                 {"weights_by_scheme", bytesByScheme(metadata)},
                 {"arena", metadata.arena_bytes()},
                 {"cache", metadata.cache_bytes()},
                 {"memory", memoryOf(metadata).most()}}},
               {"generation",
                {{"bos", generation.bos()},
                 {"stop", ids(*generation.stop())},
                 {"suppress", ids(*generation.suppress())},
                 {"sample", generation.sample()},
                 {"temperature", generation.temperature()},
                 {"top_k", generation.top_k()},
                 {"top_p", generation.top_p()},
                 {"min_p", generation.min_p()},
                 {"repetition_penalty", generation.repetition_penalty()}}},
               {"tensors", tensors}};
  return text.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

} // namespace gemmac
