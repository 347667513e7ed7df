//===- PlanInterpreter.cpp - runs a plan with the reference's math --------------------------------------===//

#include "compiler/verify/PlanInterpreter.h"

#include "dialects/plan/KernelSpecs.h"

#include <cstring>
#include <numeric>

using namespace mlir;

namespace gemmac::verify {

using reference::Array;

PlanInterpreter::PlanInterpreter(ModuleOp module, PackedWeights &weights)
    : PlanWalk(module), weights(weights), kernels(memory) {}

template <typename Symbol>
llvm::Error
PlanInterpreter::makePlanes(plan::Memory kind, llvm::StringRef sizeAttribute,
                            llvm::function_ref<llvm::Error(Symbol, size_t, const Region &)> fill) {
  if (auto bytes = module->getAttrOfType<IntegerAttr>(sizeAttribute))
    memory.make({kind, 0}, bytes.getInt());
  for (auto symbol : module.getOps<Symbol>())
    for (auto [plane, type] : llvm::enumerate(symbol.getPlanes().template getAsValueRange<TypeAttr>())) {
      Region region = this->plane(symbol, int64_t(plane), cast<MemRefType>(type));
      if (region.name.number)
        memory.make(region.name, region.end());
      if (llvm::Error error = fill(symbol, plane, region))
        return error;
    }
  return llvm::Error::success();
}

llvm::Error PlanInterpreter::loadWeights() {
  return makePlanes<plan::WeightOp>(
      plan::Memory::weights, "plan.weights_bytes",
      [&](plan::WeightOp weight, size_t plane, const Region &region) -> llvm::Error {
        llvm::Expected<const PlaneBytes *> planes = weights.planesOf(weight);
        if (!planes)
          return planes.takeError();
        if (plane >= (*planes)->size() || int64_t((**planes)[plane].size()) != region.end() - region.offset)
          return failure(weight, "has another plane " + llvm::Twine(plane) + " than its layout");
        if (llvm::Error error = memory.store(region, (**planes)[plane]))
          return failure(weight, llvm::toString(std::move(error)));
        return llvm::Error::success();
      });
}

void PlanInterpreter::reset() {
  memory.drop(plan::Memory::cache);
  llvm::cantFail(makePlanes<plan::CacheOp>(
      plan::Memory::cache, "plan.cache_bytes",
      [](plan::CacheOp, size_t, const Region &) { return llvm::Error::success(); }));
}

void PlanInterpreter::born(const Region &buffer, Operation *) {
  if (buffer.name.number)
    memory.make(buffer.name, buffer.end());
  else
    memory.forget(buffer);
}

llvm::Error PlanInterpreter::call(plan::CallOp call, llvm::ArrayRef<Region> operands) {
  if (llvm::Error error = kernels.run(specOf(call.getKernel()), operands)) {
    std::string number = call.getNumber() ? "number " + std::to_string(*call.getNumber()) + " " : "";
    return failure(call, number + "of " + call.getKernel().getFamily().str() + ": " +
                             llvm::toString(std::move(error)));
  }
  return llvm::Error::success();
}

llvm::Error PlanInterpreter::bindInputs(func::FuncOp entry, llvm::ArrayRef<int32_t> ids, int64_t position,
                                        llvm::ArrayRef<int32_t> seeing) {
  int64_t inputs = 0;
  for (BlockArgument argument : entry.getArguments()) {
    auto name = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), plan::kInputAttr);
    if (!name)
      continue;
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type || type.getRank() != 1 || !type.getElementType().isInteger(32))
      return failure(entry, "takes something else than ids and positions: " + name.getValue());
    std::vector<int32_t> numbers = ids.vec();
    if (name.getValue() == "positions" || name.getValue() == "visible")
      std::iota(numbers.begin(), numbers.end(), int32_t(position));
    if (name.getValue() == "visible" && !seeing.empty())
      numbers = seeing.vec();
    Region port;
    port.name = {plan::Memory::input, inputs++};
    port.sizes = {int64_t(numbers.size())}, port.strides = {1}, port.element = type.getElementType();
    memory.make(port.name, port.end());
    llvm::cantFail(memory.store(
        port, {reinterpret_cast<const uint8_t *>(numbers.data()), numbers.size() * sizeof(int32_t)}));
  }
  return llvm::Error::success();
}

/// An output of the entry as its callers have it.
static Region outputOf(MemRefType type, int64_t number, int64_t count) {
  Region port;
  port.name = {plan::Memory::output, number};
  port.element = type.getElementType();
  for (int64_t size : type.getShape())
    port.sizes.push_back(ShapedType::isDynamic(size) ? count : size);
  port.strides.assign(port.sizes.size(), 1);
  for (size_t axis = port.sizes.size(); axis-- > 1;)
    port.strides[axis - 1] = port.strides[axis] * port.sizes[axis];
  return port;
}

llvm::Expected<std::vector<Array>> PlanInterpreter::takeOutputs(func::FuncOp entry, int64_t count) {
  std::vector<Array> outputs;
  for (BlockArgument argument : entry.getArguments()) {
    auto name = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), plan::kOutputAttr);
    if (!name)
      continue;
    Region port = outputOf(cast<MemRefType>(argument.getType()), int64_t(outputs.size()), count);
    if (!port.element.isF32())
      return failure(entry, "leaves something else than floats: " + name.getValue());
    std::vector<uint8_t> bytes;
    if (llvm::Error error = memory.load(port, bytes))
      return failure(entry, llvm::toString(std::move(error)));
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    outputs.emplace_back(port.sizes, std::move(numbers));
  }
  return outputs;
}

llvm::Expected<std::vector<Array>> PlanInterpreter::call(llvm::StringRef name, llvm::ArrayRef<int32_t> ids,
                                                         int64_t position, llvm::ArrayRef<int32_t> seeing) {
  func::FuncOp entry = find(name);
  if (!entry || entry.isExternal())
    return llvm::createStringError("the plan has no entry @" + name);
  if (!loaded) {
    reset();
    if (llvm::Error error = loadWeights())
      return error;
    loaded = true;
  }
  auto count = int64_t(ids.size());
  auto most = entry->getAttrOfType<IntegerAttr>("plan.tokens");
  if (most && count > most.getInt())
    return failure(entry,
                   "takes at most " + llvm::Twine(most.getInt()) + " tokens, not " + llvm::Twine(count));
  memory.drop(plan::Memory::arena);
  if (auto bytes = entry->getAttrOfType<IntegerAttr>("plan.arena_bytes"))
    memory.make({plan::Memory::arena, 0}, bytes.getInt());
  if (llvm::Error error = bindInputs(entry, ids, position, seeing))
    return error;
  int64_t outputs = 0;
  for (BlockArgument argument : entry.getArguments())
    if (entry.getArgAttr(argument.getArgNumber(), plan::kOutputAttr)) {
      Region port = outputOf(cast<MemRefType>(argument.getType()), outputs++, count);
      memory.make(port.name, port.end());
    }
  if (llvm::Error error = walk(entry, count, position))
    return error;
  return takeOutputs(entry, count);
}

} // namespace gemmac::verify
