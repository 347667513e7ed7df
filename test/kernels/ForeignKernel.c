/*===- ForeignKernel.c - calls kernels of another machine, under an emulator ------------------------------===
 *
 * Each line of standard input is a call: a library, the kernel's name in it, and a file with the arguments
 * and their memory, to which the memory that the kernel leaves is written. Each line of the answer is a
 * number: 0 if all went well. The file's format is Emulator.cpp's, in the numbers of both machines:
 * little-endian.
 */
#include <HalideRuntime.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { kArguments = 12, kAxes = 6, kWord = 4096 };

typedef int (*kernel)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                      uint64_t, uint64_t, uint64_t, uint64_t);

static int64_t number(FILE *file) {
  int64_t value;
  if (fread(&value, sizeof value, 1, file) != 1)
    exit(3);
  return value;
}

static int call(kernel function, const char *path) {
  FILE *file = fopen(path, "r+b");
  if (!file)
    return 4;
  static uint8_t *memory[kArguments];
  static int64_t bytes[kArguments];
  int64_t pieces = number(file);
  for (int64_t i = 0; i < pieces; ++i) {
    bytes[i] = number(file);
    memory[i] = malloc((size_t)bytes[i] + 1);
    if (fread(memory[i], 1, (size_t)bytes[i], file) != (size_t)bytes[i])
      return 5;
  }
  static halide_buffer_t buffers[kArguments];
  static halide_dimension_t dimensions[kArguments][kAxes];
  uint64_t w[kArguments] = {0};
  int64_t words = number(file);
  for (int64_t i = 0; i < words; ++i) {
    int64_t piece = number(file), value = number(file);
    buffers[i] = (halide_buffer_t){.host = memory[piece] + value, .dim = dimensions[i]};
    buffers[i].dimensions = (int32_t)number(file);
    for (int axis = 0; axis < buffers[i].dimensions; ++axis) {
      dimensions[i][axis].min = (int32_t)number(file);
      dimensions[i][axis].extent = (int32_t)number(file);
      dimensions[i][axis].stride = (int32_t)number(file);
    }
    w[i] = (uint64_t)(uintptr_t)&buffers[i];
  }
  int result = function(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11]) ? 6 : 0;
  rewind(file);
  for (int64_t i = 0; i < pieces; ++i) {
    fwrite(memory[i], 1, (size_t)bytes[i], file);
    free(memory[i]);
  }
  return fclose(file) == 0 ? result : 7;
}

int main(void) {
  static char library[kWord], name[kWord], path[kWord];
  while (scanf("%4095s %4095s %4095s", library, name, path) == 3) {
    void *opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    kernel function = opened ? (kernel)dlsym(opened, name) : NULL;
    if (!function)
      fprintf(stderr, "%s\n", dlerror());
    printf("%d\n", function ? call(function, path) : 2);
    fflush(stdout);
  }
  return 0;
}
