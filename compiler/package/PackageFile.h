//===- PackageFile.h - a .weights file on this machine, to be looked at ---------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_PACKAGEFILE_H
#define GEMMAC_COMPILER_PACKAGE_PACKAGEFILE_H

#include "runtime/format/Package.h"
#include "runtime/platform/Platform.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace gemmac {

/// A mapped package whose header and metadata have been checked.
class PackageFile {
public:
  static llvm::Expected<PackageFile> open(const std::string &path);

  const std::string &path() const { return path_; }
  const format::Header &header() const { return package_.header(); }
  const format::Metadata &metadata() const { return package_.metadata(); }

  /// Jinja, as the checkpoint has it; empty: none.
  std::string chatTemplate() const { return flatbuffers::GetString(metadata().tokenizer()->chat_template()); }

  /// Reads all tensors and compares them with their checksums; `progress` is told bytes.
  llvm::Error verify(llvm::function_ref<void(int64_t done, int64_t all)> progress) const;

private:
  PackageFile() = default;

  std::string path_;
  struct Unmap {
    void operator()(platform::MappedFile *file) const {
      platform::unmapFile(*file);
      delete file;
    }
  };
  std::unique_ptr<platform::MappedFile, Unmap> mapped_;
  format::Package package_;
};

/// What is in the package, for people: name, device, sizes, tensors.
std::string describe(const PackageFile &package);
/// The same for programs, as JSON.
std::string describeAsJson(const PackageFile &package);

} // namespace gemmac

#endif
