//===- GemmaInterpret.cpp - gemma-interpret: run gemma IR from a text file ------------------------------===//
//
//   gemma-interpret FILE.mlir --ids 2,5,9 --weight-value 1                    calls @forward and prints its
//   results gemma-interpret FILE.mlir --ids 2,5,9 --weights DIR --phase score --chunk 2 gemma-interpret
//   FILE.mlir --compare OTHER.mlir --tolerance 1e-6           the same ids through both
//
// Exit codes: 0, 1 for whatever is wrong with the input, 3 for a difference above the tolerance.

#include "compiler/import/Safetensors.h"
#include "compiler/reference/Interpreter.h"
#include "compiler/reference/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/reference/MadeUpWeights.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"

using namespace gemmac;
using namespace gemmac::reference;
namespace cl = llvm::cl;

static cl::opt<std::string> file(cl::Positional, cl::desc("FILE.mlir"), cl::Required);
static cl::opt<std::string> other("compare", cl::desc("a second module that should compute the same"));
static cl::opt<float> tolerance("tolerance", cl::desc("largest difference that is none"), cl::init(0.0f));
static cl::opt<std::string> checkpoint("weights", cl::desc("directory of a checkpoint"));
static cl::opt<uint64_t> seed("random-weights", cl::desc("weights made up from this seed"), cl::init(0));
static cl::opt<float> value("weight-value", cl::desc("every number of every weight"));
static cl::opt<std::string> function("function", cl::desc("the function to call"), cl::init("forward"));
static cl::list<int32_t> ids("ids", cl::desc("tokens"), cl::CommaSeparated);
static cl::opt<int64_t> position("position", cl::desc("of the first token"), cl::init(0));
static cl::opt<std::string>
    phase("phase", cl::desc("score: every position in chunks; decode: prefill, then the last token"));
static cl::opt<int64_t> chunk("chunk", cl::desc("most tokens of one call"), cl::init(64));

static void print(const Array &array) {
  for (int64_t size : array.shape())
    llvm::outs() << size << 'x';
  llvm::outs() << (array.isIds() ? "i32" : array.isBlocks() ? "i8" : "f32") << '\n';
  Array numbers = array.isBlocks() ? dequantize(array) : array;
  for (int64_t row = 0; row < array.rows(); ++row) {
    llvm::outs() << '[' << row << ']';
    for (int64_t k = row * array.width(); k < (row + 1) * array.width(); ++k) {
      if (array.isIds())
        llvm::outs() << ' ' << array.ids()[k];
      else
        llvm::outs() << llvm::format(" %.6g", numbers.floats()[k]);
    }
    llvm::outs() << '\n';
  }
}

static llvm::Expected<std::vector<Array>> run(mlir::ModuleOp module, const WeightSource &weights) {
  Interpreter interpreter(module, weights);
  if (phase.empty())
    return interpreter.call(function, ids, position);
  // A module whose phases have not been split has just @forward.
  bool decode = phase == "decode" && interpreter.find("decode");
  llvm::Expected<Array> logits =
      decode ? prefillAndDecode(interpreter, ids, ids.size() - 1, chunk) : score(interpreter, ids, chunk);
  if (!logits)
    return logits.takeError();
  return std::vector<Array>(1, std::move(*logits));
}

/// The last `rows` rows.
static Array tail(const Array &array, int64_t rows) {
  Shape shape = array.shape();
  shape[0] = rows;
  return {std::move(shape),
          std::vector<float>(array.floats().end() - rows * array.width(), array.floats().end())};
}

/// Decode gives fewer rows than score: those that both have are compared.
static int compare(const std::vector<Array> &a, const std::vector<Array> &b) {
  float largest = a.size() == b.size() ? 0 : INFINITY;
  for (size_t k = 0; k < std::min(a.size(), b.size()); ++k) {
    if (!a[k].isFloats() || !b[k].isFloats())
      continue;
    int64_t rows = std::min(a[k].rows(), b[k].rows());
    largest = std::max(largest, largestDifference(tail(a[k], rows), tail(b[k], rows)));
  }
  llvm::outs() << llvm::format("largest difference %g\n", largest);
  return largest <= tolerance ? 0 : 3;
}

static int fail(llvm::Error error) {
  llvm::errs() << "error: " << llvm::toString(std::move(error)) << '\n';
  return 1;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "runs gemma IR with the reference's math\n");
  mlir::MLIRContext context;
  context.loadDialect<gemma::GemmaDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect>();

  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
  for (const std::string &path : {file.getValue(), other.getValue()})
    if (!path.empty() && !modules.emplace_back(mlir::parseSourceFile<mlir::ModuleOp>(path, &context)))
      return 1; // already reported, with its location

  MadeUpWeights madeUp(seed, value.getNumOccurrences() ? std::optional(value.getValue()) : std::nullopt);
  std::unique_ptr<WeightSource> opened;
  if (checkpoint.empty()) {
    for (auto &module : modules)
      madeUp.add(*module);
  } else {
    llvm::Expected<std::unique_ptr<WeightSource>> source = openSafetensors(checkpoint);
    if (!source)
      return fail(source.takeError());
    opened = std::move(*source);
  }
  const WeightSource &weights = opened ? *opened : madeUp;

  std::vector<std::vector<Array>> results;
  for (auto &module : modules) {
    llvm::Expected<std::vector<Array>> result = run(*module, weights);
    if (!result)
      return fail(result.takeError());
    results.push_back(std::move(*result));
  }
  if (results.size() == 2)
    return compare(results[0], results[1]);
  for (const Array &array : results.front())
    print(array);
  return 0;
}
