//===- ModelConstant.cpp - the constant gemmac_model_<name> of a driver ---------------------------------===//

#include "targets/emit/ModelConstant.h"

using namespace mlir;

namespace gemmac {

static Type typeOf(MLIRContext *context, FieldKind kind) {
  switch (kind) {
  case FieldKind::pointer:
    return LLVM::LLVMPointerType::get(context);
  case FieldKind::i32:
    return IntegerType::get(context, 32);
  case FieldKind::i64:
    return IntegerType::get(context, 64);
  }
  llvm_unreachable("kinds are listed above");
}

LLVM::LLVMStructType structType(MLIRContext *context, ArrayRef<ContractField> fields) {
  SmallVector<Type> types;
  for (const ContractField &field : fields)
    types.push_back(typeOf(context, field.kind));
  return LLVM::LLVMStructType::getLiteral(context, types);
}

namespace {

uint32_t elementOf(Type type) {
  if (type.isF32())
    return GEMMAC_F32;
  if (type.isF16())
    return GEMMAC_F16;
  if (type.isBF16())
    return GEMMAC_BF16;
  if (type.isInteger(32))
    return GEMMAC_I32;
  return type.isUnsignedInteger() ? GEMMAC_U8 : GEMMAC_I8;
}

uint32_t classOf(plan::TokenClass tokens) {
  switch (tokens) {
  case plan::TokenClass::one:
    return GEMMAC_ONE_TOKEN;
  case plan::TokenClass::few:
    return GEMMAC_FEW_TOKENS;
  case plan::TokenClass::many:
    return GEMMAC_MANY_TOKENS;
  }
  llvm_unreachable("classes are listed above");
}

/// A field's value: a number, or the address of a symbol (null if empty).
struct Cell {
  int64_t number = 0;
  std::string symbol = {};
};
using Row = std::vector<Cell>;

class ModelConstant {
public:
  ModelConstant(ModuleOp module, const std::string &name)
      : module(module), context(module.getContext()), prefix("gemmac_model_" + name),
        builder(OpBuilder::atBlockEnd(module.getBody())), location(module.getLoc()),
        pointer(LLVM::LLVMPointerType::get(context)) {}

  void define(const Target &target, const EmitOptions &options, ArrayRef<plan::Entry> entries,
              const plan::Rings &rings, uint32_t callCount) {
    std::string features;
    for (const std::string &feature : target.requires_)
      features += (features.empty() ? "" : " ") + feature;
    // The values are in the order of kModelFields; every row follows the order of its table of fields.
    Row model = {{GEMMAC_MODEL_VERSION},
                 {options.vocabSize},
                 {fact("gemma.context")},
                 {fact("gemma.max_tokens")},
                 {rings.positions},
                 {rings.rewind},
                 {fact("plan.arena_bytes")},
                 {fact("plan.cache_bytes")},
                 {fact("plan.weights_bytes")},
                 {static_cast<int64_t>(options.fingerprint)},
                 string("name", options.name),
                 string("target", target.name),
                 string("features", features),
                 entryTable(entries),
                 {static_cast<int64_t>(entries.size())},
                 {callCount}};
    auto type = structType(context, kModelFields);
    global(type, prefix, LLVM::Linkage::External,
           [&](OpBuilder &inside) { return fill(inside, type, model); });
    // Weak, because several models may be linked into one application, which then does not use this pointer.
    global(pointer, "gemmac_program_model", LLVM::Linkage::Weak,
           [&](OpBuilder &inside) { return value(inside, pointer, {.symbol = prefix}); });
  }

private:
  int64_t fact(StringRef name) { return module->getAttrOfType<IntegerAttr>(name).getInt(); }

  Cell entryTable(ArrayRef<plan::Entry> entries) {
    std::vector<Row> rows;
    for (const plan::Entry &entry : entries)
      rows.push_back({string(entry.name + "_name", entry.name),
                      portTable(entry.name + "_inputs", entry.inputs),
                      portTable(entry.name + "_outputs", entry.outputs),
                      {static_cast<int64_t>(entry.inputs.size())},
                      {static_cast<int64_t>(entry.outputs.size())},
                      {classOf(entry.tokens)},
                      {1}, // a plan has the position of one sequence only
                      {entry.maxTokens},
                      {entry.arenaBytes},
                      {.symbol = entry.name}});
    return table("entries", kEntryFields, rows);
  }

  Cell portTable(const std::string &name, ArrayRef<plan::Port> ports) {
    std::vector<Row> rows;
    for (const plan::Port &port : ports) {
      std::string own = name + "_" + port.name;
      rows.push_back({string(own, port.name),
                      shape(own + "_shape", port.type.getShape()),
                      {elementOf(port.type.getElementType())},
                      {port.type.getRank()}});
    }
    return table(name, kPortFields, rows);
  }

  Cell string(const std::string &name, std::string text) {
    text.push_back('\0');
    auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), text.size());
    return constant(name, type, builder.getStringAttr(text));
  }

  Cell shape(const std::string &name, ArrayRef<int64_t> sizes) {
    if (sizes.empty())
      return {};
    SmallVector<int64_t> cells;
    for (int64_t size : sizes)
      cells.push_back(ShapedType::isDynamic(size) ? -1 : size);
    auto count = static_cast<int64_t>(cells.size());
    return constant(name, LLVM::LLVMArrayType::get(builder.getI64Type(), count),
                    DenseElementsAttr::get(RankedTensorType::get({count}, builder.getI64Type()),
                                           ArrayRef<int64_t>(cells)));
  }

  Cell constant(const std::string &name, Type type, Attribute value) {
    std::string symbol = prefix + "_" + name;
    LLVM::GlobalOp::create(builder, location, type, /*isConstant=*/true, LLVM::Linkage::Internal, symbol,
                           value);
    return {.symbol = symbol};
  }

  /// A constant array of structs; null if it would be empty.
  Cell table(const std::string &name, ArrayRef<ContractField> fields, ArrayRef<Row> rows) {
    if (rows.empty())
      return {};
    auto rowType = structType(context, fields);
    auto type = LLVM::LLVMArrayType::get(rowType, rows.size());
    std::string symbol = prefix + "_" + name;
    global(type, symbol, LLVM::Linkage::Internal, [&](OpBuilder &inside) {
      Value all = LLVM::UndefOp::create(inside, location, type);
      for (auto [index, row] : llvm::enumerate(rows))
        all = LLVM::InsertValueOp::create(inside, location, all, fill(inside, rowType, row),
                                          ArrayRef<int64_t>{static_cast<int64_t>(index)});
      return all;
    });
    return {.symbol = symbol};
  }

  Value fill(OpBuilder &inside, LLVM::LLVMStructType type, const Row &row) {
    Value filled = LLVM::UndefOp::create(inside, location, type);
    for (auto [index, field] : llvm::enumerate(llvm::zip_equal(type.getBody(), row)))
      filled = LLVM::InsertValueOp::create(inside, location, filled,
                                           value(inside, std::get<0>(field), std::get<1>(field)),
                                           ArrayRef<int64_t>{static_cast<int64_t>(index)});
    return filled;
  }

  Value value(OpBuilder &inside, Type type, const Cell &cell) {
    if (type != pointer)
      return LLVM::ConstantOp::create(inside, location, type, IntegerAttr::get(type, cell.number));
    if (cell.symbol.empty())
      return LLVM::ZeroOp::create(inside, location, pointer);
    return LLVM::AddressOfOp::create(inside, location, pointer, cell.symbol);
  }

  template <typename Initializer>
  void global(Type type, StringRef name, LLVM::Linkage linkage, Initializer initializer) {
    auto op =
        LLVM::GlobalOp::create(builder, location, type, /*isConstant=*/true, linkage, name, Attribute());
    OpBuilder inside = OpBuilder::atBlockBegin(&op.getInitializerRegion().emplaceBlock());
    Value value = initializer(inside);
    LLVM::ReturnOp::create(inside, location, value);
  }

  ModuleOp module;
  MLIRContext *context;
  std::string prefix;
  OpBuilder builder;
  Location location;
  Type pointer;
};

} // namespace

void defineModel(ModuleOp module, const Target &target, const EmitOptions &options,
                 ArrayRef<plan::Entry> entries, const plan::Rings &rings, uint32_t callCount) {
  ModelConstant(module, options.name).define(target, options, entries, rings, callCount);
}

} // namespace gemmac
