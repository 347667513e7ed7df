/* What an emitted object gives to the program's main. GEMMAC_FAKE_SLOW makes every step last a tenth of a
 * second. */
#include "FakeModel.h"

#include <stdlib.h>
#include <time.h>

extern const gemmac_model *const gemmac_program_model;
const gemmac_model *const gemmac_program_model = &fake_model;

static void wait(void) {
  struct timespec tenth = {0, 100 * 1000 * 1000};
  nanosleep(&tenth, 0);
}

__attribute__((constructor)) static void readSpeed(void) {
  if (getenv("GEMMAC_FAKE_SLOW"))
    fake_on_step = wait;
}
