//===- Sources.cpp - where the numbers of a weight come from, as an attribute ---------------------------===//

#include "dialects/Sources.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace gemmac {

static constexpr llvm::StringLiteral kTensor = "tensor", kRows = "rows", kColumns = "columns";

static std::optional<IndexRange> rangeOf(DictionaryAttr source, StringRef axis) {
  auto range = source.getAs<DenseI64ArrayAttr>(axis);
  if (!range)
    return {};
  return IndexRange{range[0], range[1]};
}

/// A range is two ascending numbers, the first at least 0.
static bool isRange(Attribute attribute) {
  auto range = dyn_cast_or_null<DenseI64ArrayAttr>(attribute);
  return range && range.size() == 2 && range[0] >= 0 && range[0] < range[1];
}

static bool isSource(Attribute attribute) {
  if (isa<StringAttr>(attribute))
    return true;
  auto source = dyn_cast<DictionaryAttr>(attribute);
  return source && source.size() > 1 &&
         llvm::all_of(source,
                      [](NamedAttribute part) {
                        return part.getName() == kTensor
                                   ? isa<StringAttr>(part.getValue())
                                   : (part.getName() == kRows || part.getName() == kColumns) &&
                                         isRange(part.getValue());
                      }) &&
         source.get(kTensor);
}

bool areSources(Attribute attribute) {
  auto sources = dyn_cast<ArrayAttr>(attribute);
  return sources && llvm::all_of(sources, isSource);
}

SmallVector<TensorRange> readSources(ArrayAttr sources) {
  SmallVector<TensorRange> read;
  for (Attribute source : sources)
    if (auto whole = dyn_cast<StringAttr>(source)) {
      read.push_back({whole.str(), {}, {}});
    } else {
      auto part = cast<DictionaryAttr>(source);
      read.push_back({part.getAs<StringAttr>(kTensor).str(), rangeOf(part, kRows), rangeOf(part, kColumns)});
    }
  return read;
}

ArrayAttr sourcesAttr(MLIRContext *context, ArrayRef<TensorRange> sources) {
  Builder builder(context);
  SmallVector<Attribute> list;
  for (const TensorRange &source : sources) {
    auto name = builder.getStringAttr(source.tensor);
    NamedAttrList part;
    auto append = [&](StringRef axis, const std::optional<IndexRange> &range) {
      if (range)
        part.append(axis, builder.getDenseI64ArrayAttr({range->begin, range->end}));
    };
    append(kRows, source.rows);
    append(kColumns, source.columns);
    if (part.empty()) {
      list.push_back(name);
    } else {
      part.append(kTensor, name);
      list.push_back(part.getDictionary(context));
    }
  }
  return builder.getArrayAttr(list);
}

ParseResult parseSources(OpAsmParser &parser, ArrayAttr &sources) {
  SmallVector<TensorRange> list;
  auto parseRange = [&](StringRef axis, std::optional<IndexRange> &range) -> ParseResult {
    if (failed(parser.parseOptionalKeyword(axis)))
      return success();
    llvm::SMLoc place = parser.getCurrentLocation();
    IndexRange read;
    if (parser.parseInteger(read.begin) || parser.parseKeyword("to") || parser.parseInteger(read.end))
      return failure();
    if (read.begin < 0 || read.begin >= read.end)
      return parser.emitError(place) << axis << " " << read.begin << " to " << read.end
                                     << " are none: a range begins at 0 or later, and ends behind its begin";
    range = read;
    return success();
  };
  auto parseSource = [&]() -> ParseResult {
    TensorRange &source = list.emplace_back();
    return failure(parser.parseString(&source.tensor) || parseRange(kRows, source.rows) ||
                   parseRange(kColumns, source.columns));
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseSource))
    return failure();
  sources = sourcesAttr(parser.getContext(), list);
  return success();
}

void printSources(OpAsmPrinter &printer, Operation *, ArrayAttr sources) {
  printer << '[';
  llvm::interleaveComma(readSources(sources), printer, [&](const TensorRange &source) {
    printer.printAttributeWithoutType(StringAttr::get(sources.getContext(), source.tensor));
    if (source.rows)
      printer << " rows " << source.rows->begin << " to " << source.rows->end;
    if (source.columns)
      printer << " columns " << source.columns->begin << " to " << source.columns->end;
  });
  printer << ']';
}

} // namespace gemmac
