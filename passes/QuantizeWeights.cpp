//===- QuantizeWeights.cpp - matrices and tables get the scheme that the device stores ------------------===//

#include "contract/HoldingScheme.h"
#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"
#include "passes/Passes.h"
#include "passes/UnstackedWeight.h"
#include "passes/WeightSchemes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "passes/Passes.h.inc"
namespace {

bool choosesExperts(Operation *op) {
  return llvm::any_of(op->getUsers(), [](Operation *reader) {
    return isa<gemma::SoftmaxOp>(reader) &&
           llvm::any_of(reader->getUsers(), [](Operation *next) { return isa<gemma::TopKOp>(next); });
  });
}

/// The matrices and tables of a model.
class Matrices {
public:
  explicit Matrices(ModuleOp module) : symbols(module) {
    module.walk([&](Operation *op) {
      if (choosesExperts(op))
        return;
      for (const gemma::Storage &storage : gemma::storageOf(op))
        if (storage.role == gemma::StorageRole::matrix || storage.role == gemma::StorageRole::table)
          add(op, storage);
    });
  }

  bool contains(gemma::WeightOp weight) const { return uses.contains(weight); }

  /// The scheme itself, or the first that can hold the weight of those that take its place: blocks must fill
  /// its rows, and blocks of 32 those that it multiplies.
  Scheme fitting(gemma::WeightOp weight, Scheme wanted) const {
    int64_t columns = weight.getTensorType().getShape().back();
    const SchemeRow *row = &rowOf(wanted);
    if (row->quantized() && !uses.lookup(weight).rowsAreBlocks)
      return Scheme::bf16;
    while (columns % row->block != 0)
      row = &rowOf(row->block == kBlock ? Scheme::bf16 : row->inSmallBlocks);
    return row->scheme;
  }

  std::optional<Scheme> schemeFor(gemma::WeightOp weight, const WeightSchemes &schemes) const {
    const Uses &of = uses.at(weight);
    if (of.table && of.head)
      return schemes.of(schemes.names(WeightKind::head) ? WeightKind::head : WeightKind::embedding);
    if (of.table)
      return schemes.of(of.perLayer ? WeightKind::perLayer : WeightKind::embedding);
    if (weight.getTensorType().getRank() == 3)
      return schemes.of(WeightKind::experts);
    return schemes.of(of.head && !weight->hasAttr("gemma.layer") ? WeightKind::head : WeightKind::layers);
  }

private:
  struct Uses {
    bool rowsAreBlocks = true; ///< the rows that the weight multiplies are whole blocks of activations
    bool table = false, perLayer = false, head = false;
  };

  void add(Operation *op, const gemma::Storage &storage) {
    auto weight = symbols.lookup<gemma::WeightOp>(storage.symbol.getAttr());
    assert(weight && "verified: the weight exists");
    Uses &of = uses[weight];
    // Embeddings of all layers, and their projections, have an axis of layers.
    bool ofLayers = cast<RankedTensorType>(op->getResult(0).getType()).getRank() > 2;
    if (storage.role == gemma::StorageRole::table) {
      of.table = true;
      of.perLayer |= ofLayers;
    } else {
      of.head |= !ofLayers;
    }
    if (storage.rows)
      of.rowsAreBlocks &= cast<RankedTensorType>(storage.rows.getType()).getShape().back() % kBlock == 0;
  }

  SymbolTable symbols;
  llvm::DenseMap<gemma::WeightOp, Uses> uses;
};

struct QuantizeWeights : impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override {
    llvm::Expected<WeightSchemes> schemes = WeightSchemes::parse(scheme);
    if (!schemes) {
      getOperation().emitError() << llvm::toString(schemes.takeError());
      return signalPassFailure();
    }
    Matrices matrices(getOperation());
    for (auto weight : llvm::to_vector(getOperation().getOps<gemma::WeightOp>())) {
      if (!matrices.contains(weight))
        continue;
      if (std::optional<Scheme> one = matrices.schemeFor(weight, *schemes))
        store(weight, *one, matrices);
      else
        storeAsInFile(weight, matrices);
    }
  }

private:
  static void store(gemma::WeightOp weight, Scheme wanted, const Matrices &matrices) {
    Scheme fits = matrices.fitting(weight, wanted);
    weight.setScheme(fits);
    if (fits != wanted)
      remarkThatDeclines(weight.getLoc(), weight.getSymName(), wanted, fits);
  }

  static void remarkThatDeclines(Location location, const llvm::Twine &name, Scheme wanted, Scheme fits) {
    mlir::emitRemark(location) << "@" << name << " is stored as " << nameOf(fits)
                               << ": its rows, or those that it multiplies, are no whole blocks of "
                               << (isQuantized(fits) ? rowOf(wanted).block : kBlock);
  }

  /// Splits a stack whose sources get different schemes; if that is impossible, all get the widest of these.
  void storeAsInFile(gemma::WeightOp weight, const Matrices &matrices) {
    auto stored = weight->getAttrOfType<ArrayAttr>(gemma::kStoredAttr);
    if (!stored || stored.size() != weight.getSources().size())
      return store(weight, Scheme::f32, matrices);
    llvm::SmallVector<StackPart> parts;
    Scheme widest = schemeHolding(cast<StringAttr>(stored[0]).getValue());
    struct Declined {
      Scheme wanted, fits;
    };
    std::optional<Declined> declined;
    for (auto [source, scheme] : llvm::enumerate(stored.getAsValueRange<StringAttr>())) {
      Scheme wanted = schemeHolding(scheme), holds = matrices.fitting(weight, wanted);
      if (rowOf(wanted).bitsPerNumber() > rowOf(widest).bitsPerNumber())
        widest = wanted;
      if (holds != wanted)
        declined = {wanted, holds};
      if (parts.empty() || parts.back().scheme != holds)
        parts.push_back({holds, 0, 0});
      ++parts.back().sources;
      parts.back().rows += weight.getParts() ? (*weight.getParts())[source] : 0;
    }
    Location location = weight.getLoc();
    std::string name = weight.getSymName().str();
    if (parts.size() == 1 || !weight.getParts() || !unstack(weight, parts, getOperation()))
      store(weight, widest, matrices);
    else if (declined)
      remarkThatDeclines(location, name, declined->wanted, declined->fits);
  }
};

} // namespace
} // namespace gemmac
