//===- Gemma.cpp - registers the dialect's ops, attributes and interfaces -------------------------------===//

#include "dialects/gemma/Gemma.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemmac::gemma;

/// One type if the result has the type of the input rows, otherwise `T -> T'`.
static ParseResult parseRowTypes(OpAsmParser &parser, Type &rows, Type &result) {
  if (parser.parseType(rows))
    return failure();
  result = rows;
  return succeeded(parser.parseOptionalArrow()) ? parser.parseType(result) : success();
}

static void printRowTypes(OpAsmPrinter &printer, Operation *, Type rows, Type result) {
  printer << rows;
  if (result != rows)
    printer << " -> " << result;
}

/// Parses a name that is printed as a bare word.
static ParseResult parseWord(OpAsmParser &parser, StringAttr &name) {
  std::string word;
  if (parser.parseKeywordOrString(&word))
    return failure();
  name = parser.getBuilder().getStringAttr(word);
  return success();
}

static void printWord(OpAsmPrinter &printer, Operation *, StringAttr name) {
  printer.printKeywordOrString(name.getValue());
}

#include "dialects/gemma/GemmaInterfaces.cpp.inc"
#include "dialects/gemma/GemmaOpsDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/gemma/GemmaOpsAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/gemma/GemmaOps.cpp.inc"

void GemmaDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/gemma/GemmaOpsAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/gemma/GemmaOps.cpp.inc"
      >();
  giveKernelsToArith(*getContext());
}

SmallVector<Storage> gemmac::gemma::storageOf(Operation *op) {
  auto user = dyn_cast<StorageUser>(op);
  return user ? user.getStorage() : SmallVector<Storage>();
}
