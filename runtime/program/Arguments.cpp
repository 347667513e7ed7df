#include "runtime/program/Arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace gemmac::program {

void printHelp(const gemmac_model &model) {
  printf("%s, compiled by gemmac for %s\n", model.name, model.target);
  printf(R"(
What to run (one of):
  --prompt TEXT         continue this text; "-" reads it from standard input
  --ids-file FILE       continue these token ids: decimal numbers between blanks; "-" reads standard input
  --bench               measure: commands are lines on standard input, answers lines of JSON (prompt N, generate N, trace, forget,
                        memory); `gemmac bench` gives them

What comes out, on standard output:
  --n-predict N         tokens to generate (128); -1: until a stop token or the end of the context
  --print text|ids      generated text as it comes (default), or ids between blanks
  --logits OUT.npy      generate nothing: write the logits of every token of the input, float32 (tokens, vocabulary)
  --stats               a line about speed and memory, on standard error

How the next token is chosen (defaults: the model's own):
  --temp T              0: always the best token
  --top-k K             of the K best; 0: of all
  --top-p P             of the best whose probabilities sum up to P, above 0 and up to 1
  --min-p P             of those that are at least P times as likely as the best, 0 to 1
  --repeat-penalty R    logits of tokens that were there before are divided by R, above 0; 1: off
  --seed N              same seed, same text (default: another one each time)
  --ignore-eos          stop tokens are tokens like others
  --no-bos              the prompt does not begin with bos

How it runs:
  --weights FILE        (default: %s.weights beside this program)
  --threads N           1 to %u (default: one a CPU)
  --chunk N             most tokens of the prompt that run at once (%u, which is also the most that can)
  --verify              first read all weights and compare them with their checksums
  --help, --version

Exit code: 0 done; 1 failed or interrupted, with a line on standard error; 2 the command line is wrong.
)",
         model.name, GEMMAC_MAX_THREADS, model.max_tokens);
}

static bool parseInteger(const char *text, int64_t from, int64_t to, int64_t &value) {
  char *end;
  errno = 0;
  value = strtoll(text, &end, 10);
  return end != text && *end == 0 && errno == 0 && value >= from && value <= to;
}

namespace {
/// Walks over the words and keeps the first complaint's exit code.
class Parser {
public:
  Parser(int count, char **words) : count(count), words(words) {}

  bool next() {
    if (code != kDone || ++index >= count)
      return false;
    name = words[index];
    const char *equals = strncmp(name, "--", 2) == 0 ? strchr(name, '=') : nullptr;
    nameLength = equals ? static_cast<size_t>(equals - name) : strlen(name);
    attached = equals ? equals + 1 : nullptr;
    return true;
  }

  bool is(const char *option) const {
    return strlen(option) == nameLength && memcmp(option, name, nameLength) == 0;
  }

  void flag(bool &value) {
    if (attached)
      complain("takes no value");
    value = true;
  }

  void text(const char *&value) {
    value = attached ? attached : index + 1 < count ? words[++index] : nullptr;
    if (!value)
      complain("needs a value");
  }

  template <typename T>
  void integer(T &value, int64_t from, int64_t to) {
    const char *word;
    text(word);
    int64_t number;
    if (!word)
      return;
    if (!parseInteger(word, from, to, number)) {
      fprintf(stderr, "%.*s: '%s' is no number from %" PRId64 " to %" PRId64 "\n",
              static_cast<int>(nameLength), name, word, from, to);
      code = kUsage;
      return;
    }
    value = static_cast<T>(number);
  }

  /// From `from`, or above it, up to `to`.
  void real(Given<float> &value, float from, bool above, float to) {
    const char *word;
    text(word);
    if (!word)
      return;
    char *end;
    float number = strtof(word, &end);
    if (end == word || *end || !isfinite(number) || number < from || (above && number == from) ||
        number > to) {
      fprintf(stderr, "%.*s: '%s' is no number %s %g", static_cast<int>(nameLength), name, word,
              above ? "above" : "from", static_cast<double>(from));
      fprintf(stderr, isfinite(to) ? " up to %g\n" : "\n", static_cast<double>(to));
      code = kUsage;
      return;
    }
    value = {true, number};
  }

  void complain(const char *about) {
    fprintf(stderr, "%.*s %s; --help lists what there is\n", static_cast<int>(nameLength), name, about);
    code = kUsage;
  }

  ExitCode code = kDone;

private:
  int count, index = 0;
  char **words;
  const char *name = nullptr, *attached = nullptr;
  size_t nameLength = 0;
};
} // namespace

static void parseOption(Parser &parser, Arguments &a) {
  if (parser.is("--prompt"))
    parser.text(a.prompt);
  else if (parser.is("-"))
    a.prompt = "-";
  else if (parser.is("--ids-file"))
    parser.text(a.idsFile);
  else if (parser.is("--n-predict") || parser.is("-n")) {
    int64_t number = a.predict;
    parser.integer(number, -1, INT32_MAX);
    a.endless = number < 0;
    a.predict = a.endless ? 0 : static_cast<uint32_t>(number);
  } else if (parser.is("--print")) {
    const char *what;
    parser.text(what);
    if (what && strcmp(what, "text") != 0 && strcmp(what, "ids") != 0)
      parser.complain("is text or ids");
    a.printIds = what && strcmp(what, "ids") == 0;
  } else if (parser.is("--logits"))
    parser.text(a.logits);
  else if (parser.is("--weights"))
    parser.text(a.weights);
  else if (parser.is("--threads"))
    parser.integer(a.threads, 1, GEMMAC_MAX_THREADS);
  else if (parser.is("--chunk"))
    parser.integer(a.chunk, 1, INT32_MAX);
  else if (parser.is("--temp"))
    parser.real(a.temperature, 0, false, INFINITY);
  else if (parser.is("--top-k")) {
    a.topK.given = true;
    parser.integer(a.topK.value, 0, INT32_MAX);
  } else if (parser.is("--top-p"))
    parser.real(a.topP, 0, true, 1);
  else if (parser.is("--min-p"))
    parser.real(a.minP, 0, false, 1);
  else if (parser.is("--repeat-penalty"))
    parser.real(a.repetitionPenalty, 0, true, INFINITY);
  else if (parser.is("--seed")) {
    a.seed.given = true;
    parser.integer(a.seed.value, 0, INT64_MAX);
  } else if (parser.is("--ignore-eos"))
    parser.flag(a.ignoreStop);
  else if (parser.is("--no-bos"))
    parser.flag(a.noBos);
  else if (parser.is("--verify"))
    parser.flag(a.verify);
  else if (parser.is("--bench"))
    parser.flag(a.bench);
  else if (parser.is("--stats"))
    parser.flag(a.stats);
  else if (parser.is("--help") || parser.is("-h"))
    parser.flag(a.help);
  else if (parser.is("--version"))
    parser.flag(a.version);
  else
    parser.complain("is no option of this program");
}

ExitCode parse(int count, char **words, Arguments &arguments) {
  Parser parser(count, words);
  while (parser.next())
    parseOption(parser, arguments);
  if (parser.code != kDone || arguments.help || arguments.version)
    return parser.code;
  if (!!arguments.prompt + !!arguments.idsFile + arguments.bench != 1) {
    fprintf(stderr, "give one of --prompt, --ids-file and --bench; --help lists what there is\n");
    return kUsage;
  }
  return kDone;
}

} // namespace gemmac::program
