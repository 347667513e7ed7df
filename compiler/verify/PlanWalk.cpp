//===- PlanWalk.cpp - the calls of a plan in the order in which they run --------------------------------===//

#include "compiler/verify/PlanWalk.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using namespace mlir;

namespace gemmac::verify {

llvm::Error failure(Operation *op, const llvm::Twine &text) {
  std::string where;
  llvm::raw_string_ostream(where) << op->getLoc() << ": '" << op->getName() << "' ";
  return llvm::createStringError(where + text);
}

std::string MemoryName::text() const {
  switch (memory) {
  case plan::Memory::weights:
    return "the weights";
  case plan::Memory::cache:
    return "the caches";
  case plan::Memory::arena:
    return "the arena";
  case plan::Memory::input:
    return "input " + std::to_string(number);
  case plan::Memory::output:
    return "output " + std::to_string(number);
  }
  llvm_unreachable("memories are listed above");
}

int64_t Region::elementBytes() const {
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

int64_t Region::numbers() const {
  int64_t product = 1;
  for (int64_t size : sizes)
    product *= size;
  return product;
}

int64_t Region::end() const {
  if (numbers() == 0)
    return offset;
  int64_t last = 0;
  for (auto [size, stride] : llvm::zip_equal(sizes, strides))
    last += (size - 1) * stride;
  return offset + (last + 1) * elementBytes();
}

void Region::eachRun(llvm::function_ref<void(int64_t, int64_t)> run) const {
  if (numbers() == 0)
    return;
  // The inner axes that are dense are one run.
  size_t outer = sizes.size();
  int64_t together = 1;
  while (outer > 0 && (sizes[outer - 1] == 1 || strides[outer - 1] == together))
    together *= sizes[--outer];
  std::vector<int64_t> index(outer, 0);
  while (true) {
    int64_t at = 0;
    for (size_t axis = 0; axis < outer; ++axis)
      at += index[axis] * strides[axis];
    run(offset + at * elementBytes(), together * elementBytes());
    size_t axis = outer;
    while (axis > 0 && ++index[axis - 1] == sizes[axis - 1])
      index[--axis] = 0;
    if (axis == 0)
      return;
  }
}

static std::vector<int64_t> denseStridesOf(const std::vector<int64_t> &sizes) {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t axis = sizes.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * sizes[axis];
  return strides;
}

/// One run of one function.
class PlanWalk::Frame {
public:
  explicit Frame(PlanWalk &walk) : walk(walk) {}

  void bind(Value argument, int64_t index) { indices[argument] = index; }
  void bind(Value argument, Region region) { regions[argument] = std::move(region); }
  llvm::Error run(Block &block);

private:
  llvm::Error run(Operation *op);
  llvm::Error loop(scf::ForOp op);
  llvm::Error callProcedure(func::CallOp op);
  llvm::Error callKernel(plan::CallOp op);
  llvm::Error rowGet(plan::RowGetOp op);
  llvm::Error rowNumber(plan::RowNumberOp op);
  llvm::Error fold(Operation *op);
  llvm::Error subview(memref::SubViewOp op);
  llvm::Error expand(memref::ExpandShapeOp op);
  llvm::Error collapse(memref::CollapseShapeOp op);

  int64_t index(OpFoldResult value) const {
    std::optional<int64_t> constant = getConstantIntValue(value);
    return constant ? *constant : indices.lookup(cast<Value>(value));
  }
  std::vector<int64_t> all(llvm::ArrayRef<OpFoldResult> values) const {
    std::vector<int64_t> result;
    for (OpFoldResult value : values)
      result.push_back(index(value));
    return result;
  }
  /// The shape of a memref whose `?` are these.
  std::vector<int64_t> sizesOf(MemRefType type, ValueRange dynamic) const {
    std::vector<int64_t> sizes(type.getShape());
    for (int64_t &size : sizes)
      if (ShapedType::isDynamic(size)) {
        size = indices.lookup(dynamic.front());
        dynamic = dynamic.drop_front();
      }
    return sizes;
  }
  llvm::Expected<Attribute> cell(Operation *op, llvm::StringRef table, Value row, int64_t column);
  llvm::Error bear(Operation *op, MemRefType type, ValueRange dynamic, MemoryName name, int64_t offset);
  llvm::Error set(Value value, int64_t index) {
    indices[value] = index;
    return llvm::Error::success();
  }
  llvm::Error set(Value value, Region region) {
    regions[value] = std::move(region);
    return llvm::Error::success();
  }

  PlanWalk &walk;
  llvm::DenseMap<Value, int64_t> indices;
  llvm::DenseMap<Value, Region> regions;
};

llvm::Error PlanWalk::Frame::run(Block &block) {
  for (Operation &op : block.without_terminator())
    if (llvm::Error error = run(&op))
      return error;
  return llvm::Error::success();
}

llvm::Error PlanWalk::Frame::run(Operation *op) {
  return llvm::TypeSwitch<Operation *, llvm::Error>(op)
      .Case([&](plan::CountOp op) { return set(op, walk.count); })
      .Case([&](plan::PositionOp op) { return set(op, walk.position); })
      .Case([&](plan::GetOp op) {
        return set(op, walk.plane(walk.symbols.lookup(op.getSymbol()), int64_t(op.getPlane()),
                                  cast<MemRefType>(op.getType())));
      })
      .Case([&](plan::OffsetOp op) {
        Operation *symbol = walk.symbols.lookup(op.getSymbol());
        auto type = MemRefType::get({}, IntegerType::get(op.getContext(), 8));
        return set(op, walk.plane(symbol, int64_t(op.getPlane()), type).offset);
      })
      .Case([&](plan::RowGetOp op) { return rowGet(op); })
      .Case([&](plan::RowNumberOp op) { return rowNumber(op); })
      .Case([&](plan::ArenaOp op) {
        return bear(op, cast<MemRefType>(op.getType()), op.getSizes(), {}, int64_t(op.getOffset()));
      })
      .Case([&](memref::AllocOp op) {
        return bear(op, op.getType(), op.getDynamicSizes(), {plan::Memory::arena, walk.buffers + 1}, 0);
      })
      .Case([&](plan::ViewOp op) {
        auto type = cast<MemRefType>(op.getType());
        int64_t beyond = op.getBeyond() ? indices.lookup(op.getBeyond()) : 0;
        return set(op, Region{{op.getMemory(), int64_t(op.getPort().value_or(0))},
                              int64_t(op.getBytes()) + beyond,
                              sizesOf(type, op.getSizes()),
                              std::vector<int64_t>(cast<StridedLayoutAttr>(type.getLayout()).getStrides()),
                              type.getElementType()});
      })
      .Case([&](memref::SubViewOp op) { return subview(op); })
      .Case([&](memref::ExpandShapeOp op) { return expand(op); })
      .Case([&](memref::CollapseShapeOp op) { return collapse(op); })
      .Case([&](plan::CallOp op) { return callKernel(op); })
      .Case([&](func::CallOp op) { return callProcedure(op); })
      .Case([&](scf::ForOp op) { return loop(op); })
      .Default([&](Operation *op) { return fold(op); });
}

/// Index arithmetic: what the op itself makes of constants.
llvm::Error PlanWalk::Frame::fold(Operation *op) {
  Builder builder(op);
  SmallVector<Attribute> operands;
  for (Value operand : op->getOperands())
    operands.push_back(operand.getType().isIntOrIndex()
                           ? builder.getIntegerAttr(operand.getType(), indices.lookup(operand))
                           : Attribute());
  SmallVector<OpFoldResult> results;
  if (failed(op->fold(operands, results)) || results.size() != 1)
    return failure(op, "has no meaning for the plan's interpreter");
  if (auto constant = dyn_cast<Attribute>(results[0]); constant && !isa<IntegerAttr>(constant))
    return failure(op, "makes something else than an index");
  return set(op->getResult(0), index(results[0]));
}

llvm::Error PlanWalk::Frame::loop(scf::ForOp op) {
  if (op.getNumRegionIterArgs())
    return failure(op, "carries values, which loops of a plan do not");
  int64_t step = indices.lookup(op.getStep()), end = indices.lookup(op.getUpperBound());
  if (step < 1)
    return failure(op, "has a step of " + llvm::Twine(step));
  for (int64_t i = indices.lookup(op.getLowerBound()); i < end; i += step) {
    bind(op.getInductionVar(), i);
    if (llvm::Error error = run(*op.getBody()))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error PlanWalk::Frame::callProcedure(func::CallOp op) {
  auto procedure = walk.symbols.lookup<func::FuncOp>(op.getCallee());
  if (!procedure || procedure.isExternal() || op.getNumResults())
    return failure(op, "calls @" + op.getCallee() + ", which is no procedure of the plan");
  Frame frame(walk);
  for (auto [argument, operand] : llvm::zip_equal(procedure.getArguments(), op.getOperands())) {
    if (isa<MemRefType>(operand.getType()))
      frame.bind(argument, regions.lookup(operand));
    else
      frame.bind(argument, indices.lookup(operand));
  }
  return frame.run(procedure.getBody().front());
}

llvm::Error PlanWalk::Frame::callKernel(plan::CallOp op) {
  SmallVector<Region> operands;
  for (Value operand : op.getOperands_()) {
    operands.push_back(regions.lookup(operand));
    if (llvm::any_of(operands.back().sizes, [](int64_t size) { return size < 0; }))
      return failure(op, "has an operand of negative size");
  }
  return walk.call(op, operands);
}

llvm::Expected<Attribute> PlanWalk::Frame::cell(Operation *op, llvm::StringRef name, Value row,
                                                int64_t column) {
  auto table = walk.symbols.lookup<plan::TableOp>(name);
  int64_t number = indices.lookup(row);
  if (!table || number < 0 || number >= int64_t(table.getRows().size()) || column < 0 ||
      column >= int64_t(table.getPlanes().size()))
    return failure(op, "reads row " + llvm::Twine(number) + ", column " + llvm::Twine(column) +
                           ", which table @" + name + " does not have");
  return cast<ArrayAttr>(table.getRows()[number])[column];
}

llvm::Error PlanWalk::Frame::rowGet(plan::RowGetOp op) {
  llvm::Expected<Attribute> symbol = cell(op, op.getTable(), op.getRow(), int64_t(op.getColumn()));
  if (!symbol)
    return symbol.takeError();
  auto table = walk.symbols.lookup<plan::TableOp>(op.getTable());
  return set(op, walk.plane(walk.symbols.lookup(cast<FlatSymbolRefAttr>(*symbol).getValue()),
                            table.getPlanes()[op.getColumn()], cast<MemRefType>(op.getType())));
}

llvm::Error PlanWalk::Frame::rowNumber(plan::RowNumberOp op) {
  llvm::Expected<Attribute> found = cell(op, op.getTable(), op.getRow(), int64_t(op.getColumn()));
  if (!found)
    return found.takeError();
  if (auto number = dyn_cast<IntegerAttr>(*found))
    return set(op, number.getInt());
  auto table = walk.symbols.lookup<plan::TableOp>(op.getTable());
  auto type = MemRefType::get({}, IntegerType::get(op.getContext(), 8));
  return set(op, walk.plane(walk.symbols.lookup(cast<FlatSymbolRefAttr>(*found).getValue()),
                            table.getPlanes()[op.getColumn()], type)
                     .offset);
}

llvm::Error PlanWalk::Frame::bear(Operation *op, MemRefType type, ValueRange dynamic, MemoryName name,
                                  int64_t offset) {
  Region region{name, offset, sizesOf(type, dynamic), {}, type.getElementType(), walk.buffers++};
  region.strides = denseStridesOf(region.sizes);
  if (llvm::any_of(region.sizes, [](int64_t size) { return size < 0; }))
    return failure(op, "has a negative size");
  walk.born(region, op);
  return set(op->getResult(0), std::move(region));
}

llvm::Error PlanWalk::Frame::subview(memref::SubViewOp op) {
  Region region = regions.lookup(op.getSource());
  std::vector<int64_t> offsets = all(op.getMixedOffsets()), sizes = all(op.getMixedSizes()),
                       steps = all(op.getMixedStrides()), strides = region.strides;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  std::vector<int64_t> whole = std::move(region.sizes);
  region.sizes.clear(), region.strides.clear();
  for (size_t axis = 0; axis < whole.size(); ++axis) {
    if (sizes[axis] > 0 &&
        (offsets[axis] < 0 || offsets[axis] + (sizes[axis] - 1) * steps[axis] >= whole[axis]))
      return failure(op, "reaches beyond its source along axis " + llvm::Twine(axis));
    region.offset += offsets[axis] * strides[axis] * region.elementBytes();
    if (dropped.test(unsigned(axis)))
      continue;
    region.sizes.push_back(sizes[axis]);
    region.strides.push_back(strides[axis] * steps[axis]);
  }
  return set(op, std::move(region));
}

llvm::Error PlanWalk::Frame::expand(memref::ExpandShapeOp op) {
  Region region = regions.lookup(op.getSrc());
  int64_t before = region.numbers();
  std::vector<int64_t> outer = std::move(region.strides);
  region.sizes = all(op.getMixedOutputShape());
  region.strides.assign(region.sizes.size(), 0);
  for (auto [group, stride] : llvm::zip_equal(op.getReassociationIndices(), outer))
    for (int64_t axis : llvm::reverse(group)) {
      region.strides[axis] = stride;
      stride *= region.sizes[axis];
    }
  if (region.numbers() != before)
    return failure(op, "changes how many numbers there are");
  return set(op, std::move(region));
}

llvm::Error PlanWalk::Frame::collapse(memref::CollapseShapeOp op) {
  Region region = regions.lookup(op.getSrc());
  std::vector<int64_t> sizes = std::move(region.sizes), strides = std::move(region.strides);
  region.sizes.clear(), region.strides.clear();
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t size = 1, next = strides[group.back()];
    for (int64_t axis : llvm::reverse(group)) {
      if (sizes[axis] != 1 && strides[axis] != next)
        return failure(op, "joins axes that are not adjacent in memory");
      size *= sizes[axis];
      next *= sizes[axis];
    }
    region.sizes.push_back(size);
    region.strides.push_back(strides[group.back()]);
  }
  return set(op, std::move(region));
}

template <typename Symbol>
static std::optional<int64_t> offsetOf(Operation *symbol, int64_t plane) {
  auto op = dyn_cast<Symbol>(symbol);
  if (!op || op.getOffsets().empty())
    return std::nullopt;
  return op.getOffsets()[plane];
}

PlanWalk::PlanWalk(ModuleOp module) : module(module), symbols(module) {
  int64_t number = 1;
  for (Operation &op : *module.getBody()) {
    planeNumbers[&op] = number;
    if (auto weight = dyn_cast<plan::WeightOp>(op))
      number += int64_t(weight.getPlanes().size());
    else if (auto cache = dyn_cast<plan::CacheOp>(op))
      number += int64_t(cache.getPlanes().size());
  }
}

Region PlanWalk::plane(Operation *symbol, int64_t plane, MemRefType type) const {
  Region region;
  region.name.memory = isa<plan::WeightOp>(symbol) ? plan::Memory::weights : plan::Memory::cache;
  std::optional<int64_t> offset = offsetOf<plan::WeightOp>(symbol, plane);
  if (!offset)
    offset = offsetOf<plan::CacheOp>(symbol, plane);
  if (offset)
    region.offset = *offset;
  else
    region.name.number = planeNumbers.lookup(symbol) + plane;
  region.sizes.assign(type.getShape().begin(), type.getShape().end());
  region.strides = denseStridesOf(region.sizes);
  region.element = type.getElementType();
  return region;
}

llvm::Error PlanWalk::walk(func::FuncOp entry, int64_t tokens, int64_t first) {
  count = tokens, position = first, buffers = 0;
  Frame frame(*this);
  int64_t inputs = 0, outputs = 0;
  for (BlockArgument argument : entry.getArguments()) {
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type)
      return failure(entry, "has an argument that is no array");
    bool input = bool(entry.getArgAttr(argument.getArgNumber(), plan::kInputAttr));
    Region port;
    port.name = {input ? plan::Memory::input : plan::Memory::output, input ? inputs++ : outputs++};
    for (int64_t size : type.getShape())
      port.sizes.push_back(ShapedType::isDynamic(size) ? tokens : size);
    port.strides = denseStridesOf(port.sizes);
    port.element = type.getElementType();
    frame.bind(argument, std::move(port));
  }
  return frame.run(entry.getBody().front());
}

} // namespace gemmac::verify
