//===- Devices.cpp - the x86-64 machines ----------------------------------------------------------------===//

#include "targets/x86/Devices.h"

namespace gemmac::x86 {

#define V3_FEATURES "avx2", "fma", "f16c", "bmi2"
#define V4_FEATURES V3_FEATURES, "avx512f", "avx512bw", "avx512dq", "avx512vl"
// Features beyond V4 that Halide's newest AVX-512 levels may emit.
#define VNNI_FEATURES                                                                                        \
  V4_FEATURES, "avx512vnni", "avx512bf16", "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512bitalg",        \
      "avx512vpopcntdq", "gfni"

#define SAPPHIRE_RAPIDS                                                                                      \
  "x86-64-linux-sse41-avx-f16c-fma-avx2-avxvnni-avx512-avx512_skylake-avx512_cannonlake-avx512_zen4-"        \
  "avx512_sapphirerapids"

const std::vector<Target> &devices() {
  static const char *const triple = "x86_64-unknown-linux-gnu";
  static const std::vector<Target> rows = {
      {.name = "generic-x86-64-v3",
       .description = "64-bit PC with AVX2 (Intel since 2013, AMD since 2015)",
       .triple = triple,
       .cpu = "x86-64-v3",
       .features = "",
       .halide = "x86-64-linux-sse41-avx-f16c-fma-avx2",
       .requires_ = {V3_FEATURES},
       .cores = 4,
       .vectorBytes = 32,
       .mixedSigns8 = true,
       .pairProducts16 = true},
      {.name = "generic-x86-64-v4",
       .description = "64-bit PC with AVX-512 (Intel servers since 2017)",
       .triple = triple,
       .cpu = "x86-64-v4",
       .features = "",
       .halide = "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake",
       .requires_ = {V4_FEATURES},
       .cores = 4,
       .l2 = 1 << 20,
       .vectorBytes = 64,
       .vectorRegisters = 32,
       .mixedSigns8 = true,
       .pairProducts16 = true},
      {.name = "zen4",
       .description = "AMD with AVX-512 VNNI and BF16 (Ryzen 7000, EPYC 9004)",
       .triple = triple,
       .cpu = "znver4",
       .features = "",
       .halide = "x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-avx512_cannonlake-avx512_zen4",
       .requires_ = {VNNI_FEATURES, "sse4a"},
       .cores = 8,
       .l2 = 1 << 20,
       .vectorBytes = 64,
       .vectorRegisters = 32,
       .dotProduct8 = true,
       .mixedSigns8 = true,
       .pairProducts16 = true},
      {.name = "sapphire-rapids",
       .description = "Intel server with AVX-512 VNNI and BF16 (Xeon since 2023)",
       .triple = triple,
       .cpu = "sapphirerapids",
       .features = "",
       .halide = SAPPHIRE_RAPIDS,
       .requires_ = {VNNI_FEATURES, "avxvnni"},
       .cores = 8,
       .l1 = 48 << 10,
       .l2 = 2 << 20,
       .vectorBytes = 64,
       .vectorRegisters = 32,
       .dotProduct8 = true,
       .mixedSigns8 = true,
       .pairProducts16 = true},
      {.name = "sapphire-rapids-amx",
       .description = "Intel server with AMX (Xeon since 2023), where the hypervisor shows it",
       .triple = triple,
       .cpu = "sapphirerapids",
       .features = "",
       .halide = SAPPHIRE_RAPIDS,
       .requires_ = {VNNI_FEATURES, "avxvnni", "amx-tile", "amx-int8"},
       .cores = 8,
       .l1 = 48 << 10,
       .l2 = 2 << 20,
       .vectorBytes = 64,
       .vectorRegisters = 32,
       .dotProduct8 = true,
       .mixedSigns8 = true,
       .pairProducts16 = true,
       .matrixTiles8 = true},
  };
  return rows;
}

} // namespace gemmac::x86
