/*===- SimulatedTiles.c - AMX's tile registers for machines without them ----------------------------------===
 *
 * What LLVM's intrinsics of the same names do, after Intel's manual, volume 2; a tile is the number of one of
 * some registers, taken in turn. A kernel of tiles calls these when CallKernel.cpp has replaced the
 * intrinsics.
 */
#include <stdint.h>
#include <string.h>

enum { kRegisters = 64, kRow = 64, kRows = 16 };
static _Thread_local int8_t registers[kRegisters][kRows * kRow];
static _Thread_local unsigned next;

static int64_t fresh(void) {
  int64_t tile = next++ % kRegisters;
  memset(registers[tile], 0, sizeof registers[tile]);
  return tile;
}

int64_t simulated_tilezero(int16_t rows, int16_t bytes) {
  (void)rows, (void)bytes;
  return fresh();
}

int64_t simulated_tileloadd64(int16_t rows, int16_t bytes, const int8_t *memory, int64_t stride) {
  int64_t tile = fresh();
  for (int row = 0; row < rows; ++row)
    memcpy(registers[tile] + kRow * row, memory + stride * row, (size_t)bytes);
  return tile;
}

void simulated_tilestored64(int16_t rows, int16_t bytes, int8_t *memory, int64_t stride, int64_t tile) {
  for (int row = 0; row < rows; ++row)
    memcpy(memory + stride * row, registers[tile] + kRow * row, (size_t)bytes);
}

int64_t simulated_tdpbssd(int16_t rows, int16_t bytes, int16_t depth, int64_t sums, int64_t a, int64_t b) {
  int64_t tile = fresh();
  memcpy(registers[tile], registers[sums], sizeof registers[tile]);
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < bytes / 4; ++column) {
      int32_t sum;
      memcpy(&sum, registers[tile] + kRow * row + 4 * column, sizeof sum);
      for (int k = 0; k < depth; ++k)
        sum += registers[a][kRow * row + k] * registers[b][kRow * (k / 4) + 4 * column + k % 4];
      memcpy(registers[tile] + kRow * row + 4 * column, &sum, sizeof sum);
    }
  return tile;
}
