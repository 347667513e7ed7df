//===- QuantizeKvCache.cpp - caches get the scheme that the device stores -------------------------------===//

#include "dialects/gemma/Gemma.h"
#include "passes/CacheSchemes.h"
#include "passes/Layer.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_QUANTIZEKVCACHE
#include "passes/Passes.h.inc"
namespace {

struct QuantizeKvCache : impl::QuantizeKvCacheBase<QuantizeKvCache> {
  using QuantizeKvCacheBase::QuantizeKvCacheBase;

  void runOnOperation() override {
    llvm::Expected<CacheSchemes> schemes = CacheSchemes::parse(scheme);
    if (!schemes) {
      getOperation().emitError() << llvm::toString(schemes.takeError());
      return signalPassFailure();
    }
    for (auto cache : getOperation().getOps<gemma::CacheOp>())
      cache.setScheme(cache->hasAttr(kSlidingAttr) ? schemes->sliding : schemes->global);
  }
};

} // namespace
} // namespace gemmac
