//===- Options.h - the options of an emitted program ----------------------------------------------------===//
//
// One table: the parser, the help text and what `gemmac run` passes on all come from it.

#ifndef GEMMAC_RUNTIME_PROGRAM_OPTIONS_H
#define GEMMAC_RUNTIME_PROGRAM_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

namespace gemmac::program {

/// A number that may not have been given; `value` is then the default, if there is one.
template <typename T>
struct Given {
  bool given = false;
  T value = {};
  T orElse(T other) const { return given ? value : other; }
};

/// What a command line says. The values here are the defaults.
struct Arguments {
  const char *prompt = nullptr;  ///< text; "-": from standard input
  const char *idsFile = nullptr; ///< instead of a prompt; "-": from standard input
  const char *weights = nullptr;
  const char *logits = nullptr;          ///< score and write this file instead of generating
  const char *print = "text";            ///< or "ids"
  Given<int64_t> predict = {false, 128}; ///< -1: until a stop token comes or the context is full
  Given<int64_t> threads, chunk, topK, seed;
  Given<float> temperature, topP, minP, repetitionPenalty;
  bool ignoreStop = false, noBos = false, verify = false, stats = false;
  bool bench = false; ///< answer commands instead
  bool help = false, version = false;
};

/// What an option's value may be.
struct Range {
  double from, to;    ///< infinity: no bound
  bool above = false; ///< `from` itself is too small
};

/// Where an option's value goes, which also says what kind of value it takes.
struct Value {
  enum Kind : uint8_t { flag, text, word, integer, real };

  constexpr Value(bool Arguments::*place) : kind(flag), asFlag(place) {}
  constexpr Value(const char *Arguments::*place) : kind(text), asText(place) {}
  /// One of these words, "text|ids".
  constexpr Value(const char *Arguments::*place, const char *words)
      : kind(word), asText(place), words(words) {}
  constexpr Value(Given<int64_t> Arguments::*place, Range range)
      : kind(integer), asInteger(place), range(range) {}
  constexpr Value(Given<float> Arguments::*place, Range range) : kind(real), asReal(place), range(range) {}

  Kind kind;
  union {
    bool Arguments::*asFlag;
    const char *Arguments::*asText;
    Given<int64_t> Arguments::*asInteger;
    Given<float> Arguments::*asReal;
  };
  const char *words = nullptr;
  Range range = {};
};

/// The titles of the help text, in its order.
enum class Group : uint8_t { input, output, sampling, running };
inline constexpr const char *kGroupTitles[] = {"What to run (one of)", "What comes out, on standard output",
                                               "How the next token is chosen (defaults: the model's own)",
                                               "How it runs"};

struct Option {
  const char *name; ///< "--n-predict"
  char letter;      ///< 'n' for "-n"; 0: none
  Group group;
  Value value;
  const char *valueName; ///< as the help calls it: "N"; null for a flag
  const char *help;
  const char *otherwise; ///< what holds where it is not given; null: nothing, or the default of Arguments
  bool ofRun;            ///< `gemmac run` has it too, and passes it on as it is
};

inline constexpr size_t kOptionCount = 21;
extern const Option kOptions[kOptionCount];

/// Null if there is no option of this name.
const Option *findOption(const char *name, size_t length);

/// Help, range and default of an option, "threads that share the work, 1 to 64 (one a CPU)", as snprintf
/// does.
size_t describe(const Option &option, char *text, size_t size);

} // namespace gemmac::program

#endif
