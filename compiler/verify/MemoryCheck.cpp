//===- MemoryCheck.cpp - does a plan keep its arrays apart? ---------------------------------------------===//

#include "compiler/verify/MemoryCheck.h"

#include "compiler/verify/PlanWalk.h"
#include "contract/KernelTraits.h"
#include "dialects/plan/KernelSpecs.h"
#include "llvm/ADT/DenseSet.h"

#include <algorithm>

using namespace mlir;

namespace gemmac::verify {
namespace {

/// A cache line, and the widest vector.
constexpr int64_t kAlignment = 64;

/// A buffer of the arena and the calls that need it.
struct Buffer {
  Operation *op;
  int64_t begin, end;                ///< bytes
  size_t first = SIZE_MAX, last = 0; ///< in the order of calls
  Operation *firstCall = nullptr, *lastCall = nullptr;
};

/// What a call left in the arena.
struct Write {
  plan::CallOp call;
  int64_t elementBytes;
  bool isRead = false;
  llvm::DenseSet<size_t> over; ///< writes whose bytes it took
};

/// One call of one entry.
class EntryWalk : public PlanWalk {
public:
  EntryWalk(ModuleOp module, func::FuncOp entry) : PlanWalk(module), entry(entry) {}

  LogicalResult check() {
    auto tokens = entry->getAttrOfType<IntegerAttr>("plan.tokens");
    if (!tokens)
      return entry.emitError("does not say `plan.tokens`");
    auto context = module->getAttrOfType<IntegerAttr>("gemma.context");
    int64_t count = tokens.getInt(), last = context ? std::max<int64_t>(0, context.getInt() - count) : 0;
    if (auto bytes = entry->getAttrOfType<IntegerAttr>("plan.arena_bytes"))
      arenaBytes = bytes.getInt();
    writers.assign(size_t(arenaBytes), 0);
    if (llvm::Error error = walk(entry, count, last))
      return entry.emitError(llvm::toString(std::move(error)));
    checkPairs();
    for (const Write &write : writes)
      if (!write.isRead && unread.insert(write.call).second)
        report(write.call) << "check-m5: writes an array of the arena that no call reads";
    return mlir::failure(wrong);
  }

private:
  void born(const Region &region, Operation *op) override {
    buffers.push_back({op, region.offset, region.end()});
    if (region.name.number) { // has no place yet
      buffers.back().begin = buffers.back().end = 0;
      return;
    }
    if (region.offset % kAlignment)
      report(op) << "check-m3: begins at byte " << region.offset << ", no multiple of " << kAlignment;
    if (region.end() > arenaBytes)
      report(op) << "check-m2: ends at byte " << region.end() << " of an arena of " << arenaBytes;
    else
      std::fill(writers.begin() + region.offset, writers.begin() + region.end(), 0);
  }

  llvm::Error call(plan::CallOp call, llvm::ArrayRef<Region> operands) override {
    ++calls;
    KernelSpec spec = specOf(call.getKernel());
    int64_t behind = bytesReadBehind(spec);
    size_t inputs = operands.size() - call.getOutputs();
    for (auto [number, region] : llvm::enumerate(operands)) {
      if (region.numbers() == 0)
        continue;
      if (region.buffer >= 0)
        use(buffers[size_t(region.buffer)], call);
      bool isInput = number < inputs;
      if (!inside(call, number, region, isInput ? behind : 0))
        continue;
      if (isInput && isArena(region))
        read(call, number, region);
    }
    for (const Region &region : operands.drop_front(inputs))
      if (isArena(region) && region.offset >= 0 && region.end() <= arenaBytes)
        write(call, region);
    return llvm::Error::success();
  }

  static bool isArena(const Region &region) { return region.name == MemoryName(); }

  void use(Buffer &buffer, Operation *call) {
    if (!buffer.firstCall)
      buffer.first = calls, buffer.firstCall = call;
    buffer.last = calls, buffer.lastCall = call;
  }

  bool inside(plan::CallOp call, size_t number, const Region &region, int64_t behind) {
    if (region.offset % region.elementBytes())
      report(call, number) << "check-m3: begins at byte " << region.offset
                           << ", no multiple of its elements' " << region.elementBytes();
    switch (region.name.memory) {
    case plan::Memory::input:
    case plan::Memory::output:
      return true; // a port is as large as its type says
    case plan::Memory::arena:
      if (region.name.number || (region.offset >= 0 && region.end() + behind <= arenaBytes))
        return true;
      report(call, number) << "check-m2: has bytes " << region.offset << " to " << region.end()
                           << (behind ? " and may read " + std::to_string(behind) + " behind them" : "")
                           << " of an arena of " << arenaBytes;
      return false;
    case plan::Memory::weights:
      return inPlane<plan::WeightOp>(call, number, region);
    case plan::Memory::cache:
      return inPlane<plan::CacheOp>(call, number, region);
    }
    llvm_unreachable("memories are listed above");
  }

  template <typename Symbol>
  bool inPlane(plan::CallOp call, size_t number, const Region &region) {
    if (region.name.number)
      return true;
    for (auto symbol : module.getOps<Symbol>())
      for (auto [plane, type] : llvm::enumerate(symbol.getPlanes().template getAsValueRange<TypeAttr>())) {
        Region whole = this->plane(symbol, int64_t(plane), cast<MemRefType>(type));
        if (whole.offset <= region.offset && region.end() <= whole.end() &&
            whole.element.getIntOrFloatBitWidth() == region.element.getIntOrFloatBitWidth())
          return true;
      }
    report(call, number) << "check-m2: has bytes " << region.offset << " to " << region.end() << " of "
                         << region.name.text() << ", which no plane has";
    return false;
  }

  void read(plan::CallOp call, size_t number, const Region &region) {
    llvm::DenseSet<size_t> seen;
    bool hole = false;
    region.eachRun([&](int64_t offset, int64_t bytes) {
      size_t before = SIZE_MAX;
      for (int64_t at = offset; at < offset + bytes; ++at)
        if (size_t writer = writers[size_t(at)]; writer != before) {
          before = writer;
          hole |= writer == 0;
          if (writer)
            seen.insert(writer - 1);
        }
    });
    if (hole)
      report(call, number) << "check-m4: reads bytes of the arena that no call has written";
    for (size_t writer : seen) {
      Write &write = writes[writer];
      write.isRead = true;
      if (write.elementBytes != region.elementBytes())
        (report(call, number) << "check-m4: reads elements of " << region.elementBytes()
                              << " bytes where such of " << write.elementBytes << " were written")
                .attachNote(write.call.getLoc())
            << "by this call";
      for (size_t other : seen)
        if (write.over.contains(other))
          (report(call, number) << "check-m4: reads what one call wrote, and in part another over it")
                  .attachNote(write.call.getLoc())
              << "the other call";
    }
  }

  void write(plan::CallOp call, const Region &region) {
    writes.push_back({call, region.elementBytes(), false, {}});
    size_t mine = writes.size(), before = 0;
    region.eachRun([&](int64_t offset, int64_t bytes) {
      for (int64_t at = offset; at < offset + bytes; ++at) {
        size_t &writer = writers[size_t(at)];
        if (writer && writer != before && writer != mine)
          writes.back().over.insert(writer - 1), before = writer;
        writer = mine;
      }
    });
  }

  void checkPairs() {
    std::vector<Buffer *> used;
    for (Buffer &buffer : buffers)
      if (buffer.firstCall && buffer.begin < buffer.end)
        used.push_back(&buffer);
    std::ranges::sort(used, {}, [](const Buffer *buffer) { return buffer->begin; });
    for (size_t i = 0; i < used.size(); ++i)
      for (size_t j = i + 1; j < used.size() && used[j]->begin < used[i]->end; ++j) {
        Buffer &a = *used[i], &b = *used[j];
        if (a.first > b.last || b.first > a.last || !reported.insert({a.op, b.op}).second)
          continue;
        InFlightDiagnostic error = a.op->emitOpError("check-m1: has bytes ")
                                   << a.begin << " to " << a.end << ", of which another buffer has "
                                   << b.begin << " to " << std::min(a.end, b.end) << " at the same time";
        error.attachNote(b.op->getLoc()) << "the other buffer";
        error.attachNote((a.first < b.first ? b : a).firstCall->getLoc()) << "both are needed here";
        wrong = true;
      }
  }

  InFlightDiagnostic report(Operation *op) {
    wrong = true;
    return op->emitOpError();
  }
  InFlightDiagnostic report(plan::CallOp call, size_t operand) {
    wrong = true;
    return call.emitOpError("of ") << call.getKernel().getFamily() << ", operand " << operand << ": ";
  }

  func::FuncOp entry;
  int64_t arenaBytes = 0;
  size_t calls = 0;
  bool wrong = false;
  std::vector<Buffer> buffers;
  std::vector<Write> writes;
  std::vector<size_t>
      writers; ///< of each byte of the arena: 1 + the number of the write that it is from, or 0
  llvm::DenseSet<std::pair<Operation *, Operation *>> reported;
  llvm::DenseSet<Operation *> unread;
};

/// Planes of one kind: apart, aligned, inside of their memory.
template <typename Symbol>
LogicalResult checkPlanes(ModuleOp module, llvm::StringRef sizeAttribute) {
  struct Placed {
    Symbol symbol;
    int64_t begin, end;
  };
  std::vector<Placed> placed;
  auto all = module->getAttrOfType<IntegerAttr>(sizeAttribute);
  bool wrong = false;
  for (auto symbol : module.getOps<Symbol>())
    for (auto [type, offset] :
         llvm::zip(symbol.getPlanes().template getAsValueRange<TypeAttr>(), symbol.getOffsets())) {
      auto plane = cast<MemRefType>(type);
      int64_t end =
          offset + plane.getNumElements() * int64_t(llvm::divideCeil(plane.getElementTypeBitWidth(), 8));
      placed.push_back({symbol, offset, end});
      if (offset % kAlignment)
        wrong = true, symbol.emitOpError("check-m3: a plane begins at byte ")
                          << offset << ", no multiple of " << kAlignment;
      if (all && end > all.getInt())
        wrong = true, symbol.emitOpError("check-m2: a plane ends at byte ") << end << " of " << all.getInt();
    }
  std::ranges::sort(placed, {}, &Placed::begin);
  for (size_t i = 1; i < placed.size(); ++i)
    if (placed[i].begin < placed[i - 1].end) {
      wrong = true;
      placed[i].symbol.emitOpError("check-m2: a plane begins at byte ")
          << placed[i].begin << ", inside of one of @" << placed[i - 1].symbol.getSymName();
    }
  return mlir::failure(wrong);
}

} // namespace

LogicalResult checkMemory(ModuleOp plan) {
  bool right = succeeded(checkPlanes<plan::WeightOp>(plan, "plan.weights_bytes"));
  right &= succeeded(checkPlanes<plan::CacheOp>(plan, "plan.cache_bytes"));
  for (auto entry : plan.getOps<func::FuncOp>())
    if (!entry.isPrivate())
      right &= succeeded(EntryWalk(plan, entry).check());
  return success(right);
}

} // namespace gemmac::verify
