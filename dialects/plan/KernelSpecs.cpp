//===- KernelSpecs.cpp - kernels' specifications and the plan's attribute for them ----------------------===//

#include "dialects/plan/KernelSpecs.h"

#include "mlir/IR/Visitors.h"

using namespace mlir;

namespace gemmac {

KernelSpec specOf(plan::KernelAttr kernel) {
  KernelSpec spec;
  spec.family = kernel.getFamily().str();
  spec.schedule = kernel.getSchedule();
  for (NamedAttribute constant : kernel.getConstants()) {
    KernelConstant &value = spec.constants[constant.getName().str()];
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      value = integer.getInt();
    else if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      value = number.getValueAsDouble();
    else
      value = cast<StringAttr>(constant.getValue()).str();
  }
  return spec;
}

plan::KernelAttr kernelAttrOf(const KernelSpec &spec, MLIRContext *context) {
  Builder builder(context);
  SmallVector<NamedAttribute> constants;
  for (const auto &[name, value] : spec.constants) {
    Attribute constant;
    if (const int64_t *integer = std::get_if<int64_t>(&value))
      constant = builder.getI64IntegerAttr(*integer);
    else if (const double *number = std::get_if<double>(&value))
      constant = builder.getF64FloatAttr(*number);
    else
      constant = builder.getStringAttr(std::get<std::string>(value));
    constants.push_back(builder.getNamedAttr(name, constant));
  }
  return plan::KernelAttr::get(context, builder.getStringAttr(spec.family),
                               builder.getDictionaryAttr(constants), spec.schedule);
}

Type elementTypeOf(Element element, Builder &builder) {
  switch (element) {
  case Element::f32:
    return builder.getF32Type();
  case Element::f16:
    return builder.getF16Type();
  case Element::bf16:
    return builder.getI16Type();
  case Element::i8:
  case Element::u8:
    return builder.getI8Type();
  case Element::i32:
    return builder.getI32Type();
  }
  llvm_unreachable("elements are listed above");
}

FailureOr<std::vector<KernelSpec>> kernelsOf(ModuleOp plan,
                                             function_ref<std::string(const KernelSpec &)> symbolOf) {
  std::map<std::string, KernelSpec> specs;
  WalkResult walked = plan.walk([&](plan::CallOp call) {
    KernelSpec spec = specOf(call.getKernel());
    auto [known, isNew] = specs.try_emplace(symbolOf(spec), spec);
    if (isNew || known->second == spec)
      return WalkResult::advance();
    return WalkResult(call.emitOpError("call-p10: ") << spec.text() << " and " << known->second.text()
                                                     << " have the same symbol, " << known->first);
  });
  if (walked.wasInterrupted())
    return failure();
  std::vector<KernelSpec> result;
  for (auto &[symbol, spec] : specs)
    result.push_back(spec);
  return result;
}

} // namespace gemmac
