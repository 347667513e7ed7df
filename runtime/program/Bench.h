//===- Bench.h - an emitted program that measures instead of writing ------------------------------------===//
//
// Commands are lines on standard input, each is answered by one line of JSON on standard output:
//
//   prompt N     appends N ids and runs them          {"nanoseconds": 81234567}
//   generate N   runs N tokens, each the best after those before it; a prompt has to come before
//   trace        the next answer has "steps" too: {"phase", "tokens", "position", "begin", "end", "calls"},
//   times in nanoseconds
//                from the command's begin; "calls" are begin and end of every kernel, in the order of the
//                plan
//   forget       forgets all tokens                   {}
//   memory       {"dirty_bytes": 1048576}
//
// The ids of prompts depend on their positions alone. What fails is answered by {"error": "…"}.

#ifndef GEMMAC_RUNTIME_PROGRAM_BENCH_H
#define GEMMAC_RUNTIME_PROGRAM_BENCH_H

#include "gemmac/gemmac.h"

#include "runtime/program/Arguments.h"

namespace gemmac::program {

/// The model to open for runBench: the program's own, with entries that can be watched; null: no memory.
const gemmac_model *watchedModel();

/// Answers commands until there are no more.
ExitCode runBench(gemmac_session *session, uint32_t chunk);

/// Anonymous (not file-backed) memory of this process; 0 if unknown.
uint64_t dirtyBytes();

} // namespace gemmac::program

#endif
