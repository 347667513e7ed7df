//===- Adapter.cpp - a LoRA adapter as PEFT saves it ----------------------------------------------------===//

#include "compiler/import/Adapter.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/Safetensors.h"
#include "contract/Hash.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"

#include <bit>
#include <cmath>
#include <map>

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace gemmac {
namespace {

constexpr StringRef kTensorsFile = "adapter_model.safetensors";

struct Request {
  std::string directory;
  std::optional<StringRef> scale; ///< as it was written
};

/// A path that exists is taken as it is, also with a colon in it.
Request parse(StringRef request) {
  auto [directory, scale] = request.rsplit(':');
  if (llvm::sys::fs::exists(request) || directory.size() == request.size())
    return {request.str(), std::nullopt};
  return {directory.str(), scale};
}

enum class Role { a, b, magnitude, embeddingA, embeddingB };

/// What stands behind a module's name, with the adapter's name between (`default`) in files that were saved
/// during training.
struct Suffix {
  StringRef text;
  Role role;
};
const Suffix kSuffixes[] = {{".lora_A.weight", Role::a},
                            {".lora_A.default.weight", Role::a},
                            {".lora_B.weight", Role::b},
                            {".lora_B.default.weight", Role::b},
                            {".lora_magnitude_vector", Role::magnitude},
                            {".lora_magnitude_vector.weight", Role::magnitude},
                            {".lora_magnitude_vector.default", Role::magnitude},
                            {".lora_magnitude_vector.default.weight", Role::magnitude},
                            {".lora_embedding_A", Role::embeddingA},
                            {".lora_embedding_A.default", Role::embeddingA},
                            {".lora_embedding_B", Role::embeddingB},
                            {".lora_embedding_B.default", Role::embeddingB}};

/// Sorts the tensors of a file into modules.
class Reader {
public:
  explicit Reader(Adapter &adapter) : adapter(adapter) {}

  Error read() {
    for (const std::string &name : adapter.tensors->names())
      if (Error error = readTensor(name))
        return error;
    for (auto &[name, parts] : modules)
      if (Error error = finish(name, parts))
        return error;
    if (adapter.modules.empty() && adapter.saved.empty())
      return wrong(adapter.towerTensors
                       ? "changes only vision and audio towers, which are left out of compiled models"
                       : "holds no tensors");
    return Error::success();
  }

private:
  Adapter &adapter;
  std::map<std::string, AdapterModule> modules; ///< ordered, so that messages are deterministic

  Error wrong(const Twine &what) { return fileError(pathIn(adapter.directory, kTensorsFile), what); }
  Error wrong(StringRef tensor, const Twine &what) {
    return wrong("tensor " + inQuotes(tensor) + " " + what);
  }

  Error readTensor(StringRef name) {
    const SourceTensor &tensor = *adapter.tensors->find(name);
    StringRef module = name;
    module.consume_front("base_model.model.");
    if (TensorNames::isHuggingFaceTower(module)) {
      ++adapter.towerTensors;
      return Error::success();
    }
    if (!canReadNumbers(tensor))
      return wrong(name, "stores numbers as " + inQuotes(tensor.scheme) + ", which cannot be read");
    const Suffix *suffix =
        llvm::find_if(kSuffixes, [&](const Suffix &s) { return module.ends_with(s.text); });
    if (suffix == std::end(kSuffixes))
      return readSaved(name, module, tensor);
    return place(name, modules[module.drop_back(suffix->text.size()).str()], suffix->role, tensor);
  }

  Error place(StringRef name, AdapterModule &module, Role role, const SourceTensor &tensor) {
    bool embedding = role == Role::embeddingA || role == Role::embeddingB;
    if ((module.a || module.b) && embedding != module.embedding)
      return wrong(name, "belongs to an embedding, but others of its module to a matrix");
    module.embedding |= embedding;
    const SourceTensor *&part = role == Role::magnitude                       ? module.magnitude
                                : role == Role::a || role == Role::embeddingA ? module.a
                                                                              : module.b;
    if (part)
      return wrong(name, "is there under two names");
    if (role != Role::magnitude && (tensor.shape.size() != 2 || tensor.numbers() == 0))
      return wrong(name, "has " + Twine(tensor.shape.size()) + " axes, not two of at least one number");
    part = &tensor;
    return Error::success();
  }

  /// A weight that was trained whole.
  Error readSaved(StringRef name, StringRef module, const SourceTensor &tensor) {
    if (module.contains(".lora_B.") && module.ends_with(".bias"))
      return wrong(name, "is a bias; the model's matrices have none");
    std::string weight = module.str();
    for (StringRef part : {".modules_to_save.default", ".modules_to_save"})
      if (size_t at = weight.find(part); at != std::string::npos)
        weight.erase(at, part.size());
    std::optional<TensorNames::Word> word = TensorNames::huggingFaceWord(weight);
    if (!word)
      return wrong(name, "is neither of LoRA nor a weight of the text model");
    adapter.saved.push_back({weight, *word, &tensor});
    return Error::success();
  }

  Error finish(const std::string &name, AdapterModule &module) {
    module.module = name;
    if (!module.a || !module.b)
      return wrong("module " + inQuotes(name) + " has no lora_" + (module.embedding ? "embedding_" : "") +
                   (module.a ? "B" : "A"));
    if (module.a->shape[0] != module.b->shape[1])
      return wrong("module " + inQuotes(name) + " has rank " + Twine(module.a->shape[0]) + " in A, but " +
                   Twine(module.b->shape[1]) + " in B");
    std::optional<TensorNames::Word> word = TensorNames::huggingFaceWord(name + ".weight");
    if (!word)
      return wrong("module " + inQuotes(name) + " is no matrix of the text model");
    module.word = *word;
    if (Error error = checkTargets(name))
      return error;
    if (Error error = checkMagnitude(module))
      return error;
    Expected<double> scaling = adapter.config.scaling(name, module.rank());
    if (!scaling)
      return scaling.takeError();
    module.scaling = *scaling * adapter.scale;
    adapter.modules.push_back(std::move(module));
    return Error::success();
  }

  /// PEFT would not load a module that the configuration does not name.
  Error checkTargets(StringRef name) {
    const std::vector<std::string> &targets = adapter.config.targets;
    auto names = [&](StringRef target) {
      return name == target || (name.ends_with(target) && name.drop_back(target.size()).ends_with("."));
    };
    if (targets.empty() || llvm::any_of(targets, names))
      return Error::success();
    return wrong("has tensors of module " + inQuotes(name) + ", which 'target_modules' of " +
                 adapter.config.file + " does not name");
  }

  Error checkMagnitude(const AdapterModule &module) {
    if (adapter.config.dora != bool(module.magnitude))
      return wrong("module " + inQuotes(module.module) + (module.magnitude ? " has a" : " has no") +
                   " lora_magnitude_vector, but 'use_dora' is " + (module.magnitude ? "false" : "true"));
    if (!module.magnitude)
      return Error::success();
    if (module.embedding)
      return wrong("module " + inQuotes(module.module) + ": DoRA of embeddings is not supported");
    if (module.magnitude->numbers() != module.rows())
      return wrong(module.magnitude->name, "has " + Twine(module.magnitude->numbers()) + " numbers for " +
                                               Twine(module.rows()) + " rows");
    return Error::success();
  }
};

/// Of everything that changes numbers: not of paths.
Expected<std::string> hashOfContents(const Adapter &adapter) {
  Expected<std::string> text = readTextFile(adapter.config.file);
  if (!text)
    return text.takeError();
  std::string all = *text + "\n" + std::to_string(std::bit_cast<uint64_t>(adapter.scale));
  for (const std::string &name : adapter.tensors->names()) {
    const SourceTensor &tensor = *adapter.tensors->find(name);
    all += "\n" + name + " " + tensor.scheme;
    for (int64_t size : tensor.shape)
      all += " " + std::to_string(size);
    all += " " + hashOf({reinterpret_cast<const char *>(tensor.bytes.data()), tensor.bytes.size()});
  }
  return hashOf(all);
}

/// Says what a directory holds instead of an adapter.
Error explain(const std::string &directory) {
  if (!llvm::sys::fs::is_directory(directory))
    return fileError(directory, StringRef(directory).ends_with(".gguf")
                                    ? "is a GGUF file; adapters are directories as PEFT saves them"
                                    : "is no directory; an adapter is one with adapter_config.json and "
                                      "adapter_model.safetensors");
  if (!holdsAdapter(directory))
    return fileError(directory, llvm::sys::fs::exists(pathIn(directory, "config.json"))
                                    ? "is a model, not an adapter: it has no adapter_config.json"
                                    : "holds no adapter: there is no adapter_config.json");
  return Error::success();
}

Error explainTensors(const std::string &directory) {
  if (llvm::sys::fs::exists(pathIn(directory, kTensorsFile)))
    return Error::success();
  for (StringRef other : {"adapter_model.bin", "adapters.safetensors", "adapters.npz"})
    if (llvm::sys::fs::exists(pathIn(directory, other)))
      return fileError(directory,
                       "holds " + other + ", but " + kTensorsFile + " is needed: " +
                           (other.starts_with("adapters")
                                ? "this is an adapter of MLX, of which mlx_lm.fuse makes a checkpoint"
                                : "save it again with PEFT (safe_serialization)"));
  return fileError(directory, "holds no " + kTensorsFile);
}

} // namespace

std::string adapterDirectory(const std::string &request) {
  return parse(request).directory;
}

Expected<Adapter> Adapter::open(const std::string &text) {
  Request request = parse(text);
  Adapter adapter;
  adapter.directory = request.directory;
  if (request.scale && (request.scale->getAsDouble(adapter.scale) || !std::isfinite(adapter.scale)))
    return fileError(text, "is no directory, and " + inQuotes(*request.scale) +
                               " behind the colon is no number to scale an adapter by");
  if (Error error = explain(adapter.directory))
    return error;
  Expected<AdapterConfig> config = readAdapterConfig(adapter.directory);
  if (!config)
    return config.takeError();
  adapter.config = std::move(*config);
  if (Error error = explainTensors(adapter.directory))
    return error;
  Expected<std::unique_ptr<WeightSource>> tensors =
      openSafetensorsFile(pathIn(adapter.directory, kTensorsFile));
  if (!tensors)
    return tensors.takeError();
  adapter.tensors = std::move(*tensors);
  if (Error error = Reader(adapter).read())
    return error;
  if (adapter.scale != 1 && !adapter.saved.empty())
    return fileError(adapter.directory, "brings " + inQuotes(adapter.saved.front().module) +
                                            " whole ('modules_to_save'), which cannot be scaled");
  Expected<std::string> contents = hashOfContents(adapter);
  if (!contents)
    return contents.takeError();
  adapter.contents = std::move(*contents);
  return adapter;
}

} // namespace gemmac
