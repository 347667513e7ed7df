//===- Rings.h - how many positions of a text the caches of a plan hold ---------------------------------===//

#ifndef GEMMAC_DIALECTS_PLAN_RINGS_H
#define GEMMAC_DIALECTS_PLAN_RINGS_H

#include "dialects/plan/Plan.h"
#include "mlir/IR/BuiltinOps.h"

namespace gemmac::plan {

/// The caches of layers with a window are ring buffers, which overwrite their oldest positions.
struct Rings {
  int64_t positions; ///< the maximum that every cache holds without overwriting; at most the context
  int64_t rewind;    ///< how many last tokens can always be taken back, with all that the token before them
                     ///< sees still in the caches; the context if nothing is overwritten
};

/// Fails if kernelsOf fails.
mlir::FailureOr<Rings> ringsOf(mlir::ModuleOp plan);

} // namespace gemmac::plan

#endif
