// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rounds of engine/permutation.h on one number: a generalized Feistel network on the pairs
// (low, high) with low < low_range and high < high_range. Apart from the permutation, so that the
// kernels that take many numbers at a time (engine/hash_kernels.h) share its key and meaning.
//
// Pure functions; any thread.

#include <cstddef>
#include <cstdint>

namespace osprey {

struct FeistelKey {
  static constexpr int kRounds = 6;

  struct Round {
    uint64_t add = 0;
    uint64_t multiply = 1;  // odd
  };

  uint32_t low_range = 2;         // 2 .. 2^16
  uint32_t high_range = 1;        // 1 .. 2^16
  uint64_t inverse = 1ull << 63;  // of low_range: ceil(2^64 / low_range), as in base/divider.h
  Round rounds[kRounds];
};

// A number below `range` that depends on all bits of `half`, which is less than 2^16.
constexpr uint32_t FeistelMix(uint32_t half, const FeistelKey::Round& key, uint32_t range) {
  uint64_t x = (half + key.add) * key.multiply;
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15;  // 2^64 / golden ratio, odd
  return static_cast<uint32_t>((x >> 32) * range >> 32);
}

// Both arguments are below `range`.
constexpr uint32_t AddModulo(uint32_t x, uint32_t y, uint32_t range) {
  const uint32_t sum = x + y;
  return sum >= range ? sum - range : sum;
}
constexpr uint32_t SubtractModulo(uint32_t x, uint32_t y, uint32_t range) {
  return x >= y ? x - y : x + range - y;
}

// REQUIRES: value < low_range * high_range. So is the result.
constexpr uint32_t Encipher(const FeistelKey& key, uint32_t value) {
  __extension__ using Wide = unsigned __int128;
  auto high = static_cast<uint32_t>(Wide{key.inverse} * value >> 64);
  uint32_t low = value - high * key.low_range;
  for (size_t round = 0; round < FeistelKey::kRounds; round += 2) {
    high = AddModulo(high, FeistelMix(low, key.rounds[round], key.high_range), key.high_range);
    low = AddModulo(low, FeistelMix(high, key.rounds[round + 1], key.low_range), key.low_range);
  }
  return high * key.low_range + low;
}

// Encipher's inverse.
constexpr uint32_t Decipher(const FeistelKey& key, uint32_t value) {
  uint32_t high = value / key.low_range;
  uint32_t low = value % key.low_range;
  for (size_t round = FeistelKey::kRounds; round > 0; round -= 2) {
    low =
        SubtractModulo(low, FeistelMix(high, key.rounds[round - 1], key.low_range), key.low_range);
    high = SubtractModulo(high, FeistelMix(low, key.rounds[round - 2], key.high_range),
                          key.high_range);
  }
  return high * key.low_range + low;
}

}  // namespace osprey
