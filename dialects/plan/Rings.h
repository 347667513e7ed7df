//===- Rings.h - how much of a text a plan's caches hold ------------------------------------------------===//

#ifndef GEMMAC_DIALECTS_PLAN_RINGS_H
#define GEMMAC_DIALECTS_PLAN_RINGS_H

#include "dialects/plan/Plan.h"
#include "mlir/IR/BuiltinOps.h"

namespace gemmac::plan {

/// Caches of layers with a window overwrite their oldest positions.
struct Rings {
  int64_t positions; ///< that every cache holds before any of them is overwritten; at most the context
  int64_t rewind;    ///< tokens that can be taken back at any time, because what the token before them sees
                     ///< is held; the context, if nothing is overwritten
};

/// Fails where kernelsOf does.
mlir::FailureOr<Rings> ringsOf(mlir::ModuleOp plan);

} // namespace gemmac::plan

#endif
