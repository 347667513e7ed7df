//===- Worker.h - threads and scratch memory that run steps ---------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_WORKER_H
#define GEMMAC_RUNTIME_CORE_WORKER_H

#include "runtime/core/Engine.h"
#include "runtime/core/SessionMemory.h"
#include "runtime/threads/ThreadPool.h"

#include <atomic>

struct gemmac_worker {
  const gemmac_engine *engine;
  gemmac::Region region; ///< empty where it lies in its session's
  gemmac::ThreadPool pool;
  std::atomic<const gemmac_session *> serves; ///< the session whose call runs now
  int32_t *positions, *visible; ///< of the tokens of a step: where they stand, and the last that they see
  uint8_t *arena;               ///< of steps; between them scratch of encoder and sampler
  char *text;                   ///< what one token can show

  static gemmac::WorkerMemory memoryOf(const gemmac_engine &engine);
  /// A worker at the beginning of this memory, with its threads; null if the system refuses one.
  static gemmac_worker *make(const gemmac_engine &engine, void *memory, uint32_t threads);
  /// Ends its threads.
  void end() { pool.stop(); }

  /// Runs any entry of the model on tokens that stand at `position` of a text with this cache.
  void run(const gemmac_entry &entry, uint8_t *cache, uint32_t position, uint32_t count,
           const void *const *inputs, void *const *outputs);
};

namespace gemmac {

/// What the facts of an engine's model are.
SessionFacts factsOf(const gemmac_engine &engine);

/// `options` as a caller may give them: 0 is one a CPU.
gemmac_status checkThreads(uint32_t &threads, gemmac_error *error);

/// Engages a worker for one call of a session.
class Engagement {
public:
  Engagement(gemmac_worker &worker, const gemmac_session &session) : worker(worker) {
    const gemmac_session *nobody = nullptr;
    engaged = worker.serves.compare_exchange_strong(nobody, &session, std::memory_order_acquire);
  }
  ~Engagement() {
    if (engaged)
      worker.serves.store(nullptr, std::memory_order_release);
  }
  Engagement(const Engagement &) = delete;
  Engagement &operator=(const Engagement &) = delete;

  /// False: it runs another call.
  explicit operator bool() const { return engaged; }

private:
  gemmac_worker &worker;
  bool engaged;
};

} // namespace gemmac

#endif
