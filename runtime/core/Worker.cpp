#include "runtime/core/Worker.h"

#include "runtime/core/Status.h"
#include "runtime/tokenizer/Decoder.h"

#include <new>

using namespace gemmac;

static_assert(has<gemmac_worker>(handleBytes(sizeof(void *)).worker), "the compiler plans with its size");

SessionFacts gemmac::factsOf(const gemmac_engine &engine) {
  const gemmac_model &code = *engine.code;
  return {code.context,     code.max_tokens,  code.vocab_size,
          code.arena_bytes, code.cache_bytes, engine.vocabulary.longestPiece()};
}

gemmac_status gemmac::checkThreads(uint32_t &threads, gemmac_error *error) {
  if (threads > GEMMAC_MAX_THREADS)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "%u threads are more than %u", threads, GEMMAC_MAX_THREADS);
  if (threads == 0)
    threads = platform::cpuCount();
  if (threads > GEMMAC_MAX_THREADS)
    threads = GEMMAC_MAX_THREADS;
  return GEMMAC_OK;
}

WorkerMemory gemmac_worker::memoryOf(const gemmac_engine &engine) {
  return workerMemory(factsOf(engine), sizeof(void *));
}

gemmac_worker *gemmac_worker::make(const gemmac_engine &engine, void *memory, uint32_t threads) {
  const WorkerMemory bytes = memoryOf(engine);
  gemmac_worker *worker = new (memory) gemmac_worker{};
  worker->engine = &engine;
  uint8_t *at = static_cast<uint8_t *>(memory) + bytes.handle;
  worker->positions = reinterpret_cast<int32_t *>(at);
  worker->visible = worker->positions + engine.code->max_tokens;
  worker->arena = at += bytes.steps;
  worker->text = reinterpret_cast<char *>(at + bytes.arena);
  return worker->pool.start(threads) ? worker : nullptr;
}

void gemmac_worker::run(const gemmac_entry &entry, uint8_t *cache, uint32_t position, uint32_t count,
                        const void *const *inputs, void *const *outputs) {
  const gemmac_sequence sequence = {cache, position, count};
  gemmac_step step = {};
  step.entry = &entry;
  step.weights = engine->package.tensors();
  step.arena = arena;
  step.sequences = &sequence;
  step.sequence_count = 1;
  step.count = count;
  step.inputs = inputs;
  step.outputs = outputs;
  step.parallel = ThreadPool::parallel;
  step.pool = &pool;
  entry.run(&step);
}
