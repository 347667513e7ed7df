//===- ContractStructs.h - the structs of model.h, field by field ---------------------------------------===//
//
// Emitted code reads and fills the C structs of model.h. The tables below list their fields, and static
// assertions compare the host's offsets with LLVM's layout of such a struct, where each field is at the next
// multiple of its size. On a target, its data layout gives the offsets: pointers may be shorter there.

#ifndef GEMMAC_TARGETS_EMIT_CONTRACTSTRUCTS_H
#define GEMMAC_TARGETS_EMIT_CONTRACTSTRUCTS_H

#include "runtime/include/gemmac/model.h"

#include <cstddef>
#include <iterator>
#include <type_traits>

namespace gemmac {

enum class FieldKind { pointer, i32, i64 };

struct ContractField {
  FieldKind kind;
  size_t offset;
};

template <typename T>
constexpr FieldKind kindOf() {
  if constexpr (std::is_pointer_v<T>) {
    return FieldKind::pointer;
  } else {
    static_assert(std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                  "a kind of field that is emitted");
    return sizeof(T) == 4 ? FieldKind::i32 : FieldKind::i64;
  }
}

#define GEMMAC_FIELD(type, name)                                                                             \
  ContractField {                                                                                            \
    kindOf<decltype(type::name)>(), offsetof(type, name)                                                     \
  }

inline constexpr ContractField kPortFields[] = {
    GEMMAC_FIELD(gemmac_port, name), GEMMAC_FIELD(gemmac_port, shape), GEMMAC_FIELD(gemmac_port, element),
    GEMMAC_FIELD(gemmac_port, rank)};

inline constexpr ContractField kEntryFields[] = {
    GEMMAC_FIELD(gemmac_entry, name),          GEMMAC_FIELD(gemmac_entry, inputs),
    GEMMAC_FIELD(gemmac_entry, outputs),       GEMMAC_FIELD(gemmac_entry, input_count),
    GEMMAC_FIELD(gemmac_entry, output_count),  GEMMAC_FIELD(gemmac_entry, tokens),
    GEMMAC_FIELD(gemmac_entry, max_sequences), GEMMAC_FIELD(gemmac_entry, max_tokens),
    GEMMAC_FIELD(gemmac_entry, arena_bytes),   GEMMAC_FIELD(gemmac_entry, run)};

inline constexpr ContractField kModelFields[] = {
    GEMMAC_FIELD(gemmac_model, version),       GEMMAC_FIELD(gemmac_model, vocab_size),
    GEMMAC_FIELD(gemmac_model, context),       GEMMAC_FIELD(gemmac_model, max_tokens),
    GEMMAC_FIELD(gemmac_model, ring),          GEMMAC_FIELD(gemmac_model, rewind),
    GEMMAC_FIELD(gemmac_model, arena_bytes),   GEMMAC_FIELD(gemmac_model, cache_bytes),
    GEMMAC_FIELD(gemmac_model, weights_bytes), GEMMAC_FIELD(gemmac_model, fingerprint),
    GEMMAC_FIELD(gemmac_model, name),          GEMMAC_FIELD(gemmac_model, target),
    GEMMAC_FIELD(gemmac_model, cpu_features),  GEMMAC_FIELD(gemmac_model, entries),
    GEMMAC_FIELD(gemmac_model, entry_count),   GEMMAC_FIELD(gemmac_model, call_count)};

inline constexpr ContractField kSequenceFields[] = {GEMMAC_FIELD(gemmac_sequence, cache),
                                                    GEMMAC_FIELD(gemmac_sequence, position),
                                                    GEMMAC_FIELD(gemmac_sequence, count)};

inline constexpr ContractField kStepFields[] = {
    GEMMAC_FIELD(gemmac_step, entry),          GEMMAC_FIELD(gemmac_step, weights),
    GEMMAC_FIELD(gemmac_step, arena),          GEMMAC_FIELD(gemmac_step, sequences),
    GEMMAC_FIELD(gemmac_step, sequence_count), GEMMAC_FIELD(gemmac_step, count),
    GEMMAC_FIELD(gemmac_step, inputs),         GEMMAC_FIELD(gemmac_step, outputs),
    GEMMAC_FIELD(gemmac_step, parallel),       GEMMAC_FIELD(gemmac_step, pool)};

/// Do these fields, in this order, cover the struct without a gap where a field may have been forgotten?
template <size_t count>
constexpr bool isWhole(const ContractField (&fields)[count], size_t bytes) {
  size_t end = 0;
  for (const ContractField &field : fields) {
    size_t size = field.kind == FieldKind::i32 ? 4 : 8;
    if (field.offset != end || end % size)
      return false;
    end += size;
  }
  return end == bytes;
}
static_assert(sizeof(void *) == 8, "pointers have 64 bits");
static_assert(isWhole(kPortFields, sizeof(gemmac_port)));
static_assert(isWhole(kEntryFields, sizeof(gemmac_entry)));
static_assert(isWhole(kModelFields, sizeof(gemmac_model)));
static_assert(isWhole(kSequenceFields, sizeof(gemmac_sequence)));
static_assert(isWhole(kStepFields, sizeof(gemmac_step)));

/// The index of the field at this offset: `fieldAt(kStepFields, offsetof(gemmac_step, arena))`.
template <size_t count>
consteval int32_t fieldAt(const ContractField (&fields)[count], size_t offset) {
  for (size_t i = 0; i < count; ++i)
    if (fields[i].offset == offset)
      return static_cast<int32_t>(i);
  throw "no field is there";
}

} // namespace gemmac

#endif
