// SPDX-License-Identifier: Apache-2.0
// Four lanes at a time. This file alone is compiled with -mavx2.
#include <immintrin.h>

#include "engine/hash_impl.h"
#include "engine/hash_kernels.h"

namespace osprey {
namespace {

struct Avx2 {
  using Register = __m256i;
  static constexpr size_t kLanes = 4;
  static Register Load(const uint64_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static void Store(uint64_t* p, Register r) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), r);
  }
  static Register Load32(const uint32_t* p) {
    return _mm256_cvtepu32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void Store32(uint32_t* p, Register r) {
    const __m256i packed =
        _mm256_permutevar8x32_epi32(r, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
  }
  static Register Set(uint64_t x) { return _mm256_set1_epi64x(static_cast<int64_t>(x)); }
  static Register Add(Register a, Register b) { return _mm256_add_epi64(a, b); }
  static Register Add32(Register a, Register b) { return _mm256_add_epi32(a, b); }
  static Register Sub32(Register a, Register b) { return _mm256_sub_epi32(a, b); }
  static Register Xor(Register a, Register b) { return _mm256_xor_si256(a, b); }
  static Register Multiply(Register a, Register b) { return _mm256_mul_epu32(a, b); }
  static Register Min32(Register a, Register b) { return _mm256_min_epu32(a, b); }
  static Register ShiftDown(Register a) { return _mm256_srli_epi64(a, 32); }
  static Register High(Register a) { return _mm256_shuffle_epi32(a, 0xF5); }
  template <int kBits>
  static Register Rotate(Register a) {
    if constexpr (kBits == 32) return _mm256_shuffle_epi32(a, 0xB1);
    if constexpr (kBits == 16) {
      const __m256i order = _mm256_broadcastsi128_si256(
          _mm_setr_epi8(6, 7, 0, 1, 2, 3, 4, 5, 14, 15, 8, 9, 10, 11, 12, 13));
      return _mm256_shuffle_epi8(a, order);
    }
    return _mm256_or_si256(_mm256_slli_epi64(a, kBits), _mm256_srli_epi64(a, 64 - kBits));
  }
};

bool HasAvx2() { return __builtin_cpu_supports("avx2") != 0; }

}  // namespace

const HashKernel kAvx2HashKernel = {"avx2", HasAvx2, EncipherLanes<Avx2>, SipHashLanes<Avx2>};

}  // namespace osprey
