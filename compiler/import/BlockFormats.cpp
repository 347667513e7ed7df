//===- BlockFormats.cpp - how files store numbers -------------------------------------------------------===//

#include "compiler/import/BlockFormats.h"
#include <algorithm>
#include <iterator>

namespace gemmac {
namespace {

const BlockFormat kFormats[] = {
    {"f32", 1, 4, nullptr},       {"f16", 1, 2, nullptr},      {"bf16", 1, 2, nullptr},
    {"q4_0", 32, 18, nullptr},    {"q4_1", 32, 20, nullptr},   {"q5_0", 32, 22, nullptr},
    {"q5_1", 32, 24, nullptr},    {"q8_0", 32, 34, nullptr},   {"q8_1", 32, 36, nullptr},
    {"q2_k", 256, 84, nullptr},   {"q3_k", 256, 110, nullptr}, {"q4_k", 256, 144, nullptr},
    {"q5_k", 256, 176, nullptr},  {"q6_k", 256, 210, nullptr}, {"q8_k", 256, 292, nullptr},
    {"iq1_s", 256, 50, nullptr},  {"iq1_m", 256, 56, nullptr}, {"iq2_xxs", 256, 66, nullptr},
    {"iq2_xs", 256, 74, nullptr}, {"iq2_s", 256, 82, nullptr}, {"iq3_xxs", 256, 98, nullptr},
    {"iq3_s", 256, 110, nullptr}, {"iq4_nl", 32, 18, nullptr}, {"iq4_xs", 256, 136, nullptr},
    {"tq1_0", 256, 54, nullptr},  {"tq2_0", 256, 66, nullptr}, {"mxfp4", 32, 17, nullptr},
    {"i8", 1, 1, nullptr},        {"i16", 1, 2, nullptr},      {"i32", 1, 4, nullptr},
    {"i64", 1, 8, nullptr},       {"f64", 1, 8, nullptr},
};

} // namespace

const BlockFormat *findBlockFormat(std::string_view scheme) {
  const auto *found = std::ranges::find(kFormats, scheme, &BlockFormat::scheme);
  return found == std::end(kFormats) ? nullptr : found;
}

} // namespace gemmac
