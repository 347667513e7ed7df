//===- CacheLayout.cpp - how keys and values are laid out in a cache ------------------------------------===//

#include "contract/CacheLayout.h"

#include <algorithm>
#include <cassert>

namespace gemmac {

std::vector<Plane> cachePlanesOf(Scheme scheme, int64_t slots, int64_t heads, int64_t dim, int64_t pairs) {
  assert(rowOf(scheme).caches && "keys and values are stored so");
  Element element = rowOf(scheme).element;
  int64_t spans = spansOf(slots), strip = stripOf(dim), beside = neighboursOf(scheme, pairs);
  Plane all{element, {spans, heads, kSpan / kGroup, dim / beside, kGroup * beside}};
  std::vector<Plane> planes = {all, {element, {spans, heads, dim / strip, kSpan / beside, strip * beside}}};
  if (pairs) {
    planes = {all, all};
    planes[0].shape[3] = 2 * pairs;
  }
  if (isQuantized(scheme))
    planes.insert(planes.end(), 2, {Element::f32, {spans, heads, kSpan}});
  return planes;
}

} // namespace gemmac
