//===- PlannedCalls.cpp - the kernels that a plan runs, call after call, as plain facts -----------------===//

#include "compiler/package/PlannedCalls.h"

#include "contract/CacheLayout.h"
#include "contract/KernelFamily.h"
#include "dialects/plan/KernelSpecs.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "passes/IndexReach.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using namespace mlir;

namespace gemmac {

Work &Work::operator+=(const Work &other) {
  bytes += other.bytes;
  integerProducts += other.integerProducts;
  floatProducts += other.floatProducts;
  return *this;
}

/// Positions that `tokens` tokens see together, each its own number of them.
static double seenByAll(const StepShape &step, int64_t window) {
  double sum = 0;
  for (int64_t seen = step.position + 1; seen <= step.position + step.tokens; ++seen)
    sum += static_cast<double>(window ? std::min(seen, window) : seen);
  return sum;
}

Work PlannedCall::work(StepShape step) const {
  int64_t chosen = std::min(experts, step.tokens * choices);
  int64_t positions = step.position + step.tokens;
  if (window)
    positions = std::min(positions, window - 1 + step.tokens);
  Work work;
  work.bytes = static_cast<double>(weightBytes + rowBytes * step.tokens + expertBytes * chosen +
                                   slotBytes * positions);
  (integer ? work.integerProducts : work.floatProducts) = static_cast<double>(products * step.tokens);
  if (slotProducts)
    work.floatProducts += static_cast<double>(slotProducts) * seenByAll(step, window);
  return work;
}

Work PlannedPhase::work(StepShape step) const {
  Work sum;
  for (const Stretch &stretch : order)
    for (size_t call : stretch.calls)
      sum += calls[call].work(step);
  return sum;
}

namespace {

/// A weight or a cache, and which of its planes.
struct Stored {
  Operation *symbol = nullptr;
  int64_t plane = 0;
};

/// Runs an entry point as its driver does, without the kernels.
class Walk {
public:
  Walk(ModuleOp module, PlannedPhase &phase) : module(module), phase(phase) {}

  void run(func::FuncOp function, int64_t layer) {
    for (Operation &op : function.getBody().front())
      step(op, layer);
  }

private:
  void step(Operation &op, int64_t layer) {
    TypeSwitch<Operation *>(&op)
        .Case([&](scf::ForOp loop) {
          int64_t begin = number(loop.getLowerBound()), end = number(loop.getUpperBound());
          for (int64_t index = begin; index < end; index += number(loop.getStep())) {
            indices[loop.getInductionVar()] = index;
            for (Operation &inner : *loop.getBody())
              step(inner, layer);
          }
        })
        .Case([&](func::CallOp call) {
          auto callee = cast<func::FuncOp>(SymbolTable::lookupSymbolIn(module, call.getCalleeAttr()));
          for (auto [operand, argument] : llvm::zip_equal(call.getOperands(), callee.getArguments()))
            if (std::optional<int64_t> known = numberOrNothing(operand))
              indices[argument] = *known;
          run(callee, layerOf(callee));
        })
        .Case([&](plan::CallOp call) {
          add(read(call), call.getLayer() ? static_cast<int64_t>(*call.getLayer()) : layer);
        });
  }

  int64_t number(Value value) {
    std::optional<int64_t> known = numberOrNothing(value);
    assert(known && "what a plan counts is a constant or a row of a table");
    return *known;
  }

  /// Offsets of arrays may be more than constants.
  std::optional<int64_t> numberOrNothing(Value value) {
    if (auto bound = indices.find(value); bound != indices.end())
      return bound->second;
    return getConstantIntValue(value);
  }

  /// The layer of the row that a procedure is called with.
  int64_t layerOf(func::FuncOp procedure) {
    int64_t layer = -1;
    procedure.walk([&](plan::RowNumberOp op) {
      layer = tableOf(op).getLayers()[number(op.getRow())];
      return WalkResult::interrupt();
    });
    return layer;
  }

  plan::TableOp tableOf(plan::RowNumberOp op) {
    return cast<plan::TableOp>(SymbolTable::lookupSymbolIn(module, op.getTableAttr()));
  }

  /// "layer3.qkv" without its layer.
  static StringRef nameInLayer(StringRef name) {
    auto [owner, rest] = name.split('.');
    return owner.starts_with("layer") && !rest.empty() ? rest : name;
  }

  /// What a view shows, if that is a weight or a cache.
  Stored stored(plan::ViewOp view) {
    if (!view.getBeyond())
      return {};
    if (auto offset = view.getBeyond().getDefiningOp<plan::OffsetOp>())
      return {SymbolTable::lookupSymbolIn(module, offset.getSymbolAttr()),
              static_cast<int64_t>(offset.getPlane())};
    auto cell = view.getBeyond().getDefiningOp<plan::RowNumberOp>();
    if (!cell || tableOf(cell).getPlanes()[cell.getColumn()] < 0)
      return {};
    auto row = cast<ArrayAttr>(tableOf(cell).getRows()[number(cell.getRow())]);
    auto name = cast<FlatSymbolRefAttr>(row[cell.getColumn()]);
    return {SymbolTable::lookupSymbolIn(module, name.getAttr()), tableOf(cell).getPlanes()[cell.getColumn()]};
  }

  static int64_t bytesOf(MemRefType type) {
    return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
  }

  /// How many rows of x a token has.
  static int64_t rowsOfToken(plan::CallOp op) {
    IndexReach reach(op->getParentOfType<func::FuncOp>());
    reach.tokens = 1;
    return reach.largest(op.getOperands_().front().getDefiningOp<plan::ViewOp>().getSizes().front());
  }

  PlannedCall read(plan::CallOp op) {
    PlannedCall call;
    KernelSpec spec = specOf(op.getKernel());
    call.kernel = spec.symbol();
    auto constant = [&](StringRef name) {
      auto value = op.getKernel().getConstants().getAs<IntegerAttr>(name);
      return value ? value.getInt() : 0;
    };
    call.window = constant("window");
    call.choices = constant("choices");
    for (auto [operand, argument] : llvm::zip_equal(op.getOperands_(), argumentsOf(spec))) {
      Stored from = stored(operand.getDefiningOp<plan::ViewOp>());
      auto type = cast<MemRefType>(operand.getType());
      PortRole role = argument.port->role;
      if (role == PortRole::cache)
        call.slotBytes += bytesOf(type) / (type.getDimSize(0) * kSpan);
      auto weight = dyn_cast_if_present<plan::WeightOp>(from.symbol);
      if (!weight || isOutput(role))
        continue;
      // Rows of tokens and their choices come without the number of these.
      if (weight.getShape().size() == 3 && !call.choices)
        call.choices = rowsOfToken(op);
      addWeight(call, weight, from.plane, type, role == PortRole::table, constant("output"),
                constant("rows"));
    }
    // Scores and their sum over the values.
    if (call.slotBytes)
      call.slotProducts = 2 * constant("heads") * constant("dim");
    return call;
  }

  /// `output` of all `rows` of a stacked weight are read; both are 0 in kernels that read whole ones.
  static void addWeight(PlannedCall &call, plan::WeightOp weight, int64_t plane, MemRefType type, bool lookUp,
                        int64_t output, int64_t rows) {
    if (call.weight.empty())
      call.weight = nameInLayer(weight.getSymName()).str();
    ArrayRef<int64_t> shape = weight.getShape();
    int64_t bytes = bytesOf(type);
    if (lookUp) {
      call.rowBytes += bytes / shape[0];
      return;
    }
    auto part = [&](int64_t all) { return rows ? all * output / rows : all; };
    if (shape.size() == 3) {
      call.experts = shape[0];
      call.expertBytes += bytes / shape[0];
    } else {
      call.weightBytes += part(bytes);
    }
    if (shape.size() > 1 && plane == 0) {
      call.integer = isQuantized(weight.getScheme());
      call.products += shape.size() == 3 ? call.choices * shape[1] * shape[2] : part(shape[0] * shape[1]);
    }
  }

  void add(const PlannedCall &call, int64_t layer) {
    auto found = llvm::find(phase.calls, call);
    size_t index = static_cast<size_t>(found - phase.calls.begin());
    if (found == phase.calls.end())
      phase.calls.push_back(call);
    if (phase.order.empty() || phase.order.back().layer != layer)
      phase.order.push_back({layer, {}});
    phase.order.back().calls.push_back(index);
  }

  ModuleOp module;
  PlannedPhase &phase;
  DenseMap<Value, int64_t> indices;
};

} // namespace

std::vector<PlannedPhase> plannedPhases(ModuleOp plan) {
  std::vector<PlannedPhase> phases;
  for (auto function : plan.getOps<func::FuncOp>()) {
    if (function.isPrivate())
      continue;
    phases.push_back({.name = function.getSymName().str(), .calls = {}, .order = {}});
    Walk(plan, phases.back()).run(function, -1);
  }
  return phases;
}

} // namespace gemmac
