// What the CPU can do, from CPUID on x86-64 and from the kernel's hardware capabilities on 64-bit ARM.

#include "runtime/platform/Platform.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace gemmac::platform {

template <typename Row, size_t Count>
static const Row *findRow(const Row (&rows)[Count], const char *name, size_t length) {
  for (const Row &row : rows)
    if (strlen(row.name) == length && memcmp(row.name, name, length) == 0)
      return &row;
  return nullptr;
}

#if defined(__x86_64__)

const char *cpuFamily() {
  return "x86-64";
}

namespace {
enum Register { eax, ebx, ecx, edx };

/// State that the system must save when it switches threads, as bits of XCR0.
enum State : uint64_t { none = 0, avx = 0x6, avx512 = 0xe6, amx = 0x60000 };

struct Row {
  const char *name;
  uint32_t leaf, subleaf;
  Register where;
  int bit;
  State state;
};
} // namespace

static constexpr Row kFeatures[] = {
    {"sse2", 1, 0, edx, 26, none},
    {"sse3", 1, 0, ecx, 0, none},
    {"ssse3", 1, 0, ecx, 9, none},
    {"sse4.1", 1, 0, ecx, 19, none},
    {"sse4.2", 1, 0, ecx, 20, none},
    {"sse4a", 0x80000001, 0, ecx, 6, none},
    {"popcnt", 1, 0, ecx, 23, none},
    {"movbe", 1, 0, ecx, 22, none},
    {"lzcnt", 0x80000001, 0, ecx, 5, none},
    {"bmi", 7, 0, ebx, 3, none},
    {"bmi2", 7, 0, ebx, 8, none},
    {"avx", 1, 0, ecx, 28, avx},
    {"avx2", 7, 0, ebx, 5, avx},
    {"fma", 1, 0, ecx, 12, avx},
    {"f16c", 1, 0, ecx, 29, avx},
    {"gfni", 7, 0, ecx, 8, none},
    {"vaes", 7, 0, ecx, 9, avx},
    {"vpclmulqdq", 7, 0, ecx, 10, avx},
    {"avxvnni", 7, 1, eax, 4, avx},
    {"avxifma", 7, 1, eax, 23, avx},
    {"avxvnniint8", 7, 1, edx, 4, avx},
    {"avx512f", 7, 0, ebx, 16, avx512},
    {"avx512dq", 7, 0, ebx, 17, avx512},
    {"avx512ifma", 7, 0, ebx, 21, avx512},
    {"avx512cd", 7, 0, ebx, 28, avx512},
    {"avx512bw", 7, 0, ebx, 30, avx512},
    {"avx512vl", 7, 0, ebx, 31, avx512},
    {"avx512vbmi", 7, 0, ecx, 1, avx512},
    {"avx512vbmi2", 7, 0, ecx, 6, avx512},
    {"avx512vnni", 7, 0, ecx, 11, avx512},
    {"avx512bitalg", 7, 0, ecx, 12, avx512},
    {"avx512vpopcntdq", 7, 0, ecx, 14, avx512},
    {"avx512bf16", 7, 1, eax, 5, avx512},
    {"avx512fp16", 7, 0, edx, 23, avx512},
    {"amx-bf16", 7, 0, edx, 22, amx},
    {"amx-tile", 7, 0, edx, 24, amx},
    {"amx-int8", 7, 0, edx, 25, amx},
};

static uint64_t savedState() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27))) // OSXSAVE
    return 0;
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

/// Linux grants the AMX tile registers (8 KiB of saved state per thread) to a process on request.
static bool mayUseTiles() {
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023, kTileData = 18; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return true;
#endif
}

Feature cpuFeature(const char *name, size_t length) {
  const Row *row = findRow(kFeatures, name, length);
  if (!row)
    return Feature::unknown;
  uint32_t registers[4];
  if (!__get_cpuid_count(row->leaf, row->subleaf, &registers[eax], &registers[ebx], &registers[ecx],
                         &registers[edx]))
    return Feature::absent;
  bool present = registers[row->where] >> row->bit & 1;
  present = present && (savedState() & row->state) == row->state;
  return present && (row->state != amx || mayUseTiles()) ? Feature::present : Feature::absent;
}

#elif defined(__aarch64__)

const char *cpuFamily() {
  return "AArch64";
}

namespace {
struct Row {
  const char *name;
  unsigned long capabilities; ///< AT_HWCAP or AT_HWCAP2
  unsigned long bits;
};
} // namespace

#if defined(__linux__)
// Bits as in Linux's asm/hwcap.h, spelled out since older headers lack the newer ones.
static constexpr Row kFeatures[] = {
    {"neon", AT_HWCAP, 1ul << 1},      {"asimd", AT_HWCAP, 1ul << 1},
    {"aes", AT_HWCAP, 1ul << 3},       {"crc", AT_HWCAP, 1ul << 7},
    {"crc32", AT_HWCAP, 1ul << 7},     {"lse", AT_HWCAP, 1ul << 8},
    {"atomics", AT_HWCAP, 1ul << 8},   {"fullfp16", AT_HWCAP, 1ul << 9 | 1ul << 10},
    {"fphp", AT_HWCAP, 1ul << 9},      {"asimdhp", AT_HWCAP, 1ul << 10},
    {"asimdrdm", AT_HWCAP, 1ul << 12}, {"rdm", AT_HWCAP, 1ul << 12},
    {"asimddp", AT_HWCAP, 1ul << 20},  {"dotprod", AT_HWCAP, 1ul << 20},
    {"sve", AT_HWCAP, 1ul << 22},      {"asimdfhm", AT_HWCAP, 1ul << 23},
    {"fp16fml", AT_HWCAP, 1ul << 23},  {"sve2", AT_HWCAP2, 1ul << 1},
    {"svei8mm", AT_HWCAP2, 1ul << 9},  {"i8mm", AT_HWCAP2, 1ul << 13},
    {"bf16", AT_HWCAP2, 1ul << 14},    {"sme", AT_HWCAP2, 1ul << 23},
};

Feature cpuFeature(const char *name, size_t length) {
  const Row *row = findRow(kFeatures, name, length);
  if (!row)
    return Feature::unknown;
  return (getauxval(row->capabilities) & row->bits) == row->bits ? Feature::present : Feature::absent;
}
#else
// NEON is part of the architecture; other features are reported by the OS.
static constexpr Row kFeatures[] = {{"neon", 0, 0}, {"asimd", 0, 0}};

Feature cpuFeature(const char *name, size_t length) {
  return findRow(kFeatures, name, length) ? Feature::present : Feature::unknown;
}
#endif

#endif

} // namespace gemmac::platform
