//===- Codebooks.h - numbers that importance-matrix formats store together ------------------------------===//
//
// A file has the index of an entry, which is eight or four integers. They are scaled so that they are the
// smallest: CodebookFormats.h says by what.

#ifndef GEMMAC_COMPILER_IMPORT_CODEBOOKS_H
#define GEMMAC_COMPILER_IMPORT_CODEBOOKS_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gemmac {

template <size_t Entries, size_t Numbers>
using Codebook = std::array<std::array<int8_t, Numbers>, Entries>;

extern const Codebook<2048, 8> kCodesOfIq1;   ///< iq1_s and iq1_m: -1, 0, 1
extern const Codebook<256, 8> kCodesOfIq2Xxs; ///< of iq2: 8, 25, 43
extern const Codebook<512, 8> kCodesOfIq2Xs;
extern const Codebook<1024, 8> kCodesOfIq2S;
extern const Codebook<256, 4> kCodesOfIq3Xxs; ///< 2, 6, 10, 14, 18, 22, 26, 31
extern const Codebook<512, 4> kCodesOfIq3S;   ///< 1, 3, … 15

} // namespace gemmac

#endif
