//===- ModelSummary.h - what a checkpoint holds, and what becomes of it ---------------------------------===//

#ifndef GEMMAC_COMPILER_MODELSUMMARY_H
#define GEMMAC_COMPILER_MODELSUMMARY_H

#include "compiler/import/Checkpoint.h"
#include "compiler/package/ModelFacts.h"
#include "compiler/package/PlannedCalls.h"
#include "compiler/package/PlannedMemory.h"
#include "compiler/package/Tokenizer.h"

namespace gemmac {

/// Whether a number of the file is still the same number in the compiled model.
enum class Fidelity {
  kept,   ///< the same scheme: bit for bit
  exact,  ///< another scheme, which holds every number of the file's
  rounded ///< another scheme, which does not
};
const char *nameOf(Fidelity fidelity);

/// Tensors, or parts of them, that play the same part in the model and go the same way.
struct WeightGroup {
  std::string part; ///< of the model: "attention", "experts"
  std::string from; ///< scheme in the file
  Scheme to = Scheme::f32;
  Fidelity fidelity = Fidelity::kept;
  int64_t tensors = 0, numbers = 0;
  int64_t fileBytes = 0; ///< bytes in the file
  int64_t bytes = 0;     ///< bytes of the packed weights
};

/// Tensors that the compiled model does not have.
struct LeftOut {
  std::string what; ///< "vision tower"
  int64_t tensors = 0, bytes = 0;
};

/// A checkpoint as it would be compiled with certain options.
struct ModelSummary {
  std::string path;
  int64_t files = 0, fileBytes = 0; ///< that hold tensors; bytes of these tensors
  bool gguf = false;
  ModelConfig config;
  GenerationConfig generation;
  int64_t pieces = 0, merges = 0, specials = 0; ///< of the tokenizer
  int32_t bos = -1;                             ///< -1: none
  std::string chatTemplate;                     ///< Jinja; empty: none
  ModelFacts facts;
  std::vector<WeightGroup> groups; ///< in the order of the model's parts, the largest of a part first
  std::vector<LeftOut> leftOut;
  PlannedMemory memory;
  double bytesPerToken = 0; ///< that generating one token reads at position 0

  int64_t numbers() const; ///< of the compiled model
};

/// Gathers what a planned compilation knows. Reads no weights.
ModelSummary summarize(const std::string &path, const Checkpoint &checkpoint, const Tokenizer &tokenizer,
                       const ModelFacts &facts, llvm::ArrayRef<PlannedWeight> weights,
                       llvm::ArrayRef<PlannedPhase> phases, const PlannedMemory &memory);

/// The whole of it, for people.
std::string describe(const ModelSummary &summary);
/// The same for programs, as JSON.
std::string describeAsJson(const ModelSummary &summary);
/// What matters most, in five lines.
std::string describeShortly(const ModelSummary &summary);

} // namespace gemmac

#endif
