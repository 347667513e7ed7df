//===- PlanWalk.h - the calls of a plan in the order in which they run ----------------------------------===//
//
// Executes what a plan is made of besides kernels: procedures, loops, index arithmetic, tables and views. It
// works after every pass of the stage `plan`: where buffers have no offsets yet, each is a memory of its own.

#ifndef GEMMAC_COMPILER_VERIFY_PLANWALK_H
#define GEMMAC_COMPILER_VERIFY_PLANWALK_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Error.h"

#include <compare>
#include <vector>

namespace gemmac::verify {

/// Bytes whose offsets have one beginning. Number 0 of weights, caches and the arena is the whole memory;
/// other numbers are planes and buffers that have no offset yet. Ports are counted from 0.
struct MemoryName {
  plan::Memory memory = plan::Memory::arena;
  int64_t number = 0;
  auto operator<=>(const MemoryName &) const = default;

  std::string text() const; ///< "the arena", "output 0"
};

/// An array as a kernel sees it.
struct Region {
  MemoryName name;
  int64_t offset = 0;                  ///< in bytes, of the first element
  std::vector<int64_t> sizes, strides; ///< strides in elements
  mlir::Type element;
  int64_t buffer =
      -1; ///< the buffer of the arena that it is a part of, in the order of `born`; -1: none known

  int64_t elementBytes() const;
  int64_t numbers() const; ///< product of the sizes
  /// The byte behind its last element; `offset` where it has none.
  int64_t end() const;
  /// Calls `run(offset, bytes)` for each run of adjacent bytes, in C order of the elements.
  void eachRun(llvm::function_ref<void(int64_t offset, int64_t bytes)> run) const;
};

class PlanWalk {
public:
  /// The module must not change meanwhile.
  explicit PlanWalk(mlir::ModuleOp module);
  virtual ~PlanWalk() = default;

  /// Walks an entry's call of `count` tokens, the first of which stands at `position`.
  llvm::Error walk(mlir::func::FuncOp entry, int64_t count, int64_t position);

protected:
  /// A buffer of the arena begins to live: nothing is in it. `plan.view`s have no such beginning.
  virtual void born(const Region &buffer, mlir::Operation *op) {}
  virtual llvm::Error call(plan::CallOp call, llvm::ArrayRef<Region> operands) = 0;

  /// The array of a weight's or a cache's plane.
  Region plane(mlir::Operation *symbol, int64_t plane, mlir::MemRefType type) const;

  mlir::ModuleOp module;
  mlir::SymbolTable symbols;

private:
  class Frame;

  int64_t count = 0, position = 0, buffers = 0;
  /// Of planes that have no offsets yet: the number of the first.
  llvm::DenseMap<mlir::Operation *, int64_t> planeNumbers;
};

/// An error that says where and of which op.
llvm::Error failure(mlir::Operation *op, const llvm::Twine &text);

} // namespace gemmac::verify

#endif
