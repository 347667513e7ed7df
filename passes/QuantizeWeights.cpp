//===- QuantizeWeights.cpp - matrices and tables get the scheme that the device stores ------------------===//

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"
#include "passes/Passes.h"
#include "passes/UnstackedWeight.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "passes/Passes.h.inc"
namespace {

/// The narrowest of our schemes that keeps the precision of a file's scheme, or nearly: 8-bit blocks have a
/// finer step than blocks of at most six bits per number, whatever their scales.
Scheme holding(llvm::StringRef stored) {
  std::optional<Scheme> same = findScheme(stored);
  if (same && rowOf(*same).weights)
    return *same;
  return stored == "f16" ? Scheme::f32 : Scheme::q8_0;
}

bool choosesExperts(Operation *op) {
  return llvm::any_of(op->getUsers(), [](Operation *reader) {
    return isa<gemma::SoftmaxOp>(reader) &&
           llvm::any_of(reader->getUsers(), [](Operation *next) { return isa<gemma::TopKOp>(next); });
  });
}

/// The matrices of a model, and whether their rows, and the rows that they multiply, are whole blocks.
class Matrices {
public:
  explicit Matrices(ModuleOp module) : symbols(module) {
    module.walk([&](Operation *op) {
      if (choosesExperts(op))
        return;
      for (const gemma::Storage &storage : gemma::storageOf(op))
        if (storage.role == gemma::StorageRole::matrix || storage.role == gemma::StorageRole::table)
          add(storage);
    });
  }

  bool contains(gemma::WeightOp weight) const { return blocksFit.contains(weight); }
  bool fitBlocks(gemma::WeightOp weight) const { return blocksFit.lookup(weight); }

private:
  void add(const gemma::Storage &storage) {
    auto weight = symbols.lookup<gemma::WeightOp>(storage.symbol.getAttr());
    assert(weight && "verified: the weight exists");
    bool &fit = blocksFit.try_emplace(weight, true).first->second;
    fit &= weight.getTensorType().getShape().back() % kBlock == 0;
    if (storage.rows)
      fit &= cast<RankedTensorType>(storage.rows.getType()).getShape().back() % kBlock == 0;
  }

  SymbolTable symbols;
  llvm::DenseMap<gemma::WeightOp, bool> blocksFit;
};

struct QuantizeWeights : impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override {
    std::optional<Scheme> one = findScheme(scheme);
    if (scheme != "file" && (!one || !rowOf(*one).weights)) {
      getOperation().emitError() << "weights are stored as one of " << namesOfSchemes(&SchemeRow::weights)
                                 << ", or as in their file, not '" << scheme << "'";
      return signalPassFailure();
    }
    Matrices matrices(getOperation());
    for (auto weight : llvm::to_vector(getOperation().getOps<gemma::WeightOp>())) {
      if (!matrices.contains(weight))
        continue;
      bool fit = matrices.fitBlocks(weight);
      if (one)
        store(weight, *one, fit);
      else
        storeAsInFile(weight, fit);
    }
  }

private:
  static bool declines(Scheme wanted, bool fitBlocks) { return isQuantized(wanted) && !fitBlocks; }

  static void store(gemma::WeightOp weight, Scheme wanted, bool fitBlocks) {
    weight.setScheme(declines(wanted, fitBlocks) ? Scheme::bf16 : wanted);
    if (declines(wanted, fitBlocks))
      remarkThatDeclines(weight.getLoc(), weight.getSymName());
  }

  static void remarkThatDeclines(Location location, const llvm::Twine &name) {
    mlir::emitRemark(location) << "@" << name << " is stored as bf16: its rows, or those that it multiplies, "
                               << "are no whole blocks of " << kBlock;
  }

  /// Splits a stack whose sources get different schemes; if that is impossible, all get the widest of these.
  void storeAsInFile(gemma::WeightOp weight, bool fitBlocks) {
    auto stored = weight->getAttrOfType<ArrayAttr>(gemma::kStoredAttr);
    if (!stored || stored.size() != weight.getSources().size())
      return store(weight, Scheme::f32, fitBlocks);
    llvm::SmallVector<StackPart> parts;
    Scheme widest = holding(cast<StringAttr>(stored[0]).getValue());
    bool declined = false;
    for (auto [source, scheme] : llvm::enumerate(stored.getAsValueRange<StringAttr>())) {
      Scheme holds = holding(scheme);
      if (rowOf(holds).bitsPerNumber() > rowOf(widest).bitsPerNumber())
        widest = holds;
      if (declines(holds, fitBlocks)) {
        holds = Scheme::bf16;
        declined = true;
      }
      if (parts.empty() || parts.back().scheme != holds)
        parts.push_back({holds, 0, 0});
      ++parts.back().sources;
      parts.back().rows += weight.getParts() ? (*weight.getParts())[source] : 0;
    }
    Location location = weight.getLoc();
    std::string name = weight.getSymName().str();
    if (parts.size() == 1 || !weight.getParts() || !unstack(weight, parts, getOperation()))
      store(weight, widest, fitBlocks);
    else if (declined)
      remarkThatDeclines(location, name);
  }
};

} // namespace
} // namespace gemmac
