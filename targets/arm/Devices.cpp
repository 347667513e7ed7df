//===- Devices.cpp - the 64-bit ARM machines ------------------------------------------------------------===//

#include "targets/arm/Devices.h"

namespace gemmac::arm {

const std::vector<Target> &devices() {
  static const char *const triple = "aarch64-unknown-linux-gnu";
  static const std::vector<Target> rows = {
      {.name = "generic-aarch64",
       .description = "any 64-bit ARM with Linux",
       .triple = triple,
       .cpu = "generic",
       .features = "+neon",
       .halide = "arm-64-linux",
       .requires_ = {"neon"},
       .cores = 4,
       .vectorBytes = 16,
       .vectorRegisters = 32},
      {.name = "generic-aarch64-dotprod",
       .description = "64-bit ARM with int8 dot products and float16 (Armv8.2 and newer, most since 2018)",
       .triple = triple,
       .cpu = "generic",
       .features = "+neon,+dotprod,+fullfp16",
       .halide = "arm-64-linux-arm_dot_prod-arm_fp16",
       .requires_ = {"neon", "dotprod", "fullfp16"},
       .cores = 4,
       .vectorBytes = 16,
       .vectorRegisters = 32,
       .dotProduct8 = true},
      {.name = "raspberry-pi-5",
       .description = "Raspberry Pi 5: four Cortex-A76",
       .triple = triple,
       .cpu = "cortex-a76",
       .features = "",
       .halide = "arm-64-linux-arm_dot_prod-arm_fp16",
       .requires_ = {"neon", "dotprod", "fullfp16"},
       .board = true,
       .cores = 4,
       .l1 = 64 << 10,
       .vectorBytes = 16,
       .vectorRegisters = 32,
       .dotProduct8 = true},
      {.name = "neoverse-n1",
       .description = "Arm Neoverse N1 server (AWS Graviton2, Ampere Altra)",
       .triple = triple,
       .cpu = "neoverse-n1",
       .features = "",
       .halide = "arm-64-linux-arm_dot_prod-arm_fp16",
       .requires_ = {"neon", "dotprod", "fullfp16"},
       .board = true,
       .cores = 16,
       .l1 = 64 << 10,
       .l2 = 1 << 20,
       .vectorBytes = 16,
       .vectorRegisters = 32,
       .dotProduct8 = true},
  };
  return rows;
}

} // namespace gemmac::arm
