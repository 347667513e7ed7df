//===- StaticLibrary.cpp - object files in one archive, and linked to a program -------------------------===//

#include "compiler/package/StaticLibrary.h"

#include "compiler/package/Interrupts.h"
#include "compiler/package/OutputFile.h"
#include "targets/Backends.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

namespace gemmac {

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

llvm::Expected<RuntimeFiles> RuntimeFiles::find(const Target &target, const std::string &directory) {
  llvm::SmallString<256> folder(directory);
  if (directory.empty()) {
    folder = fs::getMainExecutable(nullptr, nullptr);
    path::remove_filename(folder);
    path::append(folder, "..", "lib", backendOf(target).linkRecipe(target).runtimeFolder);
    path::remove_dots(folder, /*remove_dot_dot=*/true);
  }
  auto file = [&](llvm::StringRef name) { return (folder + "/" + name).str(); };
  RuntimeFiles files{file("libgemmac_runtime.a"), file("libgemmac_program.a")};
  for (const std::string &wanted : {files.library, files.program})
    if (!fs::exists(wanted))
      return makeError("the runtime for target '" + target.name + "' is missing: no file '" + wanted + "'");
  return files;
}

static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> readFile(const std::string &file) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError("cannot read '" + file + "': " + buffer.getError().message());
  return std::move(*buffer);
}

llvm::Expected<std::string> staticLibrary(const std::vector<ObjectFile> &objects,
                                          const std::vector<std::string> &archives) {
  std::vector<llvm::NewArchiveMember> members;
  for (const ObjectFile &object : objects)
    members.emplace_back(llvm::MemoryBufferRef(object.bytes, object.name));

  std::vector<std::unique_ptr<llvm::MemoryBuffer>> files;
  std::vector<std::unique_ptr<llvm::object::Archive>> opened;
  for (const std::string &name : archives) {
    auto file = readFile(name);
    if (!file)
      return file.takeError();
    auto archive = llvm::object::Archive::create((*file)->getMemBufferRef());
    if (!archive)
      return makeError("'" + name + "' is no archive: " + llvm::toString(archive.takeError()));
    files.push_back(std::move(*file));
    opened.push_back(std::move(*archive));
    llvm::Error walked = llvm::Error::success();
    for (const llvm::object::Archive::Child &child : opened.back()->children(walked)) {
      auto member = llvm::NewArchiveMember::getOldMember(child, /*Deterministic=*/true);
      if (!member) {
        llvm::consumeError(std::move(walked));
        return member.takeError();
      }
      members.push_back(std::move(*member));
    }
    if (walked)
      return std::move(walked);
  }

  auto archive =
      llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
                                 /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  return (*archive)->getBuffer().str();
}

/// The path of a program on this machine that links for the target.
static llvm::Expected<std::string> findLinker(const LinkRecipe &recipe, const Target &target) {
  for (const std::string &name : recipe.linkers)
    if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(name))
      return *found;
  return makeError("no C compiler to link a program for target '" + target.name + "': install " +
                   recipe.package + " (looked for " + llvm::join(recipe.linkers, ", ") +
                   "), or make a library with --emit=lib");
}

static llvm::Error writeFile(const std::string &file, llvm::StringRef bytes) {
  std::error_code error;
  llvm::raw_fd_ostream stream(file, error);
  if (!error) {
    stream << bytes;
    stream.close();
    error = stream.error();
    stream.clear_error();
  }
  if (error)
    return makeError("cannot write '" + file + "': " + error.message());
  return llvm::Error::success();
}

llvm::Expected<std::string> linkProgram(const std::vector<ObjectFile> &objects, const RuntimeFiles &runtime,
                                        const Target &target) {
  LinkRecipe recipe = backendOf(target).linkRecipe(target);
  llvm::Expected<std::string> linker = findLinker(recipe, target);
  if (!linker)
    return linker.takeError();
  llvm::Expected<TemporaryFolder> folder = TemporaryFolder::create("gemmac-link");
  if (!folder)
    return folder.takeError();
  auto inFolder = [&](const std::string &name) { return folder->path() + "/" + name; };
  std::string output = inFolder("program"), said = inFolder("said");
  std::vector<std::string> arguments = {*linker, "-o", output};
  for (const ObjectFile &object : objects) {
    arguments.push_back(inFolder(object.name));
    if (llvm::Error error = writeFile(arguments.back(), object.bytes))
      return std::move(error);
  }
  arguments.insert(arguments.end(), {runtime.program, runtime.library});
  arguments.insert(arguments.end(), recipe.flags.begin(), recipe.flags.end());

  llvm::Expected<int> code = runToTheEnd(arguments, said);
  if (!code)
    return code.takeError();
  if (*code != 0) {
    auto text = readFile(said);
    std::string why =
        text ? (*text)->getBuffer().trim().substr(0, 2000).str() : llvm::toString(text.takeError());
    if (why.empty()) // as where there is no room for its words either
      why = "it ended with code " + std::to_string(*code) + ", working in '" + folder->path() + "'";
    return makeError("'" + *linker + "' could not link the program: " + why);
  }
  auto program = readFile(output);
  if (!program)
    return program.takeError();
  return (*program)->getBuffer().str();
}

} // namespace gemmac
