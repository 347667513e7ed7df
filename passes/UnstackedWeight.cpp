//===- UnstackedWeight.cpp - splits a stacked weight into one weight per part ---------------------------===//

#include "passes/UnstackedWeight.h"
#include "dialects/gemma/Shapes.h"
#include "dialects/gemma/Stored.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/Layer.h"

using namespace mlir;

namespace gemmac {
namespace {

/// Indices begin … end - 1 of an axis.
struct Range {
  int64_t begin, end;
  bool contains(Range other) const { return begin <= other.begin && other.end <= end; }
};

/// An op that multiplies with rows of a stack.
class Reader {
public:
  explicit Reader(gemma::MatrixOp op)
      : op(op), type(cast<RankedTensorType>(op->getResult(0).getType())), axis(op.getOutputAxis()) {}

  /// Finds the part that contains each slice of the result. False if a slice spans several parts, or if the
  /// result spans several and is read as a whole.
  bool cut(llvm::ArrayRef<StackPart> parts);

  /// Replaces the op by one per part that cut() found, with the weight of that part.
  void readParts(llvm::ArrayRef<gemma::WeightOp> weights);

private:
  /// The range of the op's result that comes from one part.
  struct Cut {
    size_t part;
    int64_t firstRow; ///< in the part
    Range indices;    ///< along the result's axis
    llvm::SmallVector<gemma::SliceOp> slices;
  };
  Value readPart(const Cut &cut, gemma::WeightOp weight);

  gemma::MatrixOp op;
  RankedTensorType type;
  int64_t axis;
  llvm::SmallVector<Cut> cuts;
};

bool Reader::cut(llvm::ArrayRef<StackPart> parts) {
  std::optional<int64_t> rowsOfIndex = gemma::numbersFromAxis(type, axis + 1);
  assert(rowsOfIndex && "verified: of a result, tokens alone are dynamic");
  Range read = {op.getFirstRow(), op.getFirstRow() + type.getDimSize(axis) * *rowsOfIndex};
  int64_t begin = 0;
  for (auto [number, part] : llvm::enumerate(parts)) {
    Range shared = {std::max(begin, read.begin), std::min(begin + part.rows, read.end)};
    if (shared.begin < shared.end) {
      if ((shared.begin - read.begin) % *rowsOfIndex || (shared.end - read.begin) % *rowsOfIndex)
        return false;
      cuts.push_back({number,
                      shared.begin - begin,
                      {(shared.begin - read.begin) / *rowsOfIndex, (shared.end - read.begin) / *rowsOfIndex},
                      {}});
    }
    begin += part.rows;
  }
  if (cuts.size() == 1)
    return true;
  return llvm::all_of(op->getUsers(), [&](Operation *user) {
    auto slice = dyn_cast<gemma::SliceOp>(user);
    if (!slice || static_cast<int64_t>(slice.getAxis()) != axis)
      return false;
    int64_t offset = static_cast<int64_t>(slice.getOffset());
    Range needed = {offset, offset + (slice.getDrop() ? 1 : slice.getType().getDimSize(axis))};
    Cut *found = llvm::find_if(cuts, [&](const Cut &cut) { return cut.indices.contains(needed); });
    if (found == cuts.end())
      return false;
    found->slices.push_back(slice);
    return true;
  });
}

Value Reader::readPart(const Cut &cut, gemma::WeightOp weight) {
  OpBuilder builder(op);
  auto part = cast<gemma::MatrixOp>(builder.clone(*op));
  llvm::SmallVector<int64_t> shape(type.getShape());
  shape[axis] = cut.indices.end - cut.indices.begin;
  part->getResult(0).setType(type.clone(shape));
  part.setMatrix(FlatSymbolRefAttr::get(weight.getSymNameAttr()), cut.firstRow);
  return part->getResult(0);
}

void Reader::readParts(llvm::ArrayRef<gemma::WeightOp> weights) {
  if (cuts.size() == 1) {
    op->getResult(0).replaceAllUsesWith(readPart(cuts.front(), weights[cuts.front().part]));
    op->erase();
    return;
  }
  for (const Cut &cut : cuts) {
    if (cut.slices.empty())
      continue;
    Value part = readPart(cut, weights[cut.part]);
    for (gemma::SliceOp slice : cut.slices) {
      if (slice.getType() == part.getType()) {
        slice.replaceAllUsesWith(part);
        slice.erase();
      } else {
        slice.getXMutable().set(part);
        slice.setOffset(static_cast<int64_t>(slice.getOffset()) - cut.indices.begin);
      }
    }
  }
  op->erase();
}

llvm::SmallVector<gemma::WeightOp> makeWeights(gemma::WeightOp stack, llvm::ArrayRef<StackPart> parts,
                                               SymbolTable &symbols) {
  OpBuilder builder(stack);
  auto stored = stack->getAttrOfType<ArrayAttr>(gemma::kStoredAttr);
  llvm::SmallVector<gemma::WeightOp> weights;
  size_t first = 0;
  for (const StackPart &part : parts) {
    size_t count = static_cast<size_t>(part.sources);
    llvm::SmallVector<int64_t> shape(stack.getTensorType().getShape());
    shape[stack.getRowAxis()] = part.rows;
    auto slice = [&](ArrayAttr all) { return builder.getArrayAttr(all.getValue().slice(first, count)); };
    DenseI64ArrayAttr rows;
    if (count > 1)
      rows = builder.getDenseI64ArrayAttr(stack.getParts()->slice(first, count));
    auto weight =
        inLayerOf(stack, gemma::WeightOp::create(builder, stack.getLoc(),
                                                 (stack.getSymName() + "." + nameOf(part.scheme)).str(),
                                                 stack.getTensorType().clone(shape), part.scheme,
                                                 slice(stack.getSources()), rows, stack.getAddOne()));
    if (stored)
      weight->setAttr(gemma::kStoredAttr, slice(stored));
    symbols.insert(weight); // another name if this one is taken
    weights.push_back(weight);
    first += count;
  }
  return weights;
}

} // namespace

bool unstack(gemma::WeightOp weight, llvm::ArrayRef<StackPart> parts, ModuleOp module) {
  auto uses = SymbolTable::getSymbolUses(weight.getOperation(), module);
  if (!uses)
    return false;
  llvm::SmallVector<Reader> readers;
  for (const SymbolTable::SymbolUse &use : *uses) {
    auto op = dyn_cast<gemma::MatrixOp>(use.getUser());
    if (!op || !readers.emplace_back(op).cut(parts))
      return false;
  }
  SymbolTable symbols(module);
  llvm::SmallVector<gemma::WeightOp> weights = makeWeights(weight, parts, symbols);
  for (Reader &reader : readers)
    reader.readParts(weights);
  symbols.erase(weight);
  return true;
}

} // namespace gemmac
