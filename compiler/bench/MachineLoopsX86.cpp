//===- MachineLoopsX86.cpp - loops for x86-64 -----------------------------------------------------------===//

#include "compiler/bench/MachineLoops.h"
#include "runtime/platform/Platform.h"

#include <immintrin.h>
#include <string_view>

namespace gemmac {

// ---- Reading: one or four streams a thread, with or without prefetches; 256 bytes of each stream in turn.

template <int Streams, int Ahead>
__attribute__((target("avx512f"))) static uint64_t read512(const uint8_t *bytes, size_t size) {
  __m512i sums[4];
  for (__m512i &sum : sums)
    sum = _mm512_setzero_si512();
  const size_t part = size / Streams;
  for (size_t i = 0; i < part; i += 256)
    for (int stream = 0; stream < Streams; ++stream) {
      const uint8_t *at = bytes + stream * part + i;
      if (Ahead)
        for (int line = 0; line < 4; ++line)
          _mm_prefetch(reinterpret_cast<const char *>(at) + Ahead + 64 * line, _MM_HINT_T0);
      for (int line = 0; line < 4; ++line)
        sums[line] = _mm512_xor_si512(sums[line], _mm512_load_si512(at + 64 * line));
    }
  __m512i sum = _mm512_xor_si512(_mm512_xor_si512(sums[0], sums[1]), _mm512_xor_si512(sums[2], sums[3]));
  return static_cast<uint64_t>(_mm512_reduce_add_epi64(sum));
}

template <int Streams, int Ahead>
__attribute__((target("avx2"))) static uint64_t read256(const uint8_t *bytes, size_t size) {
  __m256i sums[8];
  for (__m256i &sum : sums)
    sum = _mm256_setzero_si256();
  const size_t part = size / Streams;
  for (size_t i = 0; i < part; i += 256)
    for (int stream = 0; stream < Streams; ++stream) {
      const uint8_t *at = bytes + stream * part + i;
      if (Ahead)
        for (int line = 0; line < 4; ++line)
          _mm_prefetch(reinterpret_cast<const char *>(at) + Ahead + 64 * line, _MM_HINT_T0);
      for (int half = 0; half < 8; ++half)
        sums[half] =
            _mm256_xor_si256(sums[half], _mm256_load_si256(reinterpret_cast<const __m256i *>(at) + half));
    }
  for (int half = 1; half < 8; ++half)
    sums[0] = _mm256_xor_si256(sums[0], sums[half]);
  return static_cast<uint64_t>(_mm256_extract_epi64(sums[0], 0) ^ _mm256_extract_epi64(sums[0], 3));
}

static uint64_t read128(const uint8_t *bytes, size_t size) {
  __m128i sums[4];
  for (__m128i &sum : sums)
    sum = _mm_setzero_si128();
  for (size_t i = 0; i < size; i += 64)
    for (int lane = 0; lane < 4; ++lane)
      sums[lane] =
          _mm_xor_si128(sums[lane], _mm_load_si128(reinterpret_cast<const __m128i *>(bytes + i) + lane));
  __m128i sum = _mm_xor_si128(_mm_xor_si128(sums[0], sums[1]), _mm_xor_si128(sums[2], sums[3]));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(sum));
}

std::vector<ReadLoop> readLoops() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return {read512<1, 0>, read512<1, 4096>, read512<4, 0>, read512<4, 1024>};
  if (__builtin_cpu_supports("avx2"))
    return {read256<1, 0>, read256<1, 4096>, read256<4, 0>, read256<4, 1024>};
  return {read128};
}

// ---- Products: twelve independent accumulators, in assembly, so that the compiler can neither merge nor
// hoist them.

static constexpr long kRounds = 200000;
static constexpr double kAccumulators = 12;

#define GEMMAC_PRODUCT_LOOP(NAME, TARGET, STEP)                                                              \
  __attribute__((target(TARGET), noinline)) static void NAME() {                                             \
    long rounds = kRounds;                                                                                   \
    asm volatile(                                                                                            \
        "vpxor %%xmm14, %%xmm14, %%xmm14\n vpxor %%xmm15, %%xmm15, %%xmm15\n"                                \
        "vpxor %%xmm0, %%xmm0, %%xmm0\n vpxor %%xmm1, %%xmm1, %%xmm1\n vpxor %%xmm2, %%xmm2, %%xmm2\n"       \
        "vpxor %%xmm3, %%xmm3, %%xmm3\n vpxor %%xmm4, %%xmm4, %%xmm4\n vpxor %%xmm5, %%xmm5, %%xmm5\n"       \
        "vpxor %%xmm6, %%xmm6, %%xmm6\n vpxor %%xmm7, %%xmm7, %%xmm7\n vpxor %%xmm8, %%xmm8, %%xmm8\n"       \
        "vpxor %%xmm9, %%xmm9, %%xmm9\n vpxor %%xmm10, %%xmm10, %%xmm10\n vpxor %%xmm11, %%xmm11, %%xmm11\n" \
        ".p2align 5\n1:\n" STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9)   \
            STEP(10) STEP(11) "dec %0\n jnz 1b\n"                                                            \
        : "+r"(rounds)::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",      \
          "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc");                                       \
  }
#define GEMMAC_VNNI512(i) "vpdpbusd %%zmm14, %%zmm15, %%zmm" #i "\n"
#define GEMMAC_VNNI256(i) "%{evex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #i "\n"
#define GEMMAC_AVXVNNI256(i) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #i "\n"
#define GEMMAC_MADDUBS512(i)                                                                                 \
  "vpmaddubsw %%zmm14, %%zmm15, %%zmm12\n vpmaddwd %%zmm14, %%zmm12, %%zmm13\n vpaddd %%zmm13, %%zmm" #i     \
  ", %%zmm" #i "\n"
#define GEMMAC_MADDUBS256(i)                                                                                 \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm12\n vpmaddwd %%ymm14, %%ymm12, %%ymm13\n vpaddd %%ymm13, %%ymm" #i     \
  ", %%ymm" #i "\n"
#define GEMMAC_FMA512(i) "vfmadd231ps %%zmm14, %%zmm15, %%zmm" #i "\n"
#define GEMMAC_FMA256(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"
GEMMAC_PRODUCT_LOOP(vnni512, "avx512f,avx512vnni", GEMMAC_VNNI512)
GEMMAC_PRODUCT_LOOP(vnni256, "avx512f,avx512vl,avx512vnni", GEMMAC_VNNI256)
GEMMAC_PRODUCT_LOOP(avxVnni256, "avx2,avxvnni", GEMMAC_AVXVNNI256)
GEMMAC_PRODUCT_LOOP(maddubs512, "avx512bw", GEMMAC_MADDUBS512)
GEMMAC_PRODUCT_LOOP(maddubs256, "avx2", GEMMAC_MADDUBS256)
GEMMAC_PRODUCT_LOOP(fma512, "avx512f", GEMMAC_FMA512)
GEMMAC_PRODUCT_LOOP(fma256, "avx2,fma", GEMMAC_FMA256)

/// Tiles of 16 rows by 64 bytes, four independent accumulators.
__attribute__((target("amx-tile,amx-int8"), noinline)) static void tiles() {
  struct {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytesOfRow[16] = {64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16};
  } config;
  static_assert(sizeof config == 64);
  long rounds = kRounds;
#define GEMMAC_TILES(i) "tdpbssd %%tmm5, %%tmm4, %%tmm" #i "\n"
#define GEMMAC_FOUR_TILES GEMMAC_TILES(0) GEMMAC_TILES(1) GEMMAC_TILES(2) GEMMAC_TILES(3)
  asm volatile("ldtilecfg %1\n"
               "tilezero %%tmm0\n tilezero %%tmm1\n tilezero %%tmm2\n tilezero %%tmm3\n"
               "tilezero %%tmm4\n tilezero %%tmm5\n"
               ".p2align 5\n1:\n" GEMMAC_FOUR_TILES GEMMAC_FOUR_TILES GEMMAC_FOUR_TILES
               "dec %0\n jnz 1b\n tilerelease\n"
               : "+r"(rounds)
               : "m"(config)
               : "cc");
}

static bool has(std::string_view feature) {
  return platform::cpuFeature(feature.data(), feature.size()) == platform::Feature::present;
}

static ProductLoop loopOf(void (*run)(), double productsOfAnInstruction) {
  return {run, kRounds * kAccumulators * productsOfAnInstruction};
}

std::vector<ProductLoop> integerLoops() {
  __builtin_cpu_init();
  std::vector<ProductLoop> loops;
  if (has("amx-tile") && has("amx-int8"))
    loops.push_back(loopOf(tiles, 16 * 16 * 64));
  if (__builtin_cpu_supports("avx512vnni"))
    loops.push_back(loopOf(vnni512, 64));
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"))
    loops.push_back(loopOf(vnni256, 32));
  if (has("avxvnni"))
    loops.push_back(loopOf(avxVnni256, 32));
  if (__builtin_cpu_supports("avx512bw"))
    loops.push_back(loopOf(maddubs512, 64));
  if (__builtin_cpu_supports("avx2"))
    loops.push_back(loopOf(maddubs256, 32));
  return loops;
}

std::vector<ProductLoop> floatLoops() {
  __builtin_cpu_init();
  std::vector<ProductLoop> loops;
  if (__builtin_cpu_supports("avx512f"))
    loops.push_back(loopOf(fma512, 16));
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    loops.push_back(loopOf(fma256, 8));
  return loops;
}

} // namespace gemmac
