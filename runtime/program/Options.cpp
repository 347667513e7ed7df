#include "runtime/program/Options.h"

#include "gemmac/gemmac.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

namespace gemmac::program {

using A = Arguments;
static constexpr double kMost = INT32_MAX, kNoBound = INFINITY;

// clang-format off
const Option kOptions[kOptionCount] = {
    {"--prompt", 0, Group::input, {&A::prompt}, "TEXT",
     "continue this text; \"-\" reads it from standard input", nullptr, true},
    {"--ids-file", 0, Group::input, {&A::idsFile}, "FILE",
     "continue these token ids: decimal numbers between blanks; \"-\" reads standard input", nullptr, true},
    {"--bench", 0, Group::input, {&A::bench}, nullptr,
     "measure: commands are lines on standard input, answers lines of JSON; `gemmac bench` gives them", nullptr, false},

    {"--n-predict", 'n', Group::output, {&A::predict, {-1, kMost}}, "N",
     "tokens to generate; -1: until a stop token or the end of the context", nullptr, true},
    {"--print", 0, Group::output, {&A::print, "text|ids"}, "text|ids",
     "generated text as it comes, or ids between blanks", nullptr, true},
    {"--logits", 0, Group::output, {&A::logits}, "OUT.npy",
     "generate nothing: write the logits of every token of the input, float32 (tokens, vocabulary)", nullptr, false},
    {"--stats", 0, Group::output, {&A::stats}, nullptr,
     "a line about speed and memory, on standard error", nullptr, true},

    {"--temp", 0, Group::sampling, {&A::temperature, {0, kNoBound}}, "T",
     "temperature; 0: always the best token", "the model's", true},
    {"--top-k", 0, Group::sampling, {&A::topK, {0, kMost}}, "K",
     "of the K best; 0: of all", "the model's", true},
    {"--top-p", 0, Group::sampling, {&A::topP, {0, 1}}, "P",
     "of the best whose probabilities sum up to P", "the model's", true},
    {"--min-p", 0, Group::sampling, {&A::minP, {0, 1}}, "P",
     "of those that are at least P times as likely as the best", "the model's", true},
    {"--repeat-penalty", 0, Group::sampling, {&A::repetitionPenalty, {0, kNoBound, true}}, "R",
     "logits of tokens that were there before are divided by R; 1: off", "the model's", true},
    {"--seed", 0, Group::sampling, {&A::seed, {0, kNoBound}}, "N",
     "same seed, same text", "another one each time", true},
    {"--ignore-eos", 0, Group::sampling, {&A::ignoreStop}, nullptr,
     "stop tokens are tokens like others", nullptr, true},
    {"--no-bos", 0, Group::sampling, {&A::noBos}, nullptr,
     "the prompt does not begin with bos", nullptr, true},

    {"--weights", 0, Group::running, {&A::weights}, "FILE",
     "the package", "the model's name with .weights, beside this program", false},
    {"--threads", 0, Group::running, {&A::threads, {1, GEMMAC_MAX_THREADS}}, "N",
     "threads that share the work", "one a CPU", true},
    {"--chunk", 0, Group::running, {&A::chunk, {1, kMost}}, "N",
     "most tokens of the prompt that run at once", "as many as can", true},
    {"--verify", 0, Group::running, {&A::verify}, nullptr,
     "first read all weights and compare them with their checksums", nullptr, true},
    {"--help", 'h', Group::running, {&A::help}, nullptr,
     "these lines", nullptr, false},
    {"--version", 0, Group::running, {&A::version}, nullptr,
     "the model, its device and the versions of its interfaces", nullptr, false},
};
// clang-format on

const Option *findOption(const char *name, size_t length) {
  for (const Option &option : kOptions) {
    bool byLetter = length == 2 && name[0] == '-' && option.letter && name[1] == option.letter;
    if (byLetter || (strlen(option.name) == length && memcmp(option.name, name, length) == 0))
      return &option;
  }
  return nullptr;
}

size_t describe(const Option &option, char *text, size_t size) {
  const Value &value = option.value;
  char range[48] = "", otherwise[64] = "";
  const Range &bounds = value.range;
  if (bounds.above)
    snprintf(range, sizeof(range), isfinite(bounds.to) ? ", above %g, up to %g" : ", above %g", bounds.from,
             bounds.to);
  else if (bounds.to > 0 && bounds.to < kMost)
    snprintf(range, sizeof(range), ", %g to %g", bounds.from, bounds.to);
  const Arguments defaults;
  if (option.otherwise)
    snprintf(otherwise, sizeof(otherwise), " (%s)", option.otherwise);
  else if (value.kind == Value::integer)
    snprintf(otherwise, sizeof(otherwise), " (%d)", static_cast<int>((defaults.*value.asInteger).value));
  else if (value.kind == Value::word)
    snprintf(otherwise, sizeof(otherwise), " (%s)", defaults.*value.asText);
  int length = snprintf(text, size, "%s%s%s", option.help, range, otherwise);
  return static_cast<size_t>(length);
}

} // namespace gemmac::program
