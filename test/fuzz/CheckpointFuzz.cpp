// A directory of Hugging Face: config.json with quantization_config, generation_config.json, safetensors as
// one file or shards with an index.

#include "test/fuzz/Readers.h"

#include "compiler/import/Checkpoint.h"
#include "compiler/import/Safetensors.h"

using namespace gemmac;
using test::failed;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static test::Files files({"config.json", "generation_config.json", "model.safetensors",
                            "model.safetensors.index.json", "a.safetensors"});
  files.put({data, size});
  if (llvm::Expected<ModelConfig> config = readModelConfig(files.path()); !failed(config))
    failed(readGenerationConfig(files.path(), *config));
  if (llvm::Expected<std::unique_ptr<WeightSource>> weights = openSafetensors(files.path()); !failed(weights))
    test::readTensors(**weights);
  // All of it together: packed matrices become numbers, the head is settled.
  llvm::Expected<Checkpoint> checkpoint = openCheckpoint(files.path());
  if (failed(checkpoint))
    return 0;
  for (const std::string &remark : checkpoint->config.remarks)
    test::requireMessage(remark);
  test::readTensors(*checkpoint->weights);
  return 0;
}
