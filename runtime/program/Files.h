//===- Files.h - what an emitted program reads and writes -----------------------------------------------===//

#ifndef GEMMAC_RUNTIME_PROGRAM_FILES_H
#define GEMMAC_RUNTIME_PROGRAM_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

namespace gemmac::program {

/// All bytes of a file ("-": standard input), from malloc; null after a line on standard error.
char *readAll(const char *path, size_t &size);

/// Decimal ids separated by blanks, from malloc; null after a line on standard error about a word that is not
/// one.
int32_t *parseIds(const char *path, const char *text, size_t size, size_t &count);

/// A float32 matrix in NumPy's format, written row by row under a temporary name that `finish` replaces by
/// the real one.
class NpyWriter {
public:
  ~NpyWriter(); ///< without `finish` before it, nothing is left of the file
  bool open(const char *path, uint64_t rows, uint64_t columns);
  bool write(const float *numbers, size_t count);
  bool finish();

private:
  FILE *openTemporary();
  bool complain() const;

  const char *path = nullptr;
  char *temporary = nullptr; ///< null: a pipe or device, written as it is
  FILE *file = nullptr;
};

} // namespace gemmac::program

#endif
