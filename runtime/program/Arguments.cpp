#include "runtime/program/Arguments.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace gemmac::program {

static void printOption(const Option &option) {
  char names[40], text[256];
  char letter[8] = "";
  if (option.letter)
    snprintf(letter, sizeof(letter), ", -%c", option.letter);
  snprintf(names, sizeof(names), "%s%s %s", option.name, letter, option.valueName ? option.valueName : "");
  describe(option, text, sizeof(text));
  printf("  %-23s %s\n", names, text);
}

void printHelp(const gemmac_model &model) {
  printf("%s, compiled by gemmac for %s: a context of %u positions, chunks of up to %u tokens\n", model.name,
         model.target, model.context, model.max_tokens);
  for (size_t group = 0; group < sizeof(kGroupTitles) / sizeof(kGroupTitles[0]); ++group) {
    printf("\n%s:\n", kGroupTitles[group]);
    for (const Option &option : kOptions)
      if (option.group == static_cast<Group>(group))
        printOption(option);
  }
  printf("\nExit code: 0 done; 1 failed or interrupted, with a line on standard error; 2 the command line is "
         "wrong.\n");
}

/// Does one of "text|ids" equal the word?
static bool isOneOf(const char *words, const char *word) {
  for (size_t length;; words += length + 1) {
    length = strcspn(words, "|");
    if (strlen(word) == length && memcmp(words, word, length) == 0)
      return true;
    if (!words[length])
      return false;
  }
}

namespace {
/// Walks over the words and keeps the first complaint's exit code.
class Parser {
public:
  Parser(int count, char **words, Arguments &arguments) : count(count), words(words), arguments(arguments) {}

  bool next() {
    if (code != kDone || ++index >= count)
      return false;
    name = words[index];
    const char *equals = strncmp(name, "--", 2) == 0 ? strchr(name, '=') : nullptr;
    nameLength = equals ? static_cast<size_t>(equals - name) : strlen(name);
    attached = equals ? equals + 1 : nullptr;
    return true;
  }

  void read() {
    if (strcmp(name, "-") == 0)
      arguments.prompt = name;
    else if (const Option *option = findOption(name, nameLength))
      read(option->value);
    else
      complain("is no option of this program");
  }

  ExitCode code = kDone;

private:
  void read(const Value &value) {
    if (value.kind == Value::flag) {
      if (attached)
        complain("takes no value");
      arguments.*value.asFlag = true;
      return;
    }
    const char *word = attached ? attached : index + 1 < count ? words[++index] : nullptr;
    if (!word)
      return complain("needs a value");
    if (value.kind == Value::integer)
      readInteger(word, value.range, arguments.*value.asInteger);
    else if (value.kind == Value::real)
      readReal(word, value.range, arguments.*value.asReal);
    else if (value.kind == Value::word && !isOneOf(value.words, word))
      complainOf(word, value.words);
    else
      arguments.*value.asText = word;
  }

  void readInteger(const char *word, const Range &range, Given<int64_t> &value) {
    char *end;
    errno = 0;
    const long long number = strtoll(word, &end, 10);
    const auto real = static_cast<double>(number);
    if (end == word || *end || errno || real < range.from || real > range.to)
      return complainOf(word, range);
    value = {true, number};
  }

  void readReal(const char *word, const Range &range, Given<float> &value) {
    char *end;
    const float number = strtof(word, &end);
    const auto real = static_cast<double>(number);
    if (end == word || *end || !isfinite(number) || real < range.from ||
        (range.above && real == range.from) || real > range.to)
      return complainOf(word, range);
    value = {true, number};
  }

  void complain(const char *about) {
    fprintf(stderr, "%.*s %s; --help lists what there is\n", static_cast<int>(nameLength), name, about);
    code = kUsage;
  }

  void complainOf(const char *word, const char *words) {
    fprintf(stderr, "%.*s: '%s' is none of %s\n", static_cast<int>(nameLength), name, word, words);
    code = kUsage;
  }

  void complainOf(const char *word, const Range &range) {
    fprintf(stderr, "%.*s: '%s' is no number %s %.0f", static_cast<int>(nameLength), name, word,
            range.above ? "above" : "from", range.from);
    fprintf(stderr, isfinite(range.to) ? range.above ? " up to %.0f\n" : " to %.0f\n" : "\n", range.to);
    code = kUsage;
  }

  int count, index = 0;
  char **words;
  Arguments &arguments;
  const char *name = nullptr, *attached = nullptr;
  size_t nameLength = 0;
};
} // namespace

ExitCode parse(int count, char **words, Arguments &arguments) {
  Parser parser(count, words, arguments);
  while (parser.next())
    parser.read();
  if (parser.code != kDone || arguments.help || arguments.version)
    return parser.code;
  if (!!arguments.prompt + !!arguments.idsFile + arguments.bench != 1) {
    fprintf(stderr, "give one of --prompt, --ids-file and --bench; --help lists what there is\n");
    return kUsage;
  }
  return kDone;
}

} // namespace gemmac::program
