//===- Main.cpp - an emitted program: one model and a command line --------------------------------------===//
// Results go to standard output, everything else to standard error.

#include "runtime/platform/Platform.h"
#include "runtime/program/Arguments.h"
#include "runtime/program/Bench.h"
#include "runtime/program/Files.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Defined by the emitted object that this is linked with.
extern "C" {
extern const gemmac_model *const gemmac_program_model;
}

namespace gemmac::program {

/// Logits of one chunk are held before they are written; a vocabulary of 262144 makes 1 MiB of each token.
static constexpr uint64_t kLogitsBytes = 64 << 20;

static gemmac_session *interruptible = nullptr;

static void interrupt(int) {
  gemmac_cancel(interruptible);
}

/// The first SIGINT ends the text, the second one the program.
static void cancelOnInterrupt(gemmac_session *session) {
  interruptible = session;
  struct sigaction action = {};
  action.sa_handler = interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

/// Tokens that run at once; 0: as many as can. The chunk's size changes no result: it is clamped to what the
/// model takes.
static uint32_t chunkOf(const Arguments &arguments) {
  const int64_t chunk = arguments.chunk.orElse(0), most = gemmac_program_model->max_tokens;
  return static_cast<uint32_t>(chunk < most ? chunk : most);
}

static ExitCode complain(gemmac_session *session) {
  fprintf(stderr, "%s\n", gemmac_last_error(session));
  return kFailed;
}

/// The .weights file beside this program.
static bool defaultWeights(const char *program, char *path, size_t size) {
  ssize_t length = readlink("/proc/self/exe", path, size - 1);
  if (length < 0)
    length = snprintf(path, size, "%s", program);
  if (length < 0 || static_cast<size_t>(length) >= size)
    return false;
  path[length] = 0;
  char *slash = strrchr(path, '/');
  char *name = slash ? slash + 1 : path;
  size_t room = size - static_cast<size_t>(name - path);
  return static_cast<size_t>(snprintf(name, room, "%s.weights", gemmac_program_model->name)) < room;
}

/// Ids from malloc; null after a line on standard error.
static int32_t *readInput(gemmac_session *session, const Arguments &arguments, size_t &count) {
  const char *path = arguments.idsFile ? arguments.idsFile : arguments.prompt;
  size_t size;
  char *read = nullptr;
  const char *text = arguments.prompt;
  if (arguments.idsFile || strcmp(text, "-") == 0) {
    text = read = readAll(path, size);
    if (!read)
      return nullptr;
  } else {
    size = strlen(text);
  }
  int32_t *ids = nullptr;
  if (arguments.idsFile) {
    ids = parseIds(path, text, size, count);
  } else {
    uint32_t flags = arguments.noBos ? 0 : GEMMAC_ADD_BOS;
    const size_t most = size + 1; // a token of each byte, and bos
    ids = static_cast<int32_t *>(malloc(most * sizeof(int32_t)));
    const gemmac_status status =
        ids ? gemmac_tokenize(session, text, size, flags, ids, most, &count) : GEMMAC_OUT_OF_MEMORY;
    if (status) {
      fprintf(stderr, "%s\n", ids ? gemmac_last_error(session) : gemmac_status_name(status));
      free(ids);
      ids = nullptr;
    }
  }
  free(read);
  return ids;
}

static ExitCode writeLogits(gemmac_session *session, const Arguments &arguments, const int32_t *ids,
                            size_t count, float *logits, uint32_t chunk) {
  uint64_t vocab = gemmac_program_model->vocab_size;
  NpyWriter writer;
  if (!writer.open(arguments.logits, count, vocab))
    return kFailed;
  for (size_t done = 0; done < count;) {
    size_t now = count - done < chunk ? count - done : chunk;
    if (gemmac_score(session, ids + done, now, chunk, logits))
      return complain(session);
    if (!writer.write(logits, now * vocab))
      return kFailed;
    done += now;
  }
  return writer.finish() ? kDone : kFailed;
}

static ExitCode score(gemmac_session *session, const Arguments &arguments, const int32_t *ids, size_t count) {
  const gemmac_model &model = *gemmac_program_model;
  if (count == 0 || count > model.context) {
    fprintf(stderr, "the input has %zu tokens, the context 1 to %u\n", count, model.context);
    return kFailed;
  }
  uint64_t row = uint64_t{model.vocab_size} * sizeof(float);
  uint32_t chunk = chunkOf(arguments);
  if (chunk == 0)
    chunk = model.max_tokens * row <= kLogitsBytes ? model.max_tokens
            : row < kLogitsBytes                   ? static_cast<uint32_t>(kLogitsBytes / row)
                                                   : 1;
  float *logits = static_cast<float *>(malloc(chunk * row));
  if (!logits) {
    fprintf(stderr, "no memory for the logits of %u tokens: try a smaller --chunk\n", chunk);
    return kFailed;
  }
  ExitCode code = writeLogits(session, arguments, ids, count, logits, chunk);
  free(logits);
  return code;
}

namespace {
struct Printer {
  bool ids;
  bool first;
};
} // namespace

static int printToken(void *user, int32_t id, const char *text, size_t bytes) {
  Printer &printer = *static_cast<Printer *>(user);
  if (!printer.ids)
    fwrite(text, 1, bytes, stdout);
  else if (id >= 0)
    printf(printer.first ? "%d" : " %d", id);
  printer.first = false;
  return fflush(stdout);
}

static void printSpeed(const char *what, size_t tokens, uint64_t nanoseconds) {
  double seconds = static_cast<double>(nanoseconds) * 1e-9;
  fprintf(stderr, "%s: %zu tokens in %.3f s, %.2f tokens/s", what, tokens, seconds,
          seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0);
}

/// Why the text ends here.
static void printEnd(const gemmac_result &result, size_t given) {
  fprintf(stderr, "%s: ", gemmac_finish_name(result.finish));
  if (result.finish == GEMMAC_FINISH_CONTEXT)
    fprintf(stderr, "%zu tokens of the prompt and %u generated ones fill the context of %u positions\n",
            given, result.tokens, gemmac_program_model->context);
  else if (result.finish == GEMMAC_FINISH_STOP)
    fprintf(stderr, "a stop token came after %u generated tokens\n", result.tokens);
  else
    fprintf(stderr, "%u generated tokens are as many as --n-predict allows\n", result.tokens);
}

static ExitCode generate(gemmac_session *session, const gemmac_engine *engine, const Arguments &arguments,
                         const int32_t *ids, size_t count) {
  const int64_t predict = arguments.predict.value;
  if (predict != 0 && count == gemmac_program_model->context) {
    fprintf(stderr, "the prompt has %zu tokens and fills the context: no position is left to generate for\n",
            count);
    return kFailed;
  }
  uint64_t begin = platform::nanoseconds();
  if (gemmac_prompt(session, ids, count, chunkOf(arguments)))
    return complain(session);
  uint64_t prompted = platform::nanoseconds();

  Printer printer{strcmp(arguments.print, "ids") == 0, true};
  gemmac_generation generation = {};
  gemmac_default_sampling(engine, &generation.sampling);
  gemmac_sampling &sampling = generation.sampling;
  sampling.temperature = arguments.temperature.orElse(sampling.temperature);
  sampling.top_k = static_cast<uint32_t>(arguments.topK.orElse(sampling.top_k));
  sampling.top_p = arguments.topP.orElse(sampling.top_p);
  sampling.min_p = arguments.minP.orElse(sampling.min_p);
  sampling.repetition_penalty = arguments.repetitionPenalty.orElse(sampling.repetition_penalty);
  sampling.seed = arguments.seed.given ? static_cast<uint64_t>(arguments.seed.value) : begin;
  generation.max_tokens = predict > 0 ? static_cast<uint32_t>(predict) : 0; // 0: no bound
  generation.ignore_stop = arguments.ignoreStop;
  generation.on_token = printToken;
  generation.user = &printer;

  gemmac_result result = {};
  gemmac_status status = GEMMAC_OK;
  if (predict != 0)
    status = gemmac_generate(session, &generation, &result);
  uint64_t end = platform::nanoseconds();
  printf("\n");
  const bool written = fflush(stdout) == 0; // before the lines that go elsewhere
  if (!status && written)
    printEnd(result, count);
  if (arguments.stats) {
    printSpeed("prompt", count, prompted - begin);
    printSpeed("; generation", result.tokens, end - prompted);
    fprintf(stderr, "; memory: %.1f MB\n", static_cast<double>(dirtyBytes()) * 1e-6);
  }
  if (status)
    return complain(session);
  if (!written) {
    perror("standard output");
    return kFailed;
  }
  return kDone;
}

static ExitCode runSession(const gemmac_engine *engine, gemmac_session *session, const Arguments &arguments) {
  if (arguments.bench)
    return runBench(session, chunkOf(arguments));
  size_t count = 0;
  int32_t *ids = readInput(session, arguments, count);
  if (!ids)
    return kFailed;
  cancelOnInterrupt(session);
  ExitCode code = arguments.logits ? score(session, arguments, ids, count)
                                   : generate(session, engine, arguments, ids, count);
  signal(SIGINT, SIG_DFL);
  free(ids);
  return code;
}

static ExitCode run(const char *program, const Arguments &arguments) {
  char beside[4096];
  if (!arguments.weights && !defaultWeights(program, beside, sizeof(beside))) {
    fprintf(stderr, "the path of this program is too long: give --weights\n");
    return kFailed;
  }
  gemmac_open_options options = {};
  options.verify = arguments.verify;
  gemmac_engine *engine = nullptr;
  gemmac_error error;
  const gemmac_model *model = arguments.bench ? watchedModel() : gemmac_program_model;
  if (!model) {
    fprintf(stderr, "%s\n", gemmac_status_name(GEMMAC_OUT_OF_MEMORY));
    return kFailed;
  }
  if (gemmac_open(model, arguments.weights ? arguments.weights : beside, &options, &engine, &error)) {
    fprintf(stderr, "%s\n", error.text);
    return kFailed;
  }
  gemmac_session_options sessionOptions = {};
  sessionOptions.threads = static_cast<uint32_t>(arguments.threads.orElse(0));
  gemmac_session *session = nullptr;
  ExitCode code = kFailed;
  if (gemmac_session_open(engine, &sessionOptions, &session, &error))
    fprintf(stderr, "%s\n", error.text);
  else
    code = runSession(engine, session, arguments);
  gemmac_session_close(session);
  gemmac_close(engine);
  return code;
}

} // namespace gemmac::program

int main(int count, char **words) {
  using namespace gemmac::program;
  Arguments arguments;
  if (ExitCode code = parse(count, words, arguments))
    return code;
  ExitCode code = kDone;
  if (arguments.help)
    printHelp(*gemmac_program_model);
  else if (arguments.version)
    printf("%s for %s, gemmac API %u, model version %u\n", gemmac_program_model->name,
           gemmac_program_model->target, gemmac_api_version(), gemmac_program_model->version);
  else
    code = run(words[0], arguments);
  if (code == kDone && (fflush(stdout) != 0 || ferror(stdout))) {
    perror("standard output");
    return kFailed;
  }
  return code;
}
