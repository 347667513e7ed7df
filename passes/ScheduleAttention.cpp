//===- ScheduleAttention.cpp - @forward takes its tokens' positions; attention reads caches -------------===//
// A call of n tokens writes their n slots before it reads. Its first query looks window - 1 positions back,
// so a ring buffer of window - 1 + n slots holds every position that a query of the call may see.

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Ports.h"
#include "passes/Layer.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"
#include <limits>

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_SCHEDULEATTENTION
#include "passes/Passes.h.inc"
namespace {

/// The number of positions, and the maximum number of tokens of one call.
struct Reach {
  int64_t context, maxTokens;

  /// Without a window, or with one that the context never exceeds, all earlier positions are visible.
  bool seesAll(std::optional<int64_t> window) const { return !window || *window >= context; }
  int64_t slots(std::optional<int64_t> window) const {
    return seesAll(window) ? context : std::min(context, *window - 1 + maxTokens);
  }
};

FailureOr<int64_t> positiveAttribute(ModuleOp module, llvm::StringRef name) {
  auto attribute = module->getAttrOfType<IntegerAttr>(name);
  if (!attribute)
    return module.emitError() << "the module needs the attribute " << name
                              << " : i64 before attention is scheduled";
  // Tokens and positions are counted in 32 bits while a model runs.
  if (attribute.getInt() <= 0 || attribute.getInt() > std::numeric_limits<int32_t>::max())
    return module.emitError() << name << " is " << attribute.getInt() << ", but must be from 1 to "
                              << std::numeric_limits<int32_t>::max();
  return attribute.getInt();
}

/// `layer3.cache`, named after the layer that computes the keys; without a layer just `cache`.
std::string cacheName(Value keys) {
  Operation *maker = keys.getDefiningOp();
  auto layer = maker ? maker->getAttrOfType<IntegerAttr>(kLayerAttr) : IntegerAttr();
  return layer ? "layer" + std::to_string(layer.getInt()) + ".cache" : "cache";
}

/// Creates a cache for these keys and values, and a write as soon as both exist.
gemma::CacheOp keep(std::pair<Value, Value> pair, int64_t slots, func::FuncOp forward, SymbolTable &symbols) {
  auto [keys, values] = pair;
  auto type = cast<RankedTensorType>(keys.getType());
  OpBuilder builder(forward);
  auto cache = gemma::CacheOp::create(
      builder, keys.getLoc(), cacheName(keys),
      RankedTensorType::get({slots, type.getDimSize(1), type.getDimSize(2)}, type.getElementType()),
      /*pairs=*/IntegerAttr());
  symbols.insert(cache); // another name if this one is taken

  Operation *keysMaker = keys.getDefiningOp(), *valuesMaker = values.getDefiningOp(), *later = keysMaker;
  if (!later || (valuesMaker && later->isBeforeInBlock(valuesMaker)))
    later = valuesMaker;
  if (later)
    builder.setInsertionPointAfter(later);
  else
    builder.setInsertionPointToStart(&forward.getBody().front());
  auto write = gemma::CacheWriteOp::create(builder, keys.getLoc(), keys, values, cache.getSymName(),
                                           forward.getArgument(1)); // the tokens' positions
  if (later) {
    inLayerOf(later, write);
    inLayerOf(later, cache);
  }
  return cache;
}

/// The position of each token of a call, and the last position that it sees.
struct Places {
  Value positions, visible;
};

void readFrom(gemma::CacheOp cache, gemma::AttentionOp attention, Places places, const Reach &reach) {
  OpBuilder builder(attention);
  IntegerAttr window = reach.seesAll(attention.getWindow()) ? IntegerAttr() : attention.getWindowAttr();
  auto read = gemma::CachedAttentionOp::create(
      builder, attention.getLoc(), attention.getType(), attention.getQuery(), FlatSymbolRefAttr::get(cache),
      /*key_weight=*/FlatSymbolRefAttr(), places.positions, places.visible, attention.getScaleAttr(), window);
  attention.replaceAllUsesWith(inLayerOf(attention, read).getResult());
  attention.erase();
}

/// Adds the arguments after the ids, and gives all three their port names.
FailureOr<Places> addPlaces(func::FuncOp forward) {
  OpBuilder builder(forward);
  auto type = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  forward.setArgAttr(0, gemma::kPortAttr, builder.getStringAttr("tokens"));
  for (llvm::StringRef port : {"positions", "visible"}) {
    unsigned last = forward.getNumArguments();
    DictionaryAttr name =
        builder.getDictionaryAttr(builder.getNamedAttr(gemma::kPortAttr, builder.getStringAttr(port)));
    if (failed(forward.insertArgument(last, type, name, forward.getLoc())))
      return failure();
  }
  return Places{forward.getArgument(1), forward.getArgument(2)};
}

struct ScheduleAttention : impl::ScheduleAttentionBase<ScheduleAttention> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    auto forward = symbols.lookup<func::FuncOp>("forward");
    if (!forward || forward.isExternal() || forward.getNumArguments() != 1)
      return; // there is no whole-sequence function, or it takes positions already
    FailureOr<int64_t> context = positiveAttribute(module, "gemma.context"),
                       maxTokens = positiveAttribute(module, "gemma.max_tokens");
    if (failed(context) || failed(maxTokens))
      return signalPassFailure();
    Reach reach{*context, *maxTokens};

    FailureOr<Places> places = addPlaces(forward);
    if (failed(places))
      return signalPassFailure();
    forward.walk([&](gemma::RopeOp rope) { rope.getPositionsMutable().assign(places->positions); });

    llvm::MapVector<std::pair<Value, Value>, llvm::SmallVector<gemma::AttentionOp>> readers;
    forward.walk([&](gemma::AttentionOp attention) {
      readers[{attention.getKeys(), attention.getValues()}].push_back(attention);
    });
    // All writes are created before the first attention is replaced: a layer may read another layer's cache.
    llvm::SmallVector<std::pair<gemma::AttentionOp, gemma::CacheOp>> reads;
    for (auto &[pair, attentions] : readers) {
      int64_t slots = 0;
      for (gemma::AttentionOp attention : attentions)
        slots = std::max(slots, reach.slots(attention.getWindow()));
      gemma::CacheOp cache = keep(pair, slots, forward, symbols);
      if (llvm::any_of(attentions, [](gemma::AttentionOp attention) { return bool(attention.getWindow()); }))
        cache->setAttr(kSlidingAttr, UnitAttr::get(&getContext()));
      for (gemma::AttentionOp attention : attentions)
        reads.push_back({attention, cache});
    }
    for (auto [attention, cache] : reads)
      readFrom(cache, attention, *places, reach);
  }
};

} // namespace
} // namespace gemmac
