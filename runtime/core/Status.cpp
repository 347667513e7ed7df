#include "runtime/core/Status.h"

#include <stdarg.h>
#include <stdio.h>

gemmac_status gemmac::fail(gemmac_error *error, gemmac_status status, const char *format, ...) {
  if (!error)
    return status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof(error->text), format, arguments);
  va_end(arguments);
  // Names come from untrusted files, and messages go to terminals.
  for (char *c = error->text; *c; ++c)
    if (static_cast<unsigned char>(*c) < ' ' || *c == 0x7f)
      *c = '?';
  return status;
}

const char *gemmac_status_name(gemmac_status status) {
  switch (status) {
  case GEMMAC_OK:
    return "ok";
  case GEMMAC_INVALID_ARGUMENT:
    return "invalid argument";
  case GEMMAC_FILE_ERROR:
    return "file error";
  case GEMMAC_CORRUPT:
    return "corrupt package";
  case GEMMAC_VERSION_MISMATCH:
    return "version mismatch";
  case GEMMAC_WRONG_PACKAGE:
    return "wrong package";
  case GEMMAC_UNSUPPORTED_CPU:
    return "unsupported CPU";
  case GEMMAC_OUT_OF_MEMORY:
    return "out of memory";
  case GEMMAC_CONTEXT_FULL:
    return "context full";
  case GEMMAC_CANCELLED:
    return "cancelled";
  case GEMMAC_BUFFER_TOO_SMALL:
    return "buffer too small";
  case GEMMAC_NO_PROMPT:
    return "no prompt";
  case GEMMAC_BAD_LOGITS:
    return "bad logits";
  case GEMMAC_BUSY:
    return "busy";
  case GEMMAC_OVERWRITTEN:
    return "overwritten";
  }
  return "unknown status";
}

const char *gemmac_finish_name(gemmac_finish finish) {
  switch (finish) {
  case GEMMAC_FINISH_LENGTH:
    return "limit";
  case GEMMAC_FINISH_STOP:
    return "stop";
  case GEMMAC_FINISH_CONTEXT:
    return "context full";
  case GEMMAC_FINISH_CALLBACK:
    return "callback";
  case GEMMAC_FINISH_CANCELLED:
    return "cancelled";
  case GEMMAC_FINISH_BAD_LOGITS:
    return "bad logits";
  }
  return "unknown reason";
}
