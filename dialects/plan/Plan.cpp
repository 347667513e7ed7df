//===- Plan.cpp - the dialect and its verifiers ---------------------------------------------------------===//

#include "dialects/plan/Plan.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemmac::plan;

#include "dialects/plan/PlanOpsDialect.cpp.inc"
#include "dialects/plan/PlanOpsEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanOpsAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.cpp.inc"

void PlanDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/plan/PlanOpsAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/plan/PlanOps.cpp.inc"
      >();
}

LogicalResult PlanDialect::verifyRegionArgAttribute(Operation *function, unsigned, unsigned argument,
                                                    NamedAttribute attribute) {
  if (attribute.getName() != kInputAttr && attribute.getName() != kOutputAttr)
    return success();
  Type type = function->getRegion(0).getArgument(argument).getType();
  auto memory = dyn_cast<MemRefType>(type);
  if (!memory || !memory.getLayout().isIdentity() ||
      llvm::is_contained(memory.getShape().drop_front(memory.getRank() ? 1 : 0), ShapedType::kDynamic))
    return function->emitError("port-p1: argument ")
           << argument << " is no dense memref with `?` as its first axis at most, but " << type;
  if (!isa<StringAttr>(attribute.getValue()))
    return function->emitError("port-p1: the name of argument ")
           << argument << " is " << attribute.getValue() << ", no string";
  return success();
}

/// Checks the arrays of a weight or a cache, and their offsets once these are assigned.
template <typename Symbol>
static LogicalResult verifyPlanes(Symbol symbol, StringRef rule) {
  for (Type plane : symbol.getPlanes().template getAsValueRange<TypeAttr>())
    if (auto type = dyn_cast<MemRefType>(plane); !type || !type.hasStaticShape())
      return symbol.emitOpError(rule) << ": plane " << plane << " is not a memref of static shape";
  if (!symbol.getOffsets().empty() && symbol.getOffsets().size() != symbol.getPlanes().size())
    return symbol.emitOpError(rule) << ": " << symbol.getOffsets().size() << " offsets for "
                                    << symbol.getPlanes().size() << " planes";
  if (llvm::any_of(symbol.getOffsets(), [](int64_t offset) { return offset < 0; }))
    return symbol.emitOpError(rule) << ": an offset is negative";
  return success();
}

LogicalResult WeightOp::verify() {
  return verifyPlanes(*this, "weight-p1");
}

LogicalResult CacheOp::verify() {
  return verifyPlanes(*this, "cache-p1");
}

LogicalResult TableOp::verify() {
  if (getLayers().size() != getRows().size())
    return emitOpError("table-p3: ") << getLayers().size() << " layers for " << getRows().size() << " rows";
  for (Attribute row : getRows()) {
    auto cells = dyn_cast<ArrayAttr>(row);
    if (!cells || cells.size() != getPlanes().size())
      return emitOpError("table-p1: every row needs ") << getPlanes().size() << " cells, one per column";
    for (auto [cell, plane] : llvm::zip(cells, getPlanes()))
      if (plane < 0 ? !isa<IntegerAttr>(cell) : !isa<FlatSymbolRefAttr>(cell))
        return emitOpError("table-p2: ")
               << cell << " stands in a column of " << (plane < 0 ? "numbers" : "planes");
  }
  return success();
}

LogicalResult ViewOp::verify() {
  bool isPort = getMemory() == Memory::input || getMemory() == Memory::output;
  if (isPort != getPort().has_value())
    return emitOpError("view-p1: ") << stringifyMemory(getMemory())
                                    << (isPort ? " needs the number of a port" : " has no ports");
  auto type = cast<MemRefType>(getType());
  auto layout = dyn_cast<StridedLayoutAttr>(type.getLayout());
  if (!layout || layout.getOffset() != 0 || llvm::is_contained(layout.getStrides(), ShapedType::kDynamic))
    return emitOpError("view-p2: ") << type << " has no constant strides, or an offset of its own";
  if (static_cast<size_t>(type.getNumDynamicDims()) != getSizes().size())
    return emitOpError("view-p2: ") << getSizes().size() << " sizes for the " << type.getNumDynamicDims()
                                    << " that " << type << " leaves open";
  if (!isa_and_present<SpaceAttr>(type.getMemorySpace()))
    return emitOpError("view-p3: ") << type << " does not say in which #plan.space it is";
  if (static_cast<int64_t>(getBytes()) < 0)
    return emitOpError("view-p4: begins at byte ") << static_cast<int64_t>(getBytes());
  return success();
}
