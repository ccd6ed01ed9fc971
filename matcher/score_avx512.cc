// SPDX-License-Identifier: Apache-2.0
// 512 references at a time; a full adder is two instructions (ternary logic). This file alone is
// compiled with -mavx512f -mavx512bw -mpopcnt.
#include <immintrin.h>

#include "matcher/score_impl.h"

namespace osprey::matcher {
namespace {

struct Avx512 {
  using Register = __m512i;
  static constexpr size_t kWords = 8;
  static constexpr size_t kGroup = 2;
  static Register Load(const uint64_t* p) { return _mm512_loadu_si512(p); }
  static void Store(uint64_t* p, Register r) { _mm512_storeu_si512(p, r); }
  static Register Zero() { return _mm512_setzero_si512(); }
  static Register Ones() { return _mm512_set1_epi32(-1); }
  static Register And(Register a, Register b) { return _mm512_and_si512(a, b); }
  static Register Xor(Register a, Register b) { return _mm512_xor_si512(a, b); }
  static Register Sum(Register a, Register b, Register c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
  }
  static Register Carry(Register a, Register b, Register c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0xE8);
  }
  static Register Or(Register a, Register b) { return _mm512_or_si512(a, b); }
  // (~a & b) | (c & ~(a ^ b)), with a, b, c as bits 2, 1, 0 of the table's index.
  static Register Borrow(Register a, Register b, Register c) {
    return _mm512_ternarylogic_epi64(a, b, c, 0x8E);
  }
  // (a & ~b) | (so_far & ~(a ^ b)) for so_far, a, b as bits 2, 1, 0 of the table's index.
  static Register AtLeastStep(Register so_far, Register a, Register b) {
    return _mm512_ternarylogic_epi64(so_far, a, b, 0xD4);
  }
  static Register Broadcast(uint64_t x) { return _mm512_set1_epi64(static_cast<int64_t>(x)); }
  static Register CountIfBelow(Register n, Register a, Register b) {
    return _mm512_mask_add_epi64(n, _mm512_cmplt_epu64_mask(a, b), n, _mm512_set1_epi64(1));
  }
  static __m512d Doubles(const uint16_t* numbers) {
    const __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers));
    // With a mask, as GCC 12 warns about its own header's plain form.
    return _mm512_maskz_cvtepi32_pd(0xFF, _mm256_cvtepu16_epi32(words));
  }
  static void Distances(const uint16_t* matched, const uint16_t* possible, uint64_t* out) {
    const __m512d accuracy = _mm512_div_pd(Doubles(matched), Doubles(possible));
    const __mmask8 reaches =  // false where nothing is possible
        _mm512_cmp_pd_mask(accuracy, _mm512_set1_pd(kLevelTable[0].accuracy), _CMP_GE_OQ);
    Store(out, _mm512_mask_sub_epi64(Broadcast(kFarDistance), reaches, Broadcast(kOneBits),
                                     _mm512_castpd_si512(accuracy)));
  }
};

void SpreadAvx512(const uint64_t* planes, size_t plane_count, uint16_t* numbers) noexcept {
  for (size_t i = 0; i < kBlockBits; i += 32) {
    __m512i sum = _mm512_setzero_si512();
    for (size_t k = 0; k < plane_count; ++k) {
      const auto bits = static_cast<__mmask32>(planes[k * kBlockWords + i / 64] >> (i % 64));
      const __m512i bit = _mm512_maskz_set1_epi16(bits, static_cast<int16_t>(1u << k));
      sum = _mm512_or_si512(sum, bit);
    }
    _mm512_storeu_si512(numbers + i, sum);
  }
}

bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("popcnt") != 0;
}

}  // namespace

const Kernel kAvx512Kernel = {"avx512",       HasAvx512,          Add<Avx512>,
                              Select<Avx512>, SpreadAvx512,       CountBits,
                              ToKeys<Avx512>, CountBelow<Avx512>, Order<Avx512>};

}  // namespace osprey::matcher
