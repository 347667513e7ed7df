//===- MemoryText.cpp - planned memory, part by part, as it is printed ----------------------------------===//

#include "compiler/package/MemoryText.h"

#include "llvm/Support/FormatVariadic.h"
#include <nlohmann/json.hpp>

namespace gemmac {

void printMemory(llvm::raw_ostream &out, const PlannedMemory &memory) {
  out << llvm::formatv("memory        {0} bytes at most on one thread, and {1} on every further one\n",
                       memory.most(), memory.thread);
  auto part = [&](const char *what, uint64_t bytes) { out << llvm::formatv("  {0,-12}{1}\n", what, bytes); };
  part("arena", memory.worker.arena);
  part("cache", memory.session.cache);
  part("logits", memory.session.logits);
  part("tokens", memory.session.tokens);
  part("steps", memory.worker.steps);
  part("text", memory.worker.text);
  part("session", memory.session.handle);
  part("worker", memory.worker.handle);
  part("engine", memory.engine);
  part("program", memory.program);
}

nlohmann::ordered_json memoryAsJson(const PlannedMemory &memory) {
  return {{"program", memory.program},
          {"thread", memory.thread},
          {"engine", memory.engine},
          {"session", memory.session.handle},
          {"tokens", memory.session.tokens},
          {"logits", memory.session.logits},
          {"cache", memory.session.cache},
          {"worker", memory.worker.handle},
          {"steps", memory.worker.steps},
          {"arena", memory.worker.arena},
          {"arena_of_generation", memory.generationArena},
          {"text", memory.worker.text},
          {"generation", memory.generation()},
          {"most", memory.most()}};
}

} // namespace gemmac
