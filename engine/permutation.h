// SPDX-License-Identifier: Apache-2.0
#pragma once
// A keyed bijection on [0, size): the order in which targets are probed. Neighbouring positions
// give addresses far apart, so no network sees more than its share at a time; the state is the key
// alone, so any position can be computed, resumed or given to another machine.
//
// Algorithm: a Feistel network over the smallest 2^b >= size, split into two parts of b/2 and
// b - b/2 bits (unequal if b is odd, so that at most half of the domain lies outside), with
// kRounds rounds; a value outside [0, size) is enciphered again until it falls inside ("cycle
// walking", Black and Rogaway 2002: keeps the bijection, costs less than two passes on average).
// The round function is multiply, fold, multiply with per-round keys from SipHash. Not a cipher
// against an adversary: it must only look uniform, which the tests check.
//
// Immutable; any thread may call; no method allocates.

#include <array>
#include <cstdint>

#include "engine/random.h"

namespace osprey {

class Permutation {
 public:
  // REQUIRES: size <= 2^32. A permutation of size 0 has no valid argument.
  Permutation(uint64_t size, const HashKey& key);

  uint64_t size() const noexcept { return size_; }

  // The element at `position`. REQUIRES: position < size().
  uint32_t Forward(uint32_t position) const noexcept;
  // The position of `element`: Inverse(Forward(i)) == i. REQUIRES: element < size().
  uint32_t Inverse(uint32_t element) const noexcept;

 private:
  static constexpr int kRounds = 6;

  struct RoundKey {
    uint64_t add;
    uint64_t multiply;  // odd
  };

  uint32_t Encipher(uint32_t value) const noexcept;
  uint32_t Decipher(uint32_t value) const noexcept;

  uint64_t size_;
  uint32_t low_bits_;  // of the low part; the high part has as many or one more
  uint32_t low_mask_;
  uint32_t high_mask_;  // not shifted
  std::array<RoundKey, kRounds> keys_;
};

}  // namespace osprey
