//===- Plane.h - a dense array of stored numbers --------------------------------------------------------===//

#ifndef GEMMAC_CONTRACT_PLANE_H
#define GEMMAC_CONTRACT_PLANE_H

#include <cassert>
#include <cstdint>
#include <vector>

namespace gemmac {

/// Of bf16 and f16 an array holds the bits.
enum class Element : uint8_t { f32, bf16, f16, i8, u8 };

inline int64_t bytesOf(Element element) {
  switch (element) {
  case Element::f32:
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
