//===- PlannedWeights.h - the weights that a plan asks for, as plain facts ------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_PLANNEDWEIGHTS_H
#define GEMMAC_COMPILER_PACKAGE_PLANNEDWEIGHTS_H

#include "contract/TensorRange.h"
#include "contract/WeightLayout.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace gemmac {

/// A `plan.weight`: where its numbers come from and where they go.
struct PlannedWeight {
  std::string name; ///< "layer0.qkv"
  Scheme scheme = Scheme::f32;
  Layout layout = Layout::vector;
  std::vector<int64_t> logical;     ///< 1, 2 or 3 axes, slowest first
  bool addOne = false;              ///< every number is one more than in the checkpoint
  std::vector<TensorRange> sources; ///< stacked along the rows
  std::vector<Plane> planes;        ///< as planesOf() says
  std::vector<int64_t> offsets;     ///< of each plane, from the start of the tensor bytes

  WeightShape shape() const; ///< a vector is one row
  int64_t bytes() const;     ///< of all planes
};

/// The weights of a planned module in the order of their first offsets. A weight whose planes are not those
/// of its layout and scheme, overlap or lack an offset is an error at its op.
mlir::FailureOr<std::vector<PlannedWeight>> plannedWeights(mlir::ModuleOp plan);

} // namespace gemmac

#endif
