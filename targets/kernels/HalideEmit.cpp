//===- HalideEmit.cpp - the one door to Halide ----------------------------------------------------------===//

#include "targets/kernels/HalideEmit.h"
#include "contract/KernelFamily.h"
#include "targets/kernels/TableLookup.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <sys/mman.h>
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

/// A file in memory: Halide writes to paths, and ends the process where the disk is full. Nothing is left of
/// it, however the process ends.
struct MemoryFile {
  int descriptor = memfd_create("gemmac-kernel", MFD_CLOEXEC);
  fs::path path = "/proc/self/fd/" + std::to_string(descriptor);
  MemoryFile() = default;
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;
  ~MemoryFile() {
    if (descriptor >= 0)
      close(descriptor);
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

/// The table that the kernel looks numbers up in, or null.
static const int8_t *tableOf(const KernelSpec &spec) {
  return spec.has("scheme") ? rowOf(spec.scheme()).values : nullptr;
}

static MadeKernel compileTo(OutputFileType type, const KernelSpec &spec, const Target &target) {
  KernelBuilder builder = findKernel(spec.family);
  assert(builder && "who asks has asked whether it makes the kernel");
  // Halide counts names and caches targets in globals.
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  const int8_t *table = tableOf(spec);
  OutputFileType written = table ? OutputFileType::llvm_assembly : type;
  MemoryFile file;
  if (file.descriptor < 0)
    return {{}, std::string("no file in memory for a kernel: ") + std::strerror(errno)};
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
      return {{}, problem};
    module.compile({{written, file.path.string()}});
  } catch (const Halide::Error &error) {
    return {{}, error.what()};
  }
  std::string bytes = readFile(file.path);
  if (bytes.empty())
    return {{}, "could not write and read back " + file.path.string()};
  if (table) {
    CodeKind kind = type == OutputFileType::object     ? CodeKind::object
                    : type == OutputFileType::assembly ? CodeKind::assembly
                                                       : CodeKind::llvm;
    LookupCode code = compileLookups(bytes, table, target, kind);
    if (!code.error.empty())
      return {{}, code.error};
    bytes = std::move(code.bytes);
  }
  return {{ArtifactKind::object, spec.symbol(), std::move(bytes)}};
}

namespace {

class HalideMaker : public KernelMaker {
public:
  std::string_view name() const override { return "halide"; }
  std::string version() const override {
    return std::to_string(HALIDE_VERSION_MAJOR) + "." + std::to_string(HALIDE_VERSION_MINOR) + "." +
           std::to_string(HALIDE_VERSION_PATCH) + " kernels " + std::to_string(kKernelVersion);
  }
  bool makes(const KernelSpec &spec, const Target &) const override {
    return findKernel(spec.family) != nullptr;
  }
  MadeKernel make(const KernelSpec &spec, const Target &target) const override {
    return compileTo(OutputFileType::object, spec, target);
  }
};

} // namespace

const KernelMaker &halideMaker() {
  static const HalideMaker maker;
  return maker;
}

/// Text has a kind of its own.
static MadeKernel asText(OutputFileType type, const KernelSpec &spec, const Target &target) {
  MadeKernel made = compileTo(type, spec, target);
  made.artifact.kind = ArtifactKind::source;
  return made;
}

MadeKernel kernelAssembly(const KernelSpec &spec, const Target &target) {
  return asText(OutputFileType::assembly, spec, target);
}

MadeKernel kernelLLVM(const KernelSpec &spec, const Target &target) {
  return asText(OutputFileType::llvm_assembly, spec, target);
}

} // namespace gemmac
