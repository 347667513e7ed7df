#include "runtime/program/Files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gemmac::program {

static bool isBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

char *readAll(const char *path, size_t &size) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
  if (!file) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return nullptr;
  }
  size_t room = 64 << 10;
  char *bytes = static_cast<char *>(malloc(room));
  size = 0;
  while (bytes) {
    size_t got = fread(bytes + size, 1, room - size, file);
    size += got;
    if (got == 0)
      break;
    if (size < room)
      continue;
    char *larger = room <= SIZE_MAX / 4 ? static_cast<char *>(realloc(bytes, room *= 2)) : nullptr;
    if (!larger)
      free(bytes);
    bytes = larger;
  }
  int reason = !bytes ? ENOMEM : ferror(file) ? errno : 0;
  if (file != stdin)
    fclose(file);
  if (reason) {
    fprintf(stderr, "%s: %s\n", path, strerror(reason));
    free(bytes);
    return nullptr;
  }
  return bytes;
}

int32_t *parseIds(const char *path, const char *text, size_t size, size_t &count) {
  // An id and the blank behind it take at least two bytes.
  int32_t *ids = static_cast<int32_t *>(malloc((size / 2 + 1) * sizeof(int32_t)));
  if (!ids) {
    fprintf(stderr, "%s: %s\n", path, strerror(ENOMEM));
    return nullptr;
  }
  count = 0;
  for (size_t at = 0; at < size;) {
    if (isBlank(text[at])) {
      ++at;
      continue;
    }
    size_t begin = at;
    int64_t id = 0;
    for (; at < size && text[at] >= '0' && text[at] <= '9' && id <= INT32_MAX; ++at)
      id = id * 10 + (text[at] - '0');
    if (at == begin || id > INT32_MAX || (at < size && !isBlank(text[at]))) {
      size_t end = begin;
      while (end < size && !isBlank(text[end]) && end - begin < 32)
        ++end;
      fprintf(stderr, "%s: '%.*s' at byte %zu is no token id\n", path, static_cast<int>(end - begin),
              text + begin, begin);
      free(ids);
      return nullptr;
    }
    ids[count++] = static_cast<int32_t>(id);
  }
  return ids;
}

NpyWriter::~NpyWriter() {
  if (file)
    fclose(file);
  if (file && temporary)
    unlink(temporary);
  free(temporary);
}

bool NpyWriter::complain() const {
  fprintf(stderr, "%s: %s\n", path, strerror(errno));
  return false;
}

/// A file of its own beside `path`, which everybody may read who may read new files.
FILE *NpyWriter::openTemporary() {
  const size_t bytes = strlen(path) + sizeof(".XXXXXX");
  temporary = static_cast<char *>(malloc(bytes));
  if (!temporary)
    return nullptr;
  snprintf(temporary, bytes, "%s.XXXXXX", path);
  const int descriptor = mkstemp(temporary);
  if (descriptor < 0) {
    free(temporary);
    temporary = nullptr;
    return nullptr;
  }
  const mode_t hidden = umask(0);
  umask(hidden);
  fchmod(descriptor, 0666 & ~hidden);
  return fdopen(descriptor, "wb");
}

bool NpyWriter::open(const char *name, uint64_t rows, uint64_t columns) {
  path = name;
  struct stat about;
  const bool whole = stat(path, &about) != 0 || S_ISREG(about.st_mode);
  file = whole ? openTemporary() : fopen(path, "wb");
  if (!file)
    return complain();
  // Magic, version 1.0, length of the dictionary; all together a multiple of 64 that ends with a line break.
  char header[128];
  memset(header, ' ', sizeof(header));
  memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
  int length = snprintf(header + 10, sizeof(header) - 10,
                        "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu64 "), }",
                        rows, columns);
  header[10 + length] = ' ';
  header[sizeof(header) - 1] = '\n';
  return fwrite(header, 1, sizeof(header), file) == sizeof(header) || complain();
}

bool NpyWriter::write(const float *numbers, size_t count) {
  return fwrite(numbers, sizeof(float), count, file) == count || complain();
}

bool NpyWriter::finish() {
  // Closing writes what is still buffered: a full disk may show only here.
  bool closed = fclose(file) == 0;
  file = nullptr;
  if (closed && (!temporary || rename(temporary, path) == 0))
    return true;
  int reason = errno;
  if (temporary)
    unlink(temporary);
  errno = reason;
  return complain();
}

} // namespace gemmac::program
