//===- HalideEmit.cpp - the one door to Halide ----------------------------------------------------------===//

#include "targets/kernels/HalideEmit.h"
#include "contract/KernelFamily.h"

#include "contract/Hash.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <unistd.h>

namespace gemmac {

namespace fs = std::filesystem;
using Halide::OutputFileType;

static std::string readFile(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (file)
    bytes << file.rdbuf();
  return bytes.str();
}

/// A new, empty file for which the system chooses the last characters of its name; an empty path if it cannot
/// be made.
static fs::path makeFile(std::string beginning, const std::string &suffix = "") {
  std::string path = beginning + "XXXXXX" + suffix;
  int descriptor = mkstemps(path.data(), static_cast<int>(suffix.size()));
  if (descriptor < 0)
    return {};
  close(descriptor);
  return path;
}

/// A file in the folder of temporary files, removed with this.
struct TemporaryFile {
  fs::path path;
  explicit TemporaryFile(const char *suffix) {
    std::error_code ignored;
    path = makeFile(fs::temp_directory_path(ignored) / "gemmac-kernel-", suffix);
  }
  ~TemporaryFile() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

static Halide::Target halideTarget(const Target &target, const KernelCode &code) {
  // A kernel is called with buffers that fit (the plan made them), and defines nothing but itself.
  Halide::Target halide(target.halide + "-no_runtime-no_asserts-no_bounds_query");
  if (!code.fuseMultiplyAdd)
    halide.set_feature(Halide::Target::StrictFloat);
  if (code.largeArrays)
    halide.set_feature(Halide::Target::LargeBuffers);
  return halide;
}

namespace {

using namespace Halide::Internal;

/// `body` where the scalar has its number.
Stmt withScalar(const BoundScalar &scalar, const Stmt &body) {
  const std::string &name = scalar.parameter.name();
  auto load = [](const std::string &array, const Halide::Expr &index) {
    return Load::make(Halide::Int(32), array, index, Halide::Buffer<>(), Halide::Parameter(), const_true(),
                      ModulusRemainder());
  };
  auto fieldOf = [](const Halide::ImageParam &array, const char *field, Halide::Type type,
                    std::vector<Halide::Expr> more) {
    more.insert(more.begin(), Variable::make(Halide::type_of<halide_buffer_t *>(), array.name() + ".buffer"));
    return Call::make(type, field, more, Call::Extern);
  };
  auto numbersOf = [&](const Halide::ImageParam &array) {
    return fieldOf(array, Call::buffer_get_host, Halide::type_of<void *>(), {});
  };
  std::string array = name + ".array", minus = name + ".minus", most = name + ".most", at = name + ".at";
  if (!scalar.minus.defined())
    return LetStmt::make(array, numbersOf(scalar.array), LetStmt::make(name, load(array, 0), body));

  Halide::Expr index = Variable::make(Halide::Int(32), at);
  Halide::Expr larger = max(load(most, 0), load(array, index) - load(minus, index));
  Stmt first = Store::make(most, 0, 0, Halide::Parameter(), const_true(), ModulusRemainder());
  Stmt next = Store::make(most, larger, 0, Halide::Parameter(), const_true(), ModulusRemainder());
  Stmt loop = For::make(at, 0, fieldOf(scalar.array, Call::buffer_get_extent, Halide::Int(32), {0}),
                        ForType::Serial, Halide::Partition::Never, Halide::DeviceAPI::None, next);
  Stmt computed = Block::make({first, loop, LetStmt::make(name, load(most, 0), body)});
  computed = Allocate::make(most, Halide::Int(32), Halide::MemoryType::Stack, {1}, const_true(), computed);
  return LetStmt::make(array, numbersOf(scalar.array),
                       LetStmt::make(minus, numbersOf(scalar.minus), computed));
}

/// The module whose function finds the scalars itself.
Halide::Module bindScalars(const Halide::Module &module, const std::vector<BoundScalar> &scalars) {
  Halide::Module bound(module.name(), module.target());
  bound.set_any_strict_float(module.any_strict_float());
  for (LoweredFunc function : module.functions()) {
    for (const BoundScalar &scalar : scalars) {
      function.body = withScalar(scalar, function.body);
      std::erase_if(function.args, [&](const LoweredArgument &argument) {
        return argument.name == scalar.parameter.name();
      });
    }
    bound.append(function);
  }
  for (const Halide::Buffer<> &buffer : module.buffers())
    bound.append(buffer);
  return bound;
}

} // namespace

/// Callers hand in what the table of families says: nothing else may be in the function's signature. Empty if
/// nothing is.
static std::string problemWithArguments(const Halide::Module &module, const KernelSpec &spec) {
  std::vector<KernelArgument> wanted = argumentsOf(spec);
  const auto &made = module.functions().front().args;
  if (made.size() != wanted.size())
    return "it has " + std::to_string(made.size()) + " arguments, the table of families " +
           std::to_string(wanted.size());
  for (size_t i = 0; i < made.size(); ++i)
    if (made[i].is_output() != isOutput(wanted[i].port->role) ||
        made[i].type.bytes() != bytesOf(wanted[i].element))
      return "argument " + std::to_string(i) + " is " + made[i].name + ", in the table of families " +
             wanted[i].name;
  return "";
}

static CompiledKernel compileTo(OutputFileType type, const KernelSpec &spec, const Target &target) {
  KernelBuilder builder = findKernel(spec.family);
  if (!builder)
    return {"", "there is no kernel family \"" + spec.family + "\""};
  std::string problem = problemWithConstants(spec);
  if (problem.empty())
    problem = problemWithSchedule(spec, target);
  if (!problem.empty())
    return {"", "kernel " + spec.text() + " for " + target.name + ": " + problem};
  // Halide counts names and caches targets in globals.
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  TemporaryFile file(type == OutputFileType::object ? ".o" : type == OutputFileType::assembly ? ".s" : ".ll");
  try {
    KernelCode code = builder(spec, target);
    std::string symbol = spec.symbol();
    std::vector<Halide::Argument> arguments = code.arguments;
    for (const BoundScalar &scalar : code.scalars)
      arguments.push_back(scalar.parameter);
    Halide::Module module = code.pipeline.compile_to_module(arguments, symbol, halideTarget(target, code),
                                                            Halide::LinkageType::External);
    if (!code.scalars.empty())
      module = bindScalars(module, code.scalars);
    if (std::string problem = problemWithArguments(module, spec); !problem.empty())
      return {"", "kernel " + spec.text() + ": " + problem};
    module.compile({{type, file.path.string()}});
  } catch (const Halide::Error &error) {
    return {"", "kernel " + spec.text() + " for " + target.name + ": " + error.what()};
  }
  std::string bytes = readFile(file.path);
  if (bytes.empty())
    return {"", "could not write and read back " + file.path.string()};
  return {std::move(bytes), ""};
}

std::string kernelCacheName(const KernelSpec &spec, const Target &target) {
  std::string all = spec.text() + " " + textOf(target) + " Halide " + std::to_string(HALIDE_VERSION_MAJOR) +
                    "." + std::to_string(HALIDE_VERSION_MINOR) + "." + std::to_string(HALIDE_VERSION_PATCH) +
                    " kernels " + std::to_string(kKernelVersion);
  return spec.symbol() + "-" + hashOf(all) + ".o";
}

/// Written beside its final name and renamed, so that a reader sees all of it or nothing. A cache that cannot
/// be written is no error.
static void storeInCache(const fs::path &path, const std::string &bytes) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  fs::path unfinished = makeFile(path.string() + ".");
  std::ofstream file(unfinished, std::ios::binary);
  file.write(bytes.data(), std::streamsize(bytes.size()));
  file.close();
  if (file)
    fs::rename(unfinished, path, ignored);
  else
    fs::remove(unfinished, ignored);
}

CompiledKernel compileKernel(const KernelSpec &spec, const Target &target,
                             const std::string &cacheDirectory) {
  if (cacheDirectory.empty())
    return compileTo(OutputFileType::object, spec, target);
  fs::path cached = fs::path(cacheDirectory) / kernelCacheName(spec, target);
  if (std::string bytes = readFile(cached); bytes.starts_with("\x7f"
                                                              "ELF"))
    return {std::move(bytes), ""};
  CompiledKernel kernel = compileTo(OutputFileType::object, spec, target);
  if (kernel.error.empty())
    storeInCache(cached, kernel.object);
  return kernel;
}

CompiledKernel kernelAssembly(const KernelSpec &spec, const Target &target) {
  return compileTo(OutputFileType::assembly, spec, target);
}

CompiledKernel kernelLLVM(const KernelSpec &spec, const Target &target) {
  return compileTo(OutputFileType::llvm_assembly, spec, target);
}

} // namespace gemmac
