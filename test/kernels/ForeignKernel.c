/*===- ForeignKernel.c - calls a kernel of another machine, under an emulator
 * --------------------------------===
 *
 * Linked with the kernel, whose name --defsym makes foreign_kernel. Reads a call from the file that it is
 * given, and writes the memory that the kernel has seen back to it. The format is CallKernel.cpp's, in the
 * numbers of both machines: little-endian.
 */
#include <HalideRuntime.h>
#include <stdio.h>
#include <stdlib.h>

int foreign_kernel(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                   uint64_t, uint64_t, uint64_t);

static int64_t number(FILE *file) {
  int64_t value;
  if (fread(&value, sizeof value, 1, file) != 1)
    exit(3);
  return value;
}

int main(int count, char **arguments) {
  FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
  if (!file)
    return 2;
  static uint8_t *memory[32];
  static int64_t bytes[32];
  int64_t pieces = number(file);
  for (int64_t i = 0; i < pieces; ++i) {
    bytes[i] = number(file);
    memory[i] = malloc((size_t)bytes[i] + 1);
    if (fread(memory[i], 1, (size_t)bytes[i], file) != (size_t)bytes[i])
      return 3;
  }
  static halide_buffer_t buffers[12];
  static halide_dimension_t dimensions[12][6];
  uint64_t w[12] = {0};
  int64_t words = number(file);
  for (int64_t i = 0; i < words; ++i) {
    int64_t piece = number(file), value = number(file);
    buffers[i].host = memory[piece] + value;
    buffers[i].dimensions = (int32_t)number(file);
    buffers[i].dim = dimensions[i];
    for (int axis = 0; axis < buffers[i].dimensions; ++axis) {
      dimensions[i][axis].min = (int32_t)number(file);
      dimensions[i][axis].extent = (int32_t)number(file);
      dimensions[i][axis].stride = (int32_t)number(file);
    }
    w[i] = (uint64_t)(uintptr_t)&buffers[i];
  }
  fclose(file);
  if (foreign_kernel(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11]) != 0)
    return 4;
  file = fopen(arguments[1], "wb");
  for (int64_t i = 0; file && i < pieces; ++i)
    fwrite(memory[i], 1, (size_t)bytes[i], file);
  return file && fclose(file) == 0 ? 0 : 5;
}
