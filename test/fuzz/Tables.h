//===- Tables.h - what the runtime does with tables of a tokenizer --------------------------------------===//

#ifndef GEMMAC_TEST_FUZZ_TABLES_H
#define GEMMAC_TEST_FUZZ_TABLES_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gemmac::test {

/// Opens a buffer whose root is the table of runtime/format/tokenizer.fbs and encodes and decodes a text with
/// it, in every way. False if the tables are refused. Calls that contradict each other are findings; wrong
/// ids are not, since damaged tables may give them.
bool useTables(const uint8_t *tables, size_t size, std::string_view text);

} // namespace gemmac::test

#endif
