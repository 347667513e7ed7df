//===- ModelHeader.cpp - the C header of a compiled model -----------------------------------------------===//

#include "compiler/package/ModelHeader.h"

#include "compiler/package/Version.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace gemmac {

// The runtime's own headers, as this compiler was built with them.
static constexpr char kModelContract[] =
#include "compiler/package/model.h.inc"
    ;
static constexpr char kRuntimeInterface[] =
#include "compiler/package/gemmac.h.inc"
    ;

static constexpr char kIntroduction[] = R"(/* {0}: made by gemmac {1} for {2}.
 *
 *   {3} cc example.c lib{0}.a -lpthread -lm
 *
 *   #include "{0}.h"
 *   #include <stdio.h>
 *
 *   static int show(void *user, int32_t id, const char *text, size_t bytes) {{
 *     return fwrite(text, 1, bytes, stdout) != bytes;
 *   }
 *
 *   int main(void) {{
 *     gemmac_engine *engine;
 *     gemmac_session *session;
 *     gemmac_error error;
 *     if (gemmac_open(&gemmac_model_{0}, "{0}.weights", NULL, &engine, &error) ||
 *         gemmac_session_open(engine, NULL, &session, &error)) {{
 *       fprintf(stderr, "%s\n", error.text);
 *       return 1;
 *     }
 *     int32_t ids[256];
 *     size_t count;
 *     gemmac_generation generation = {{0};
 *     gemmac_default_sampling(engine, &generation.sampling);
 *     generation.max_tokens = 64;
 *     generation.on_token = show;
 *     if (gemmac_tokenize(session, "Once upon", 9, GEMMAC_ADD_BOS, ids, 256, &count) ||
 *         gemmac_prompt(session, ids, count, 0) || gemmac_generate(session, &generation, NULL))
 *       fprintf(stderr, "%s\n", gemmac_last_error(session));
 *     gemmac_session_close(session);
 *     gemmac_close(engine);
 *     return 0;
 *   }
 *
 * Memory: {4} bytes of weights, mapped; {5} bytes of keys and values for each session; {6} bytes of scratch for
 * each worker, of which a session has one unless it is given another.
 */
)";

static constexpr char kDeclaration[] = R"(
#ifndef GEMMAC_MODEL_{0}_H
#define GEMMAC_MODEL_{0}_H
#ifdef __cplusplus
extern "C" {{
#endif

extern const gemmac_model gemmac_model_{1};

#ifdef __cplusplus
}
#endif
#endif
)";

/// The text without the line that includes the other header: both are in one file here.
static std::string standalone(llvm::StringRef text) {
  std::string kept;
  for (llvm::StringRef rest = text; !rest.empty();) {
    auto [line, next] = rest.split('\n');
    if (!line.starts_with("#include \"gemmac/"))
      kept += (line + "\n").str();
    rest = next;
  }
  return kept;
}

std::string modelHeader(const ModelFacts &facts) {
  std::string header = llvm::formatv(kIntroduction, facts.name, compilerVersion(), facts.target.name, "$",
                                     facts.weightsBytes, facts.cacheBytes, facts.arenaBytes)
                           .str();
  header += standalone(kModelContract) + "\n" + standalone(kRuntimeInterface);
  header += llvm::formatv(kDeclaration, llvm::StringRef(facts.name).upper(), facts.name).str();
  return header;
}

} // namespace gemmac
