//===- EntryPorts.cpp - arguments and results of an entry, as arrays of the caller ----------------------===//

#include "passes/EntryPorts.h"

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Ports.h"
#include "dialects/plan/Plan.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace gemmac {
namespace {

/// Collects the arguments of the entry, then creates it.
class EntryMaker {
public:
  explicit EntryMaker(func::FuncOp source) : source(source), builder(source) {}

  FailureOr<EntryPorts> make() {
    for (BlockArgument argument : source.getArguments())
      if (failed(addInput(argument)))
        return failure();
    auto back = cast<func::ReturnOp>(source.getBody().front().getTerminator());
    for (OpOperand &returned : back->getOpOperands())
      if (failed(addOutput(returned)))
        return failure();

    EntryPorts made;
    made.entry =
        func::FuncOp::create(builder, source.getLoc(), (source.getSymName() + "_plan").str(),
                             builder.getFunctionType(types, {}), ArrayRef<NamedAttribute>{}, attributes);
    made.entry.addEntryBlock();
    if (failed(describeCalls(made.entry)))
      return failure();
    for (auto [tensor, argument] : llvm::zip_equal(tensors, made.entry.getArguments()))
      if (tensor)
        (isa<BlockArgument>(tensor) ? made.inputs : made.outputs).push_back({tensor, argument});
    return made;
  }

private:
  LogicalResult addInput(BlockArgument argument) {
    auto name = source.getArgAttrOfType<StringAttr>(argument.getArgNumber(), gemma::kPortAttr);
    return addTensor(argument, name, plan::kInputAttr, "argument " + Twine(argument.getArgNumber()));
  }

  LogicalResult addOutput(OpOperand &returned) {
    unsigned number = returned.getOperandNumber();
    Value tensor = returned.get();
    auto what = "result " + Twine(number);
    // The op that defines a returned tensor writes it to the caller's memory.
    if (isa<BlockArgument>(tensor) || isa<gemma::SliceOp>(tensor.getDefiningOp()) ||
        !outputs.insert(tensor).second)
      return source.emitError() << what.str() << " of @" << source.getSymName()
                                << " is an argument, a slice or another result: it has no memory of its own";
    return addTensor(tensor, source.getResultAttrOfType<StringAttr>(number, gemma::kPortAttr),
                     plan::kOutputAttr, what);
  }

  LogicalResult addTensor(Value tensor, StringAttr name, StringRef kind, const Twine &what) {
    if (!name)
      return source.emitError() << what.str() << " of @" << source.getSymName()
                                << " has no name for callers, `" << gemma::kPortAttr << "`";
    auto type = dyn_cast<RankedTensorType>(tensor.getType());
    if (!type || type.getEncoding())
      return source.emitError() << what.str() << " of @" << source.getSymName()
                                << " is nothing that a caller can have: " << tensor.getType();
    add(MemRefType::get(type.getShape(), type.getElementType()), kind, name.getValue(), tensor);
    return success();
  }

  void add(MemRefType type, StringRef kind, StringRef name, Value tensor = {}) {
    types.push_back(type);
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(kind, builder.getStringAttr(name))));
    tensors.push_back(tensor);
  }

  LogicalResult describeCalls(func::FuncOp entry) {
    auto fewer = source->getAttrOfType<IntegerAttr>(gemma::kTokensAttr);
    auto most =
        fewer ? fewer : source->getParentOfType<ModuleOp>()->getAttrOfType<IntegerAttr>("gemma.max_tokens");
    if (!most || most.getInt() < 1)
      return source.emitError() << "calls of @" << source.getSymName()
                                << " have no number of tokens: neither `" << gemma::kTokensAttr
                                << "` nor the module's `gemma.max_tokens` is a positive integer";
    entry->setAttr("plan.tokens", most);
    auto tokens = !fewer                ? plan::TokenClass::many
                  : fewer.getInt() == 1 ? plan::TokenClass::one
                                        : plan::TokenClass::few;
    entry->setAttr("plan.token_class", plan::TokenClassAttr::get(source.getContext(), tokens));
    return success();
  }

  func::FuncOp source;
  OpBuilder builder;
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  SmallVector<Value> tensors; ///< null: the argument belongs to no tensor of the source
  llvm::SmallPtrSet<Value, 4> outputs;
};

} // namespace

FailureOr<EntryPorts> makeEntry(func::FuncOp source) {
  return EntryMaker(source).make();
}

} // namespace gemmac
