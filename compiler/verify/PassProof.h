//===- PassProof.h - no pass changes what a model computes ----------------------------------------------===//
//
// Runs stages of the pipeline and, after every pass, what the module means: each cut of a sequence of tokens
// into calls, through every function that it has. The reference's math is such that fusing, splitting and
// cutting change no bit, so results are compared bit by bit; passes that round have a bound (Bounds.h).

#ifndef GEMMAC_COMPILER_VERIFY_PASSPROOF_H
#define GEMMAC_COMPILER_VERIFY_PASSPROOF_H

#include "compiler/import/WeightSource.h"
#include "compiler/verify/Bounds.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>

namespace gemmac::verify {

struct ProofOptions {
  PipelineOptions pipeline = {};
  std::string firstStage = {};      ///< stages before it have run already; empty: none has
  std::string lastStage = {};       ///< empty: all
  std::vector<int32_t> ids = {};    ///< the sequence: a token at least, and no more than the context
  std::vector<int64_t> chunks = {}; ///< most tokens of a call, each a cut of the sequence; at least one
  int64_t decoded = 6;              ///< tokens at the end that `decode` takes one by one
  std::optional<std::vector<Bound>> bounds = {}; ///< instead of boundsOf(pipeline)
};

/// How results differ from those before a pass.
struct Deviation {
  std::string pass;  ///< its flag; "import" for what was wrong before the first one
  std::string entry; ///< "score"
  std::string cut;   ///< "in calls of 16 tokens"
  std::string error; ///< not empty: the entry could not be run, and why; what follows has no meaning then
  int64_t token = 0; ///< its position in the sequence
  int64_t logit = 0;
  float before = 0, after = 0;
  double relative = 0, bound = 0; ///< of all results of the cut

  bool within() const { return error.empty() && relative <= bound; }
  std::string text() const; ///< one sentence
};

struct ProvenPass {
  std::string pass;
  bool changed;    ///< the module; where it did not, nothing was computed again
  double relative; ///< the largest difference of an entry's results, as bounds count it
};

struct Proof {
  std::vector<ProvenPass> passes;     ///< in their order; a pass on functions counts once for each
  std::optional<Deviation> deviation; ///< the first beyond its bound; later passes were not looked at
};

/// Runs the stages on the module and proves their passes. Fails where a stage is unknown or a pass fails,
/// whose diagnostics say why. The module's context must not be in use elsewhere: passes run on one thread.
llvm::Expected<Proof> provePasses(mlir::ModuleOp module, const WeightSource &weights,
                                  const ProofOptions &options);

} // namespace gemmac::verify

#endif
