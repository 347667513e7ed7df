//===- VerifyCall.cpp - compares calls with the table of kernels ----------------------------------------===//

#include "contract/KernelFamily.h"
#include "dialects/plan/KernelSpecs.h"

using namespace mlir;

namespace gemmac::plan {
namespace {

/// Compares one call with the row of its family.
class CallVerifier {
public:
  explicit CallVerifier(CallOp call) : call(call), builder(call.getContext()) {}

  LogicalResult verify() {
    return success(succeeded(verifyConstants()) && succeeded(verifyCount()) && succeeded(verifyTypes()) &&
                   succeeded(verifyCut()) && succeeded(verifyInPlace()));
  }

private:
  LogicalResult verifyConstants();
  LogicalResult verifyCount();
  LogicalResult verifyTypes();
  LogicalResult verifyCut();
  LogicalResult verifyInPlace();

  size_t outputs() { return static_cast<size_t>(call.getOutputs()); }
  size_t firstOutput() { return call.getOperands_().size() - outputs(); }
  MemRefType typeOf(size_t argument) { return cast<MemRefType>(call.getOperands_()[argument].getType()); }
  /// "argument 1 of rms_norm, w,"
  std::string nameOf(size_t argument) const {
    return "argument " + std::to_string(argument) + " of " + spec.family + ", " + arguments[argument].name +
           ",";
  }

  CallOp call;
  Builder builder;
  KernelSpec spec;
  std::vector<KernelArgument> arguments;
};

/// "[n, heads = 2, 16]"
std::string wordsFor(const std::vector<AxisSize> &axes) {
  std::string words;
  for (const AxisSize &axis : axes) {
    words += words.empty() ? "[" : ", ";
    words += axis.term;
    if (axis.number && axis.term != std::to_string(*axis.number))
      words += " = " + std::to_string(*axis.number);
  }
  return words + "]";
}

LogicalResult CallVerifier::verifyConstants() {
  KernelAttr kernel = call.getKernel();
  if (!findFamily(kernel.getFamily().getValue()))
    return call.emitOpError("call-p3: there is no family of kernels '")
           << kernel.getFamily().getValue() << "', but " << namesOfFamilies();
  for (NamedAttribute constant : kernel.getConstants()) {
    Attribute value = constant.getValue();
    auto number = dyn_cast<TypedAttr>(value);
    if (!isa<StringAttr>(value) && !(number && (number.getType().isInteger(64) || number.getType().isF64())))
      return call.emitOpError("call-p4: the constant '")
             << constant.getName().getValue() << "' is " << value << ", no i64, f64 or string";
  }
  spec = specOf(kernel);
  if (std::string problem = problemWithConstants(spec); !problem.empty())
    return call.emitOpError("call-p4: ") << problem;
  arguments = argumentsOf(spec);
  return success();
}

LogicalResult CallVerifier::verifyCount() {
  size_t wanted = static_cast<size_t>(llvm::count_if(
      arguments, [](const KernelArgument &argument) { return isOutput(argument.port->role); }));
  if (arguments.size() == call.getOperands_().size() && wanted == outputs())
    return success();
  std::string names;
  for (const KernelArgument &argument : arguments)
    names += (names.empty() ? "" : ", ") + argument.name;
  return call.emitOpError("call-p5: ")
         << spec.family << " has the arguments " << names << ", of which the last " << wanted
         << " are outputs; here are " << call.getOperands_().size() << " with " << outputs() << " outputs";
}

LogicalResult CallVerifier::verifyTypes() {
  // A size that is known only at run time is the same wherever it has the same name.
  llvm::StringMap<int64_t> known;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const KernelArgument &argument = arguments[i];
    MemRefType type = typeOf(i);
    if (type.getElementType() != elementTypeOf(argument.element, builder))
      return call.emitOpError("call-p6: ") << nameOf(i) << " holds " << type.getElementType() << ", not "
                                           << gemmac::nameOf(argument.element);
    bool fits = type.getRank() == static_cast<int64_t>(argument.axes.size());
    for (size_t axis = 0; fits && axis < argument.axes.size(); ++axis) {
      const AxisSize &wanted = argument.axes[axis];
      int64_t size = type.getDimSize(static_cast<unsigned>(axis));
      if (wanted.number)
        fits = size == *wanted.number;
      else if (!ShapedType::isDynamic(size))
        fits = known.try_emplace(wanted.term, size).first->second == size;
    }
    if (!fits)
      return call.emitOpError("call-p7: ")
             << nameOf(i) << " is " << type << ", not " << wordsFor(argument.axes);
  }
  return success();
}

LogicalResult CallVerifier::verifyCut() {
  if (!call.getAxis())
    return success();
  auto axis = static_cast<int64_t>(*call.getAxis());
  int64_t size = typeOf(arguments.size() - 1).getDimSize(static_cast<unsigned>(axis));
  bool allowed = axis < familyOf(spec).cutAxes;
  for (size_t i = firstOutput(); allowed && i < arguments.size(); ++i)
    allowed = axis >= typeOf(i).getRank() || typeOf(i).getDimSize(static_cast<unsigned>(axis)) == size;
  if (allowed)
    return success();
  return call.emitOpError("call-p8: calls of ") << spec.family << " are not cut along axis " << axis;
}

LogicalResult CallVerifier::verifyInPlace() {
  for (size_t output = firstOutput(); output < arguments.size(); ++output)
    for (size_t input = 0; input < firstOutput(); ++input)
      if (call.getOperands_()[output] == call.getOperands_()[input] &&
          !(output == firstOutput() && arguments[input].name == familyOf(spec).inPlace))
        return call.emitOpError("call-p9: ")
               << nameOf(output) << " is " << arguments[input].name << " too, which it would overwrite";
  return success();
}

} // namespace

LogicalResult CallOp::verify() {
  int64_t outputs = static_cast<int64_t>(getOutputs()),
          operands = static_cast<int64_t>(getOperands_().size());
  if (outputs < 1 || outputs > operands)
    return emitOpError("call-p1: ") << outputs << " of " << operands << " operands are outputs";
  if (getAxis()) {
    if (static_cast<int64_t>(getGrain().value_or(0)) < 1)
      return emitOpError("call-p2: the grain must be positive");
    auto last = dyn_cast<MemRefType>(getOperands_().back().getType());
    if (!last || static_cast<int64_t>(*getAxis()) >= last.getRank())
      return emitOpError("call-p2: the last output has no axis ") << *getAxis();
  }
  return CallVerifier(*this).verify();
}

} // namespace gemmac::plan
