//===- StackedLinear.cpp - linears that read the same rows become one -----------------------------------===//

#include "passes/StackedLinear.h"
#include "dialects/gemma/Shapes.h"
#include "dialects/gemma/Stored.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/Layer.h"

using namespace mlir;

namespace gemmac {

static bool sameButAxis1(RankedTensorType a, RankedTensorType b) {
  return a.getRank() == b.getRank() && a.getRank() >= 2 && a.getShape().front() == b.getShape().front() &&
         a.getShape().drop_front(2) == b.getShape().drop_front(2);
}

static gemma::WeightOp weightOf(gemma::LinearOp linear, const SymbolTable &symbols) {
  return symbols.lookup<gemma::WeightOp>(linear.getWeight());
}

llvm::StringRef whyNotStacked(llvm::ArrayRef<gemma::LinearOp> linears, const SymbolTable &symbols) {
  gemma::LinearOp first = linears.front();
  gemma::WeightOp model = weightOf(first, symbols);
  for (size_t index = 0; index < linears.size(); ++index) {
    gemma::LinearOp linear = linears[index];
    gemma::WeightOp weight = weightOf(linear, symbols);
    if (!weight || !model)
      return "a weight is missing";
    if (llvm::is_contained(linears.take_front(index), linear))
      return "one linear has two roles";
    if (linear.getX() != first.getX())
      return "the linears read different rows";
    if (!sameButAxis1(linear.getType(), first.getType()))
      return "results differ in more than axis 1";
    if (linear.getCap())
      return "a linear is capped";
    if (linear.getOffset() != 0 ||
        gemma::numbersFromAxis(linear.getType(), 1) != weight.getTensorType().getDimSize(0))
      return "a linear uses a part of its weight";
    if (weight.getScheme() != model.getScheme() || weight.getAddOne() != model.getAddOne())
      return "the weights are stored in different ways";
    auto uses = SymbolTable::getSymbolUses(weight.getOperation(), symbols.getOp());
    if (!uses || !llvm::hasSingleElement(*uses))
      return "a weight has another reader";
  }
  return "";
}

static gemma::WeightOp stackWeights(llvm::ArrayRef<gemma::WeightOp> weights, llvm::StringRef name,
                                    SymbolTable &symbols, RewriterBase &rewriter) {
  gemma::WeightOp first = weights.front();
  int64_t rows = 0;
  llvm::SmallVector<Attribute> sources, stored;
  llvm::SmallVector<int64_t> parts;
  llvm::SmallVector<Location> locations;
  for (gemma::WeightOp weight : weights) {
    rows += weight.getTensorType().getDimSize(0);
    llvm::append_range(sources, weight.getSources());
    if (weight.getParts())
      llvm::append_range(parts, *weight.getParts());
    else
      parts.push_back(weight.getTensorType().getDimSize(0));
    if (auto schemes = weight->getAttrOfType<ArrayAttr>(gemma::kStoredAttr))
      llvm::append_range(stored, schemes);
    locations.push_back(weight.getLoc());
  }
  auto type = RankedTensorType::get({rows, first.getTensorType().getDimSize(1)}, rewriter.getF32Type());
  llvm::StringRef symbol = first.getSymName();
  size_t dot = symbol.rfind('.');
  std::string stacked = (dot == llvm::StringRef::npos ? name : (symbol.take_front(dot + 1) + name)).str();

  rewriter.setInsertionPoint(first);
  DenseI64ArrayAttr said = parts.size() == sources.size() ? rewriter.getDenseI64ArrayAttr(parts) : nullptr;
  auto weight =
      gemma::WeightOp::create(rewriter, rewriter.getFusedLoc(locations), stacked, type, first.getScheme(),
                              rewriter.getArrayAttr(sources), said, first.getAddOne());
  inLayerOf(first, weight);
  if (stored.size() == sources.size())
    weight->setAttr(gemma::kStoredAttr, rewriter.getArrayAttr(stored));
  symbols.insert(weight); // another name if this one is taken
  return weight;
}

void stackLinears(llvm::ArrayRef<gemma::LinearOp> linears, llvm::StringRef name, SymbolTable &symbols,
                  RewriterBase &rewriter) {
  llvm::SmallVector<gemma::WeightOp> weights;
  llvm::SmallVector<Location> locations;
  int64_t height = 0;
  Operation *earliest = linears.front();
  for (gemma::LinearOp linear : linears) {
    weights.push_back(weightOf(linear, symbols));
    locations.push_back(linear.getLoc());
    height += linear.getType().getDimSize(1);
    if (linear->isBeforeInBlock(earliest))
      earliest = linear;
  }
  gemma::WeightOp weight = stackWeights(weights, name, symbols, rewriter);

  gemma::LinearOp first = linears.front();
  llvm::SmallVector<int64_t> shape(first.getType().getShape());
  shape[1] = height;
  rewriter.setInsertionPoint(earliest);
  auto stacked = inLayerOf(first, gemma::LinearOp::create(rewriter, rewriter.getFusedLoc(locations),
                                                          first.getType().clone(shape), first.getX(),
                                                          weight.getSymName(), /*offset=*/0,
                                                          /*cap=*/FloatAttr()));
  int64_t offset = 0;
  for (gemma::LinearOp linear : linears) {
    auto slice =
        inLayerOf(linear, gemma::SliceOp::create(rewriter, linear.getLoc(), linear.getType(), stacked,
                                                 /*axis=*/1, offset, /*drop=*/false));
    offset += linear.getType().getDimSize(1);
    rewriter.replaceOp(linear, slice);
  }
  for (gemma::WeightOp old : weights) {
    symbols.remove(old);
    rewriter.eraseOp(old);
  }
}

} // namespace gemmac
