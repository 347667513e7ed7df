//===- Entries.cpp - the entries of a plan and their ports ----------------------------------------------===//

#include "dialects/plan/Entries.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace gemmac::plan {

static LogicalResult readPorts(func::FuncOp function, Entry &entry) {
  llvm::StringSet<> inputs, outputs;
  for (BlockArgument argument : function.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto input = function.getArgAttrOfType<StringAttr>(number, kInputAttr),
         output = function.getArgAttrOfType<StringAttr>(number, kOutputAttr);
    if (!input == !output)
      return function.emitError("argument ")
             << number << " of the entry @" << entry.name << " needs either `plan.input` or `plan.output`";
    if (input && !entry.outputs.empty())
      return function.emitError("the input '")
             << input.getValue() << "' of the entry @" << entry.name << " stands behind an output";
    StringRef name = (input ? input : output).getValue();
    if (!(input ? inputs : outputs).insert(name).second)
      return function.emitError("the entry @") << entry.name << " has two ports '" << name << "'";
    (input ? entry.inputs : entry.outputs).push_back({name.str(), cast<MemRefType>(argument.getType())});
  }
  return success();
}

static FailureOr<Entry> readEntry(func::FuncOp function) {
  Entry entry;
  entry.name = function.getSymName().str();
  auto tokens = function->getAttrOfType<TokenClassAttr>("plan.token_class");
  auto most = function->getAttrOfType<IntegerAttr>("plan.tokens"),
       arena = function->getAttrOfType<IntegerAttr>("plan.arena_bytes");
  if (!tokens || !most || !arena)
    return function.emitError("the entry @") << entry.name << " does not say `"
                                             << (!tokens ? "plan.token_class"
                                                 : !most ? "plan.tokens"
                                                         : "plan.arena_bytes")
                                             << "`";
  entry.tokens = tokens.getValue();
  entry.maxTokens = most.getInt();
  entry.arenaBytes = arena.getInt();
  if (failed(readPorts(function, entry)))
    return failure();
  return entry;
}

FailureOr<std::vector<Entry>> entriesOf(ModuleOp plan) {
  std::vector<Entry> entries;
  for (auto function : plan.getOps<func::FuncOp>()) {
    if (function.isPrivate())
      continue;
    FailureOr<Entry> entry = readEntry(function);
    if (failed(entry))
      return failure();
    entries.push_back(std::move(*entry));
  }
  return entries;
}

} // namespace gemmac::plan
