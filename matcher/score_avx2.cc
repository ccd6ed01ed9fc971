// SPDX-License-Identifier: Apache-2.0
// 256 references at a time. This file alone is compiled with -mavx2 -mpopcnt.
#include <immintrin.h>

#include "matcher/score_impl.h"

namespace osprey::matcher {
namespace {

struct Avx2 {
  using Register = __m256i;
  static constexpr size_t kWords = 4;
  static constexpr size_t kGroup = 4;
  static Register Load(const uint64_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void Store(uint64_t* p, Register r) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), r);
  }
  static Register Zero() { return _mm256_setzero_si256(); }
  static Register Ones() { return _mm256_set1_epi8(-1); }
  static Register And(Register a, Register b) { return _mm256_and_si256(a, b); }
  static Register Xor(Register a, Register b) { return _mm256_xor_si256(a, b); }
  static Register Sum(Register a, Register b, Register c) { return Xor(a, Xor(b, c)); }
  static Register Carry(Register a, Register b, Register c) {
    return _mm256_or_si256(And(a, b), And(c, Xor(a, b)));
  }
  static Register Or(Register a, Register b) { return _mm256_or_si256(a, b); }
  static Register Borrow(Register a, Register b, Register c) {
    return Or(_mm256_andnot_si256(a, b), _mm256_andnot_si256(Xor(a, b), c));
  }
  static Register AtLeastStep(Register so_far, Register a, Register b) {
    return _mm256_or_si256(_mm256_andnot_si256(b, a), _mm256_andnot_si256(Xor(a, b), so_far));
  }
  static Register Broadcast(uint64_t x) { return _mm256_set1_epi64x(static_cast<int64_t>(x)); }
  static Register CountIfBelow(Register n, Register a, Register b) {
    return _mm256_sub_epi64(n, _mm256_cmpgt_epi64(b, a));
  }
  static __m256d Doubles(const uint16_t* numbers) {
    const __m128i words = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(numbers));
    return _mm256_cvtepi32_pd(_mm_cvtepu16_epi32(words));
  }
  static void Distances(const uint16_t* matched, const uint16_t* possible, uint64_t* out) {
    const __m256d accuracy = _mm256_div_pd(Doubles(matched), Doubles(possible));
    const __m256d reaches =  // false where nothing is possible
        _mm256_cmp_pd(accuracy, _mm256_set1_pd(kLevelTable[0].accuracy), _CMP_GE_OQ);
    const __m256i distance = _mm256_sub_epi64(Broadcast(kOneBits), _mm256_castpd_si256(accuracy));
    Store(out, _mm256_blendv_epi8(Broadcast(kFarDistance), distance, _mm256_castpd_si256(reaches)));
  }
};

// Each lane picks its own bit out of sixteen.
__m256i LaneBits() {
  return _mm256_setr_epi16(1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8,
                           1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14,
                           static_cast<int16_t>(0x8000));
}

// Sixteen numbers at a time: spread 16 bits over 16 lanes and pick each lane's own.
void SpreadAvx2(const uint64_t* planes, size_t plane_count, uint16_t* numbers) noexcept {
  const __m256i pick = LaneBits();
  for (size_t i = 0; i < kBlockBits; i += 16) {
    __m256i sum = _mm256_setzero_si256();
    for (size_t k = 0; k < plane_count; ++k) {
      const auto bits = static_cast<int16_t>(planes[k * kBlockWords + i / 64] >> (i % 64));
      const __m256i chosen = _mm256_and_si256(_mm256_set1_epi16(bits), pick);
      const __m256i is_set = _mm256_cmpeq_epi16(chosen, pick);
      sum = _mm256_or_si256(
          sum, _mm256_and_si256(is_set, _mm256_set1_epi16(static_cast<int16_t>(1u << k))));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(numbers + i), sum);
  }
}

bool HasAvx2() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0;
}

}  // namespace

const Kernel kAvx2Kernel = {"avx2",    HasAvx2,      Add<Avx2>,        Select<Avx2>, SpreadAvx2,
                            CountBits, ToKeys<Avx2>, CountBelow<Avx2>, Order<Avx2>};

}  // namespace osprey::matcher
