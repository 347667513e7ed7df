//===- ReduceCaches.cpp - keys that are values times a weight are not stored twice ----------------------===//
// In a layer whose keys and values share one normed projection, k = rope(v * w), and RoPE rotates only some
// pairs of channels. The cache stores only those channels of keys; attention reads the others from the
// values, with w folded into its query.

#include "dialects/gemma/Gemma.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_REDUCECACHES
#include "passes/Passes.h.inc"
namespace {

/// How keys are computed from values.
struct KeysOfValues {
  FlatSymbolRefAttr weight;
  IntegerAttr pairs;
  bool operator==(const KeysOfValues &other) const = default;
};

std::optional<KeysOfValues> keysOfValues(gemma::CacheWriteOp write) {
  auto rope = write.getKeys().getDefiningOp<gemma::RopeOp>();
  auto key = rope ? rope.getX().getDefiningOp<gemma::RmsNormOp>() : gemma::RmsNormOp();
  auto value = write.getValues().getDefiningOp<gemma::RmsNormOp>();
  if (!key || !value || key.getX() != value.getX() || key.getEpsAttr() != value.getEpsAttr() ||
      !key.getWeight() || value.getWeight())
    return std::nullopt;
  if (static_cast<int64_t>(rope.getPairs()) >= rope.getType().getDimSize(2) / 2)
    return std::nullopt; // every channel is rotated
  return KeysOfValues{key.getWeightAttr(), rope.getPairsAttr()};
}

struct ReduceCaches : impl::ReduceCachesBase<ReduceCaches> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    // All writers of a cache must agree.
    llvm::MapVector<gemma::CacheOp, std::optional<KeysOfValues>> found;
    getOperation().walk([&](gemma::CacheWriteOp write) {
      std::optional<KeysOfValues> keys = keysOfValues(write);
      auto [entry, isNew] = found.try_emplace(symbols.lookup<gemma::CacheOp>(write.getCache()), keys);
      if (!isNew && entry->second != keys)
        entry->second.reset();
    });
    for (auto &[cache, keys] : found)
      if (keys && !cache.getPairs())
        cache.setPairsAttr(keys->pairs);
      else
        keys.reset();
    getOperation().walk([&](gemma::CachedAttentionOp attention) {
      if (auto &keys = found[symbols.lookup<gemma::CacheOp>(attention.getCache())])
        attention.setKeyWeightAttr(keys->weight);
    });
  }
};

} // namespace
} // namespace gemmac
