// A LoRA adapter of PEFT: adapter_config.json and adapter_model.safetensors.

#include "test/fuzz/Readers.h"

#include "compiler/import/Adapter.h"

#include <cmath>

using namespace gemmac;
using test::failed;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static test::Files files({"adapter_config.json", "adapter_model.safetensors"});
  files.put({data, size});
  llvm::Expected<Adapter> adapter = Adapter::open(files.path());
  if (failed(adapter))
    return 0;
  test::readTensors(*adapter->tensors);
  for (const AdapterModule &module : adapter->modules) {
    test::require(module.rank() > 0 && module.rows() > 0 && module.columns() > 0, "a module has no size");
    test::require(std::isfinite(module.scaling), "a module is multiplied by no number");
    test::require(module.a->numbers() ==
                      module.rank() * (module.embedding ? module.rows() : module.columns()),
                  "a module's A is no matrix");
  }
  return 0;
}
