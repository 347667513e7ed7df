//===- LoadKernel.h - a kernel compiled for this machine and loaded into this process -------------------===//

#ifndef GEMMAC_BENCHMARKS_LOADKERNEL_H
#define GEMMAC_BENCHMARKS_LOADKERNEL_H

#include "targets/kernels/Kernel.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <span>

namespace gemmac {

/// A loaded kernel. Its arguments are addresses of halide_buffer_t.
struct Kernel {
  int (*function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

  /// A kernel does not look at words beyond its arguments.
  int operator()(std::span<const uint64_t> words) const {
    std::array<uint64_t, 9> w{};
    assert(words.size() <= w.size());
    std::ranges::copy(words, w.begin());
    return function(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]);
  }
  template <typename... Words>
  int operator()(uint64_t word, Words... words) const {
    return (*this)(std::array{word, uint64_t(words)...});
  }
};

/// With the default schedule, if it has none. Prints the kernel's name and how long it took to compile; ends
/// the program where that fails.
Kernel load(KernelSpec spec);

} // namespace gemmac

#endif
