//===- FakeTexts.h - token ids for the fake model, and those that it generates --------------------------===//

#ifndef GEMMAC_TEST_RUNTIME_FAKETEXTS_H
#define GEMMAC_TEST_RUNTIME_FAKETEXTS_H

#include "FakeModel.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gemmac::test {

/// `count` ids of the fake vocabulary, the same on every run.
inline std::vector<int32_t> firstIds(int count) {
  std::vector<int32_t> ids(count);
  for (int i = 0; i < count; ++i)
    ids[i] = (i * 5 + 3) % FAKE_VOCAB;
  return ids;
}

/// For gemmac_generate: appends each id to the std::vector<int32_t> at `user`, and goes on. Text that was
/// held back until the end comes without an id.
inline int collect(void *user, int32_t id, const char *, size_t) {
  if (id >= 0)
    static_cast<std::vector<int32_t> *>(user)->push_back(id);
  return 0;
}

} // namespace gemmac::test

#endif
