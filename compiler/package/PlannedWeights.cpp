//===- PlannedWeights.cpp - the weights that a plan asks for, as plain facts ----------------------------===//

#include "compiler/package/PlannedWeights.h"

#include "dialects/plan/Plan.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace gemmac {

WeightShape PlannedWeight::shape() const {
  switch (logical.size()) {
  case 1:
    return {0, 1, logical[0]};
  case 2:
    return {0, logical[0], logical[1]};
  default:
    return {logical[0], logical[1], logical[2]};
  }
}

int64_t PlannedWeight::bytes() const {
  int64_t sum = 0;
  for (const Plane &plane : planes)
    sum += plane.bytes();
  return sum;
}

static int64_t bytesOf(MemRefType type) {
  return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
}

static FailureOr<PlannedWeight> read(plan::WeightOp op) {
  PlannedWeight weight;
  weight.name = op.getSymName().str();
  weight.layout = op.getLayout();
  weight.scheme = op.getScheme();
  weight.logical.assign(op.getShape().begin(), op.getShape().end());
  weight.addOne = op.getAddOne();
  llvm::append_range(weight.sources, readSources(op.getSources()));
  if (weight.logical.empty() || weight.logical.size() > 3)
    return op.emitError("a weight has 1, 2 or 3 axes, not ") << weight.logical.size();
  weight.planes = planesOf(weight.layout, weight.scheme, weight.shape());
  weight.offsets.assign(op.getOffsets().begin(), op.getOffsets().end());

  if (weight.offsets.size() != weight.planes.size())
    return op.emitError("layout '") << nameOf(weight.layout) << "' of scheme '" << nameOf(weight.scheme)
                                    << "' has " << weight.planes.size() << " planes, not "
                                    << weight.offsets.size();
  for (auto [index, plane, type] :
       llvm::enumerate(weight.planes, op.getPlanes().getAsValueRange<TypeAttr>())) {
    int64_t said = gemmac::bytesOf(cast<MemRefType>(type));
    if (said != plane.bytes())
      return op.emitError("plane ") << index << " has " << said << " bytes, but layout '"
                                    << nameOf(weight.layout) << "' of scheme '" << nameOf(weight.scheme)
                                    << "' needs " << plane.bytes();
  }
  return weight;
}

FailureOr<std::vector<PlannedWeight>> plannedWeights(ModuleOp plan) {
  std::vector<PlannedWeight> weights;
  for (plan::WeightOp op : plan.getOps<plan::WeightOp>()) {
    FailureOr<PlannedWeight> weight = read(op);
    if (failed(weight))
      return failure();
    weights.push_back(std::move(*weight));
  }
  llvm::stable_sort(weights,
                    [](const PlannedWeight &a, const PlannedWeight &b) { return a.offsets < b.offsets; });

  int64_t end = 0;
  for (const PlannedWeight &weight : weights)
    for (auto [plane, offset] : llvm::zip_equal(weight.planes, weight.offsets)) {
      if (offset < end)
        return plan.emitError("weight '")
               << weight.name << "' starts at byte " << offset << ", inside its neighbour";
      end = offset + plane.bytes();
    }
  return weights;
}

} // namespace gemmac
