//===- FiniteNumbers.h - where a checkpoint holds NaN or an infinity ------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_FINITENUMBERS_H
#define GEMMAC_COMPILER_IMPORT_FINITENUMBERS_H

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace gemmac {

/// The index of the first number that is NaN or infinite; nothing if all are finite.
std::optional<int64_t> firstNotFinite(std::span<const float> numbers);

/// The same of numbers as a file stores them: whole blocks of a scheme that can be read. Of blocks whose
/// scales are known to lie at fixed offsets only these are looked at, so that this takes less time than
/// copying.
std::optional<int64_t> firstNotFinite(std::string_view scheme, std::span<const uint8_t> blocks);

} // namespace gemmac

#endif
