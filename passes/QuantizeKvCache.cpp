//===- QuantizeKvCache.cpp - caches get the scheme that the device stores -------------------------------===//

#include "dialects/gemma/Gemma.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_QUANTIZEKVCACHE
#include "passes/Passes.h.inc"
namespace {

struct QuantizeKvCache : impl::QuantizeKvCacheBase<QuantizeKvCache> {
  using QuantizeKvCacheBase::QuantizeKvCacheBase;

  void runOnOperation() override {
    std::optional<gemma::Scheme> wanted = gemma::symbolizeScheme(scheme);
    if (!wanted || (*wanted != gemma::Scheme::f32 && *wanted != gemma::Scheme::f16)) {
      getOperation().emitError() << "keys and values are stored as f32 or f16, not '" << scheme << "'";
      return signalPassFailure();
    }
    for (auto cache : getOperation().getOps<gemma::CacheOp>())
      cache.setScheme(*wanted);
  }
};

} // namespace
} // namespace gemmac
