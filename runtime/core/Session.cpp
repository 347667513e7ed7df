#include "runtime/core/Session.h"

#include "runtime/core/Sampler.h"
#include "runtime/core/Status.h"
#include "runtime/tokenizer/Encoder.h"

#include <string.h>

using namespace gemmac;

uint64_t gemmac::samplingScratchBytes(uint32_t vocabSize) {
  uint64_t encoder = Encoder::kScratchBytes, sampler = Sampler::scratchBytes(vocabSize);
  return encoder > sampler ? encoder : sampler;
}

SessionMemory gemmac::sessionMemory(const SessionFacts &facts) {
  auto aligned = [](uint64_t bytes) {
    // More than any machine has stays that, and the sum of all parts fits.
    const uint64_t most = UINT64_MAX / 8;
    return bytes > most ? most : (bytes + kRegionAlignment - 1) / kRegionAlignment * kRegionAlignment;
  };
  uint64_t scratch = samplingScratchBytes(facts.vocabSize);
  return {aligned(sizeof(gemmac_session)),
          aligned(uint64_t{facts.context} * sizeof(int32_t)),
          aligned(2 * uint64_t{facts.maxTokens} * sizeof(int32_t)),
          aligned(uint64_t{facts.vocabSize} * sizeof(float)),
          aligned(facts.cacheBytes),
          aligned(facts.arenaBytes > scratch ? facts.arenaBytes : scratch),
          aligned(StreamDecoder::mostBytesOf(facts.longestPiece))};
}

SessionMemory gemmac_session::memoryOf(const gemmac_engine &engine) {
  const gemmac_model &code = *engine.code;
  return sessionMemory({code.context, code.max_tokens, code.vocab_size, code.arena_bytes, code.cache_bytes,
                        engine.vocabulary.longestPiece()});
}

void gemmac_session::layOut(void *begin, const SessionMemory &bytes) {
  uint8_t *at = static_cast<uint8_t *>(begin) + bytes.handle;
  auto take = [&](uint64_t size) {
    uint8_t *part = at;
    at += size;
    return part;
  };
  tokens = reinterpret_cast<int32_t *>(take(bytes.tokens));
  positions = reinterpret_cast<int32_t *>(take(bytes.steps));
  visible = positions + engine->code->max_tokens;
  logits = reinterpret_cast<float *>(take(bytes.logits));
  cache = take(bytes.cache);
  arena = take(bytes.arena);
  text = reinterpret_cast<char *>(take(bytes.text));
}

void gemmac_session::reset() {
  length = position = 0;
  logitsReady = false;
  cancelled = false;
}

gemmac_status gemmac_session::checkIds(const int32_t *ids, size_t count, const char *what) {
  uint32_t vocab = engine->code->vocab_size;
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || static_cast<uint32_t>(ids[i]) >= vocab)
      return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s: id %d at %zu is outside the vocabulary, 0 to %u",
                  what, ids[i], i, vocab - 1);
  return GEMMAC_OK;
}

gemmac_status gemmac_session::append(const int32_t *ids, size_t count, const char *what) {
  if (count == 0)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s has no tokens", what);
  if (!ids)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s: ids are null", what);
  if (gemmac_status status = checkIds(ids, count, what))
    return status;
  uint32_t context = engine->code->context;
  if (count > context - length)
    return fail(&error, GEMMAC_CONTEXT_FULL,
                "%s has %zu tokens, and %u of the context's %u positions are free", what, count,
                context - length, context);
  memcpy(tokens + length, ids, count * sizeof(int32_t));
  length += static_cast<uint32_t>(count);
  return GEMMAC_OK;
}

void gemmac_session::takeBack(uint32_t held) {
  length = position > held ? position : held;
}

gemmac_status gemmac_session::checkChunk(uint32_t &chunk) {
  uint32_t most = engine->code->max_tokens;
  if (chunk > most)
    return fail(&error, GEMMAC_INVALID_ARGUMENT,
                "chunks of %u tokens are more than this model takes: 1 to %u", chunk, most);
  if (chunk == 0)
    chunk = most;
  return GEMMAC_OK;
}

gemmac_status gemmac_session::stopIfCancelled() {
  if (!cancelled.exchange(false))
    return GEMMAC_OK;
  return fail(&error, GEMMAC_CANCELLED, "cancelled after %u tokens", position);
}

void gemmac_session::run(const gemmac_entry &entry, uint32_t count, const void *const *inputs,
                         void *const *outputs) {
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

void gemmac_session::step(const TextEntry &text, uint32_t count, float *out) {
  for (uint32_t i = 0; i < count; ++i)
    positions[i] = visible[i] = static_cast<int32_t>(position + i);
  const void *const known[TextEntry::kInputs] = {tokens + position, positions, visible};
  const void *inputs[TextEntry::kInputs];
  for (uint32_t i = 0; i < text.entry->input_count; ++i)
    inputs[i] = known[text.inputs[i]];
  void *const outputs[] = {out};
  run(*text.entry, count, inputs, outputs);
  position += count;
}

gemmac_status gemmac_session::prefillTo(uint32_t end, uint32_t chunk) {
  while (position < end) {
    if (gemmac_status status = stopIfCancelled())
      return status;
    logitsReady = false;
    uint32_t left = end - position;
    step(engine->prefill, left < chunk ? left : chunk, nullptr);
  }
  return GEMMAC_OK;
}

gemmac_status gemmac_session::advance(uint32_t chunk) {
  if (gemmac_status status = prefillTo(length - 1, chunk))
    return status;
  if (gemmac_status status = stopIfCancelled())
    return status;
  step(engine->decode, 1, logits);
  logitsReady = true;
  return GEMMAC_OK;
}

gemmac_status gemmac_session::score(uint32_t chunk, float *out) {
  uint64_t vocab = engine->code->vocab_size;
  while (position < length) {
    if (gemmac_status status = stopIfCancelled())
      return status;
    uint32_t left = length - position, count = left < chunk ? left : chunk;
    step(engine->score, count, out);
    out += count * vocab;
    memcpy(logits, out - vocab, vocab * sizeof(float));
    logitsReady = true;
  }
  return GEMMAC_OK;
}

bool gemmac_session::isStop(const gemmac_generation &generation, int32_t id) const {
  if (generation.ignore_stop)
    return false;
  for (int32_t stop : *engine->package.metadata().generation()->stop())
    if (stop == id)
      return true;
  for (size_t i = 0; i < generation.stop_count; ++i)
    if (generation.stop[i] == id)
      return true;
  return false;
}

gemmac_status gemmac_session::generateTokens(const gemmac_generation &generation, StreamDecoder &decoder,
                                             gemmac_result &result) {
  const format::Generation &defaults = *engine->package.metadata().generation();
  const gemmac_sampling &sampling = generation.sampling;
  SamplerOptions options;
  options.temperature = sampling.temperature;
  options.topK = sampling.top_k;
  options.topP = sampling.top_p;
  options.minP = sampling.min_p;
  options.repetitionPenalty = sampling.repetition_penalty;
  options.suppressed = defaults.suppress()->data();
  options.suppressedCount = defaults.suppress()->size();
  const Sampler sampler(options, engine->code->vocab_size, arena);
  Pcg32 random(sampling.seed);

  while (true) {
    result.finish = GEMMAC_FINISH_LENGTH;
    if (generation.max_tokens && result.tokens == generation.max_tokens)
      return GEMMAC_OK;
    result.finish = GEMMAC_FINISH_CONTEXT;
    if (length == engine->code->context)
      return GEMMAC_OK;
    if (position < length)
      if (gemmac_status status = advance(1))
        return status;
    if (gemmac_status status = stopIfCancelled())
      return status;
    // The sampler changes logits, and the token that comes next is then known.
    logitsReady = false;
    int32_t id = sampler.distribution(logits, tokens, length).draw(random);
    if (id < 0)
      return fail(&error, GEMMAC_BAD_LOGITS, "after %u tokens every logit is suppressed or not a number",
                  length);
    tokens[length++] = id;
    result.finish = GEMMAC_FINISH_STOP;
    if (isStop(generation, id))
      return GEMMAC_OK;
    ++result.tokens;
    result.finish = GEMMAC_FINISH_CALLBACK;
    size_t bytes = decoder.push(id, text);
    if (generation.on_token && generation.on_token(generation.user, id, text, bytes))
      return GEMMAC_OK;
  }
}

gemmac_status gemmac_session::generate(const gemmac_generation &generation, gemmac_result &result) {
  result = {};
  if (position == length && !logitsReady)
    return fail(&error, GEMMAC_NO_PROMPT, "there are no logits to generate from: give a prompt first");
  StreamDecoder decoder(engine->vocabulary, true);
  gemmac_status status = generateTokens(generation, decoder, result);
  size_t bytes = decoder.finish(text);
  if (bytes && generation.on_token && result.finish != GEMMAC_FINISH_CALLBACK)
    generation.on_token(generation.user, -1, text, bytes);
  return status;
}
