/* What an emitted object gives to the program's main. */
#include "FakeModel.h"

extern const gemmac_model *const gemmac_program_model;
const gemmac_model *const gemmac_program_model = &fake_model;
