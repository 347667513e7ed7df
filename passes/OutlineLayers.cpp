//===- OutlineLayers.cpp - layers of the same shape become one procedure --------------------------------===//
//
// Compares the statements of layers (`gemma.layer`), ignoring the weights and caches that they name, index
// constants, and values from outside. Equal layers share a procedure; their differences become a table with
// one row per layer. Consecutive layers become a loop.

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Layer.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_OUTLINELAYERS
#include "passes/Passes.h.inc"
namespace {

/// Values that are constant during a call and available everywhere: procedures query them, without an
/// argument.
bool isCallFact(Value value) {
  return isa_and_nonnull<plan::CountOp, plan::PositionOp>(value.getDefiningOp());
}

/// An op that may differ between layers, because a table can hold the difference.
bool isCell(Operation *op) {
  return isa<plan::GetOp, arith::ConstantIndexOp>(op);
}

Attribute cellOf(Operation *op) {
  if (auto get = dyn_cast<plan::GetOp>(op))
    return get.getSymbolAttr();
  return cast<arith::ConstantOp>(op).getValue();
}

/// The statements of one layer.
struct Layer {
  SmallVector<Operation *> statements;
  SmallVector<Value> outside; ///< values from outside, in the order of their first use
  SmallVector<Operation *> cells;
  std::string shape; ///< equal for layers that can share a procedure

  Operation *next() const { return statements.back()->getNextNode(); }
  int64_t number() const { return cast<IntegerAttr>(statements.front()->getAttr(kLayerAttr)).getInt(); }
};

/// Serializes a layer's statements: equal text means equal code, except for cells and outside values.
class ShapeWriter {
public:
  explicit ShapeWriter(Layer &layer) : layer(layer), stream(layer.shape) {
    for (Operation *op : layer.statements)
      write(op);
  }

private:
  void write(Operation *op) {
    stream << op->getName() << '(';
    for (Value operand : op->getOperands())
      write(operand);
    stream << ')';
    for (NamedAttribute attribute : op->getAttrs()) {
      bool differs = attribute.getName() == kLayerAttr ||
                     (isa<plan::GetOp>(op) && attribute.getName() == "symbol") ||
                     (isa<arith::ConstantIndexOp>(op) && attribute.getName() == "value");
      if (!differs)
        stream << attribute.getName().getValue() << '=' << attribute.getValue() << ',';
    }
    for (Type type : op->getResultTypes())
      stream << type << ';';
    if (isCell(op))
      layer.cells.push_back(op);
    for (Value result : op->getResults())
      numbers.try_emplace(result, numbers.size());
    for (Region &region : op->getRegions())
      for (Block &block : region) {
        stream << '{';
        for (Value argument : block.getArguments())
          numbers.try_emplace(argument, numbers.size());
        for (Operation &inner : block)
          write(&inner);
        stream << '}';
      }
    stream << '\n';
  }

  void write(Value operand) {
    auto known = numbers.find(operand);
    if (known != numbers.end()) {
      stream << '%' << known->second << ' ';
      return;
    }
    if (isCallFact(operand)) {
      stream << operand.getDefiningOp()->getName() << ' ';
      return;
    }
    if (!llvm::is_contained(layer.outside, operand))
      layer.outside.push_back(operand);
    stream << '^' << std::distance(layer.outside.begin(), llvm::find(layer.outside, operand)) << ':'
           << operand.getType() << ' ';
  }

  Layer &layer;
  llvm::raw_string_ostream stream;
  llvm::DenseMap<Value, size_t> numbers;
};

/// All layers of a function whose results are not used outside of them.
SmallVector<Layer> layersOf(func::FuncOp function) {
  SmallVector<Layer> layers;
  Attribute current;
  for (Operation &op : function.getBody().getOps()) {
    Attribute layer = op.getAttr(kLayerAttr);
    if (layer && layer != current)
      layers.emplace_back();
    current = layer;
    if (layer)
      layers.back().statements.push_back(&op);
  }
  llvm::erase_if(layers, [](const Layer &layer) {
    llvm::SmallPtrSet<Operation *, 32> own(layer.statements.begin(), layer.statements.end());
    Block *block = layer.statements.front()->getBlock();
    return llvm::any_of(layer.statements, [&](Operation *op) {
      return llvm::any_of(op->getUsers(), [&](Operation *user) {
        return !own.contains(block->findAncestorOpInBlock(*user));
      });
    });
  });
  for (Layer &layer : layers)
    ShapeWriter{layer};
  return layers;
}

/// One procedure for layers of one shape.
class Procedure {
public:
  Procedure(func::FuncOp entry, std::string name, SmallVector<Layer *> layers)
      : entry(entry), name(std::move(name)), layers(std::move(layers)), builder(entry) {}

  void outline() {
    writeTable();
    writeBody();
    writeCalls();
  }

private:
  bool differs(size_t cell) {
    Attribute first = cellOf(layers.front()->cells[cell]);
    return llvm::any_of(layers, [&](Layer *layer) { return cellOf(layer->cells[cell]) != first; });
  }

  void writeTable() {
    SmallVector<int64_t> planes;
    SmallVector<SmallVector<Attribute>> rows(layers.size());
    for (size_t cell = 0; cell < layers.front()->cells.size(); ++cell) {
      if (!differs(cell))
        continue;
      columns[layers.front()->cells[cell]] = planes.size();
      auto get = dyn_cast<plan::GetOp>(layers.front()->cells[cell]);
      planes.push_back(get ? static_cast<int64_t>(get.getPlane()) : -1);
      for (auto [row, layer] : llvm::zip(rows, layers)) {
        Attribute value = cellOf(layer->cells[cell]);
        row.push_back(get ? value : builder.getI64IntegerAttr(cast<IntegerAttr>(value).getInt()));
      }
    }
    SmallVector<Attribute> rowAttributes;
    for (const SmallVector<Attribute> &row : rows)
      rowAttributes.push_back(builder.getArrayAttr(row));
    SmallVector<int64_t> numbers;
    for (Layer *layer : layers)
      numbers.push_back(layer->number());
    plan::TableOp::create(builder, entry.getLoc(), tableName(), numbers, planes,
                          builder.getArrayAttr(rowAttributes));
  }

  void writeBody() {
    SmallVector<Type> types(ValueRange(layers.front()->outside).getTypes());
    types.push_back(builder.getIndexType());
    auto procedure = func::FuncOp::create(builder, layers.front()->statements.front()->getLoc(), name,
                                          builder.getFunctionType(types, {}));
    procedure.setPrivate();
    procedure->setAttr("plan.tokens", entry->getAttr("plan.tokens"));
    Block *body = procedure.addEntryBlock();
    OpBuilder inside = OpBuilder::atBlockEnd(body);
    Value row = body->getArguments().back();
    IRMapping mapping;
    mapping.map(layers.front()->outside, body->getArguments().drop_back());
    llvm::SmallSetVector<Operation *, 4> facts;
    for (Operation *op : layers.front()->statements)
      op->walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (isCallFact(operand))
            facts.insert(operand.getDefiningOp());
      });
    for (Operation *fact : facts)
      inside.clone(*fact, mapping);
    for (Operation *op : layers.front()->statements)
      inside.clone(*op, mapping);
    for (auto [cell, column] : columns) {
      Operation *copy = mapping.lookup(cell->getResult(0)).getDefiningOp();
      OpBuilder at(copy);
      Value value;
      if (isa<plan::GetOp>(copy))
        value = plan::RowGetOp::create(at, copy->getLoc(), copy->getResult(0).getType(), tableName(), row,
                                       column);
      else
        value = plan::RowNumberOp::create(at, copy->getLoc(), at.getIndexType(), tableName(), row, column);
      copy->replaceAllUsesWith(ValueRange{value});
      copy->erase();
    }
    procedure.walk([](Operation *op) { op->removeAttr(kLayerAttr); });
    func::ReturnOp::create(inside, procedure.getLoc());
  }

  /// Consecutive layers with the same outside values become one loop.
  void writeCalls() {
    for (size_t begin = 0, end; begin < layers.size(); begin = end) {
      end = begin + 1;
      while (end < layers.size() && layers[end - 1]->next() == layers[end]->statements.front() &&
             layers[end]->outside == layers[begin]->outside)
        ++end;
      Operation *first = layers[begin]->statements.front();
      OpBuilder at(first);
      Location location = first->getLoc();
      Value row = arith::ConstantIndexOp::create(at, location, begin);
      if (end - begin > 1) {
        Value stop = arith::ConstantIndexOp::create(at, location, end),
              step = arith::ConstantIndexOp::create(at, location, 1);
        auto loop = scf::ForOp::create(at, location, row, stop, step);
        at.setInsertionPointToStart(loop.getBody());
        row = loop.getInductionVar();
      }
      SmallVector<Value> arguments(layers[begin]->outside);
      arguments.push_back(row);
      func::CallOp::create(at, location, name, TypeRange{}, arguments);
    }
    for (Layer *layer : layers)
      for (Operation *op : llvm::reverse(layer->statements))
        op->erase();
  }

  std::string tableName() { return name + "_table"; }

  func::FuncOp entry;
  std::string name;
  SmallVector<Layer *> layers;
  OpBuilder builder;
  llvm::MapVector<Operation *, int64_t> columns;
};

struct OutlineLayers : impl::OutlineLayersBase<OutlineLayers> {
  void runOnOperation() override {
    for (auto entry : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      SmallVector<Layer> layers = layersOf(entry);
      llvm::MapVector<StringRef, SmallVector<Layer *>> shapes;
      for (Layer &layer : layers)
        shapes[layer.shape].push_back(&layer);
      int64_t number = 0;
      for (auto &[shape, alike] : shapes)
        if (alike.size() > 1)
          Procedure(entry, (entry.getName() + "_layer_" + llvm::Twine(number++)).str(), alike).outline();
    }
  }
};

} // namespace
} // namespace gemmac
