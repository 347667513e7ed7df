//===- Plane.h - a dense array of stored numbers --------------------------------------------------------===//

#ifndef GEMMAC_CONTRACT_PLANE_H
#define GEMMAC_CONTRACT_PLANE_H

#include <cassert>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gemmac {

/// The type of stored numbers. bf16 and f16 are kept as bit patterns. Weights and caches have no i32.
enum class Element : uint8_t { f32, bf16, f16, i8, u8, i32 };

inline int64_t bytesOf(Element element) {
  switch (element) {
  case Element::f32:
  case Element::i32:
    return 4;
  case Element::bf16:
  case Element::f16:
    return 2;
  case Element::i8:
  case Element::u8:
    return 1;
  }
  assert(false && "all elements are listed");
  return 0;
}

inline std::string_view nameOf(Element element) {
  switch (element) {
  case Element::f32:
    return "f32";
  case Element::bf16:
    return "bf16";
  case Element::f16:
    return "f16";
  case Element::i8:
    return "i8";
  case Element::u8:
    return "u8";
  case Element::i32:
    return "i32";
  }
  assert(false && "all elements are listed");
  return "";
}

struct Plane {
  Element element;
  std::vector<int64_t> shape; ///< slowest axis first

  int64_t bytes() const {
    int64_t count = bytesOf(element);
    for (int64_t size : shape)
      count *= size;
    return count;
  }
};

} // namespace gemmac

#endif
