// SPDX-License-Identifier: Apache-2.0
#include "engine/permutation.h"

#include <bit>

#include "base/check.h"

namespace osprey {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 32;

// 32 well-mixed bits of a part of at most 16 bits.
uint32_t Mix(uint32_t part, uint64_t add, uint64_t multiply) noexcept {
  uint64_t x = (part + add) * multiply;
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15;  // 2^64 / golden ratio, odd
  return static_cast<uint32_t>(x >> 32);
}

}  // namespace

Permutation::Permutation(uint64_t size, const HashKey& key) : size_(size) {
  OSPREY_CHECK(size <= kMaxSize);
  const auto bits = static_cast<uint32_t>(size <= 1 ? 0 : std::bit_width(size - 1));
  low_bits_ = bits / 2;
  low_mask_ = (uint32_t{1} << low_bits_) - 1;
  high_mask_ = (uint32_t{1} << (bits - low_bits_)) - 1;
  for (size_t round = 0; round < keys_.size(); ++round) {
    keys_[round].add = KeyedHash(key, 2 * round);
    keys_[round].multiply = KeyedHash(key, 2 * round + 1) | 1;
  }
}

uint32_t Permutation::Encipher(uint32_t value) const noexcept {
  uint32_t low = value & low_mask_;
  uint32_t high = value >> low_bits_;
  for (size_t round = 0; round < kRounds; round += 2) {
    high ^= Mix(low, keys_[round].add, keys_[round].multiply) & high_mask_;
    low ^= Mix(high, keys_[round + 1].add, keys_[round + 1].multiply) & low_mask_;
  }
  return high << low_bits_ | low;
}

uint32_t Permutation::Decipher(uint32_t value) const noexcept {
  uint32_t low = value & low_mask_;
  uint32_t high = value >> low_bits_;
  for (size_t round = kRounds; round > 0; round -= 2) {
    low ^= Mix(high, keys_[round - 1].add, keys_[round - 1].multiply) & low_mask_;
    high ^= Mix(low, keys_[round - 2].add, keys_[round - 2].multiply) & high_mask_;
  }
  return high << low_bits_ | low;
}

uint32_t Permutation::Forward(uint32_t position) const noexcept {
  OSPREY_DCHECK(position < size_);
  uint32_t value = position;
  do value = Encipher(value);
  while (value >= size_);
  return value;
}

uint32_t Permutation::Inverse(uint32_t element) const noexcept {
  OSPREY_DCHECK(element < size_);
  uint32_t value = element;
  do value = Decipher(value);
  while (value >= size_);
  return value;
}

}  // namespace osprey
