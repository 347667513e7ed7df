//===- KernelSpecs.cpp - from the plan's attribute to the kernel room's specification -------------------===//

#include "dialects/plan/KernelSpecs.h"

using namespace mlir;

namespace gemmac {

KernelSpec specOf(plan::KernelAttr kernel) {
  KernelSpec spec;
  spec.family = kernel.getFamily().str();
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

std::vector<KernelSpec> kernelsOf(ModuleOp plan) {
  std::map<std::string, KernelSpec> specs;
  plan.walk([&](plan::CallOp call) {
    KernelSpec spec = specOf(call.getKernel());
    specs.try_emplace(spec.symbol(), spec);
  });
  std::vector<KernelSpec> result;
  for (auto &[symbol, spec] : specs)
    result.push_back(spec);
  return result;
}

} // namespace gemmac
