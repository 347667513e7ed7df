#include "runtime/program/Bench.h"

#include "runtime/platform/Platform.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
extern const gemmac_model *const gemmac_program_model;
}

namespace gemmac::program {

namespace {

/// A growing array of numbers, kept until the program ends.
class Numbers {
public:
  void push(uint64_t number) {
    if (count == room) {
      size_t larger = room ? 2 * room : 4096;
      void *moved = realloc(numbers, larger * sizeof(uint64_t));
      lost |= !moved;
      if (!moved)
        return;
      numbers = static_cast<uint64_t *>(moved);
      room = larger;
    }
    numbers[count++] = number;
  }
  void clear() { count = 0; }
  size_t size() const { return count; }
  uint64_t operator[](size_t index) const { return numbers[index]; }
  bool lost = false; ///< no memory for all of them

private:
  uint64_t *numbers = nullptr;
  size_t count = 0, room = 0;
};

/// Notes what steps do while `on`.
struct Watch {
  bool on = false;
  const gemmac_entry *entries =
      nullptr;   ///< the table that is run instead of the model's own, entry for entry
  Numbers steps; ///< entry, tokens, position, begin, end, first of its calls
  Numbers calls; ///< begin and end of each

  // Of the step that runs now.
  decltype(gemmac_step::parallel) parallel = nullptr;
  void *pool = nullptr;
};

enum : size_t { kEntry, kTokens, kPosition, kBegin, kEnd, kFirstCall, kStepFields };

Watch watch;

void watchedParallel(void *, gemmac_task task, void *arguments, int32_t pieces, int32_t call) {
  watch.calls.push(platform::nanoseconds());
  watch.parallel(watch.pool, task, arguments, pieces, call);
  watch.calls.push(platform::nanoseconds());
}

/// Stands in for every entry.
void run(const gemmac_step *given) {
  const size_t index = static_cast<size_t>(given->entry - watch.entries);
  gemmac_step step = *given;
  step.entry = &gemmac_program_model->entries[index];
  if (!watch.on) {
    step.entry->run(&step);
    return;
  }
  watch.parallel = given->parallel;
  watch.pool = given->pool;
  step.parallel = watchedParallel;
  size_t firstCall = watch.calls.size();
  uint64_t begin = platform::nanoseconds();
  step.entry->run(&step);
  uint64_t end = platform::nanoseconds();
  const uint64_t fields[kStepFields] = {index,
                                        static_cast<uint64_t>(step.count),
                                        static_cast<uint64_t>(step.sequences[0].position),
                                        begin,
                                        end,
                                        firstCall};
  for (uint64_t field : fields)
    watch.steps.push(field);
}

void printSteps(uint64_t begin) {
  printf(", \"steps\": [");
  for (size_t at = 0; at < watch.steps.size(); at += kStepFields) {
    auto field = [&](size_t which) { return watch.steps[at + which]; };
    printf("%s{\"phase\": \"%s\", \"tokens\": %" PRIu64 ", \"position\": %" PRIu64 ", \"begin\": %" PRIu64
           ", \"end\": %" PRIu64 ", \"calls\": [",
           at ? ", " : "", gemmac_program_model->entries[field(kEntry)].name, field(kTokens),
           field(kPosition), field(kBegin) - begin, field(kEnd) - begin);
    size_t next = at + kStepFields;
    size_t end = next < watch.steps.size() ? watch.steps[next + kFirstCall] : watch.calls.size();
    for (size_t call = field(kFirstCall); call < end; ++call)
      printf("%s%" PRIu64, call == field(kFirstCall) ? "" : ", ", watch.calls[call] - begin);
    printf("]}");
  }
  printf("]");
}

/// The same id at the same position every time: every measurement looks up the same rows.
int32_t idAt(uint32_t position) {
  return static_cast<int32_t>((uint64_t{position} * 2654435761u >> 8) % gemmac_program_model->vocab_size);
}

class Bench {
public:
  Bench(gemmac_session *session, uint32_t chunk)
      : session(session), chunk(chunk),
        ids(static_cast<int32_t *>(malloc(gemmac_program_model->context * sizeof(int32_t)))) {}
  ~Bench() { free(ids); }

  void answer(const char *line) {
    char word[16];
    unsigned long count = 0;
    int words = sscanf(line, "%15s %lu", word, &count);
    auto is = [&](const char *command, int ofWords) {
      return words == ofWords && strcmp(word, command) == 0;
    };
    if (is("prompt", 2))
      prompt(count);
    else if (is("generate", 2))
      generate(count);
    else if (is("trace", 1))
      trace();
    else if (is("forget", 1))
      forget();
    else if (is("memory", 1))
      printf("{\"dirty_bytes\": %" PRIu64 "}", dirtyBytes());
    else
      printError("no command of those: prompt N, generate N, trace, forget, memory");
    printf("\n");
    fflush(stdout);
  }

private:
  void prompt(unsigned long count) {
    if (!ids)
      return printError(gemmac_status_name(GEMMAC_OUT_OF_MEMORY));
    if (count > gemmac_program_model->context)
      return printError(gemmac_status_name(GEMMAC_CONTEXT_FULL));
    uint32_t position = gemmac_position(session);
    for (uint32_t i = 0; i < count; ++i)
      ids[i] = idAt(position + i);
    measure([&] { return gemmac_prompt(session, ids, count, chunk); });
  }

  void generate(unsigned long count) {
    if (count == 0 || count > gemmac_program_model->context)
      return printError(gemmac_status_name(GEMMAC_INVALID_ARGUMENT));
    // The first token after a prompt comes from its logits and costs no step.
    if (gemmac_logits(session) && generateBest(1))
      return printError(gemmac_last_error(session));
    measure([&] { return generateBest(count); });
  }

  gemmac_status generateBest(unsigned long count) {
    gemmac_generation generation = {};
    generation.sampling.top_p = generation.sampling.repetition_penalty = 1;
    generation.max_tokens = static_cast<uint32_t>(count);
    generation.ignore_stop = 1;
    gemmac_result result = {};
    gemmac_status status = gemmac_generate(session, &generation, &result);
    return status || result.tokens == count ? status : GEMMAC_CONTEXT_FULL;
  }

  template <typename Action>
  void measure(Action action) {
    watch.steps.clear();
    watch.calls.clear();
    uint64_t begin = platform::nanoseconds();
    gemmac_status status = action();
    uint64_t end = platform::nanoseconds();
    if (status) {
      printError(gemmac_status_name(status));
    } else if (watch.steps.lost || watch.calls.lost) {
      printError("no memory for the trace");
    } else {
      printf("{\"nanoseconds\": %" PRIu64, end - begin);
      if (watch.on)
        printSteps(begin);
      printf("}");
    }
    watch.on = false;
  }

  void trace() {
    watch.on = true;
    printf("{}");
  }

  void forget() {
    gemmac_reset(session);
    printf("{}");
  }

  static void printError(const char *text) {
    printf("{\"error\": \"");
    for (; *text; ++text)
      putchar(*text == '"' || *text == '\\' ? '\'' : *text);
    printf("\"}");
  }

  gemmac_session *session;
  uint32_t chunk;
  int32_t *ids; ///< room for a whole context
};

} // namespace

const gemmac_model *watchedModel() {
  static gemmac_model model;
  model = *gemmac_program_model;
  auto *entries = static_cast<gemmac_entry *>(malloc(model.entry_count * sizeof(gemmac_entry)));
  if (!entries)
    return nullptr;
  memcpy(entries, model.entries, model.entry_count * sizeof(gemmac_entry));
  for (uint32_t i = 0; i < model.entry_count; ++i)
    entries[i].run = run;
  watch.entries = model.entries = entries;
  return &model;
}

ExitCode runBench(gemmac_session *session, uint32_t chunk) {
  Bench bench(session, chunk);
  char line[128];
  while (fgets(line, sizeof(line), stdin))
    bench.answer(line);
  return kDone;
}

uint64_t dirtyBytes() {
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  if (!file)
    return 0;
  uint64_t sum = 0, kilobytes;
  char line[256];
  while (fgets(line, sizeof(line), file))
    if (sscanf(line, "Anonymous: %" SCNu64, &kilobytes) == 1 ||
        sscanf(line, "Swap: %" SCNu64, &kilobytes) == 1)
      sum += kilobytes << 10;
  fclose(file);
  return sum;
}

} // namespace gemmac::program
