//===- ReferenceLogits.cpp - what the interpreter says that a compiled program's logits are -------------===//
//   reference-logits CHECKPOINT --scheme q4_0 --cache-scheme f16 --ids-file F -o OUT.npy
//
// With `--pieces 4` every four ids are a text of their own. Runs the IR after the quantize stage, the last
// one that says what the numbers are, with the weights as the device stores them. With `--noise` every number
// of a norm's weight (these are never quantized) is off by up to that fraction: the result is what another
// order of float sums might have given.

#include "compiler/import/Checkpoint.h"
#include "compiler/import/ImportModel.h"
#include "compiler/reference/Interpreter.h"
#include "compiler/reference/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipeline.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>
#include <map>
#include <random>

using namespace gemmac;
namespace cl = llvm::cl;

static cl::opt<std::string> checkpointPath(cl::Positional, cl::desc("CHECKPOINT"), cl::Required);
static cl::opt<std::string> scheme("scheme", cl::desc("of weights"), cl::init("f32"));
static cl::opt<std::string> cacheScheme("cache-scheme", cl::desc("of keys and values"), cl::init("f32"));
static cl::opt<std::string> idsFile("ids-file", cl::desc("token ids between blanks"), cl::Required);
static cl::opt<std::string> output("o", cl::desc("the .npy file"), cl::Required);
static cl::opt<int64_t> chunk("chunk", cl::desc("most tokens of one call"), cl::init(64));
static cl::opt<int64_t> pieces("pieces", cl::desc("ids of each text; 0: all are one"), cl::init(0));
static cl::opt<int64_t> context("context", cl::desc("positions"), cl::init(1024));
static cl::opt<double> noise("noise", cl::desc("largest relative error of norm weights"), cl::init(0));
static cl::opt<uint64_t> seed("seed", cl::desc("of the noise"), cl::init(1));

namespace {

/// A checkpoint whose vectors are a little wrong.
class NoisyWeights : public WeightSource {
public:
  explicit NoisyWeights(const WeightSource &exact) : exact(exact) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> error(-noise, noise);
    for (const std::string &name : exact.names()) {
      const SourceTensor *tensor = exact.find(name);
      if (tensor->shape.size() != 1 || !canReadNumbers(tensor->scheme))
        continue;
      std::vector<float> numbers(size_t(tensor->numbers()));
      readNumbers(*tensor, 0, numbers);
      for (float &number : numbers)
        number = float(number * (1 + error(random)));
      auto &[noisy, bytes] = vectors[name];
      bytes.resize(numbers.size() * sizeof(float));
      std::memcpy(bytes.data(), numbers.data(), bytes.size());
      noisy = {name, "f32", tensor->shape, bytes};
    }
  }

  const SourceTensor *find(std::string_view name) const override {
    auto found = vectors.find(std::string(name));
    return found == vectors.end() ? exact.find(name) : &found->second.first;
  }
  std::vector<std::string> names() const override { return exact.names(); }
  std::string fileOf(std::string_view name) const override { return exact.fileOf(name); }

private:
  const WeightSource &exact;
  std::map<std::string, std::pair<SourceTensor, std::vector<uint8_t>>> vectors;
};

} // namespace

static llvm::Expected<std::vector<int32_t>> readIds() {
  auto buffer = llvm::MemoryBuffer::getFile(idsFile);
  if (!buffer)
    return llvm::createStringError(idsFile + ": " + buffer.getError().message());
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString((*buffer)->getBuffer(), words);
  std::vector<int32_t> ids(words.size());
  for (auto [word, id] : llvm::zip_equal(words, ids))
    if (word.getAsInteger(10, id))
      return llvm::createStringError(idsFile + ": '" + word + "' is no id");
  return ids;
}

/// Rows of the texts, one after the other.
static llvm::Expected<reference::Array> score(reference::Interpreter &interpreter,
                                              llvm::ArrayRef<int32_t> ids) {
  size_t each = pieces > 0 ? size_t(pieces) : std::max<size_t>(ids.size(), 1);
  int64_t width = 0;
  std::vector<float> numbers;
  for (size_t first = 0; first < ids.size(); first += each) {
    auto part = reference::score(interpreter, ids.drop_front(first).take_front(each), chunk);
    if (!part)
      return part.takeError();
    width = part->width();
    numbers.insert(numbers.end(), part->floats().begin(), part->floats().end());
  }
  return reference::Array({int64_t(ids.size()), width}, std::move(numbers));
}

static llvm::Error writeNpy(const reference::Array &logits) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(logits.rows()) +
                       ", " + std::to_string(logits.width()) + "), }";
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  std::error_code error;
  llvm::raw_fd_ostream file(output, error);
  if (error)
    return llvm::createStringError(output + ": " + error.message());
  file << llvm::StringRef("\x93NUMPY\x01\x00", 8) << char(header.size() & 255) << char(header.size() >> 8)
       << header;
  file.write(reinterpret_cast<const char *>(logits.floats().data()), logits.floats().size() * sizeof(float));
  file.close();
  error = file.error();
  file.clear_error();
  return error ? llvm::createStringError(output + ": " + error.message()) : llvm::Error::success();
}

static llvm::Error run() {
  llvm::Expected<std::vector<int32_t>> ids = readIds();
  if (!ids)
    return ids.takeError();
  llvm::Expected<Checkpoint> checkpoint = openCheckpoint(checkpointPath);
  if (!checkpoint)
    return checkpoint.takeError();

  mlir::MLIRContext mlirContext;
  auto module = importModel(mlirContext, checkpoint->config, *checkpoint->weights,
                            {.name = "model", .context = context, .maxTokens = chunk});
  if (failed(module))
    return llvm::createStringError("the model was not imported");
  mlir::PassManager passes(&mlirContext);
  PipelineOptions options;
  options.scheme = scheme;
  options.cacheScheme = cacheScheme;
  if (!addStagesThrough(passes, options, "quantize") || failed(passes.run(**module)))
    return llvm::createStringError("the stages failed");

  NoisyWeights noisy(*checkpoint->weights);
  reference::Interpreter interpreter(**module, noisy);
  llvm::Expected<reference::Array> logits = score(interpreter, *ids);
  if (!logits)
    return logits.takeError();
  return writeNpy(*logits);
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "logits by the reference interpreter\n");
  if (llvm::Error error = run()) {
    llvm::errs() << "error: " << llvm::toString(std::move(error)) << '\n';
    return 1;
  }
  return 0;
}
