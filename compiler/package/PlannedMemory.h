//===- PlannedMemory.h - what a running model takes, known before it runs -------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_PLANNEDMEMORY_H
#define GEMMAC_COMPILER_PACKAGE_PLANNEDMEMORY_H

#include "compiler/package/ModelFacts.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/core/SessionMemory.h"

#include <vector>

namespace gemmac {

/// Anonymous (not file-backed) memory of an emitted program on one thread, in bytes. Untouched pages cost
/// nothing, so these are upper bounds: they are reached when the context is full and calls had their maximum
/// length.
struct PlannedMemory {
  SessionMemory session;
  WorkerMemory worker; ///< that lies behind it
  uint64_t program =
      0; ///< all except engine, session and worker; includes the kernels' stack on the main thread
  uint64_t thread = 0; ///< of every further thread
  uint64_t engine = 0;
  uint64_t generationArena =
      0; ///< the part of the arena that prompts and generation touch; scoring touches more

  uint64_t generation() const; ///< all, of a program that prompts and generates
  uint64_t most() const;       ///< all, whatever the program does
};

/// Bytes of a pointer on the target, by its data layout.
uint32_t pointerBytesOf(const Target &target);

/// Of a model with these facts, on its target; `generationArena` is all of the arena where no plan is known.
PlannedMemory plannedMemory(const ModelFacts &facts, uint32_t longestPiece);

/// The pages of the arena that these entry points of a planned module touch, in bytes.
uint64_t touchedArena(mlir::ModuleOp plan, llvm::ArrayRef<llvm::StringRef> entryPoints,
                      uint64_t scratchBytes);

} // namespace gemmac

#endif
