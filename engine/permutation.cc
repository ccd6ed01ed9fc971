// SPDX-License-Identifier: Apache-2.0
#include "engine/permutation.h"

#include "base/check.h"

namespace osprey {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 32;

// A number below `range` that depends on all bits of `half`, which is less than 2^16.
uint32_t Mix(uint32_t half, uint64_t add, uint64_t multiply, uint32_t range) noexcept {
  uint64_t x = (half + add) * multiply;
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15;  // 2^64 / golden ratio, odd
  return ScaleTo(static_cast<uint32_t>(x >> 32), range);
}

// Both arguments are below `range`.
uint32_t AddModulo(uint32_t x, uint32_t y, uint32_t range) noexcept {
  const uint32_t sum = x + y;
  return sum >= range ? sum - range : sum;
}

uint32_t SubtractModulo(uint32_t x, uint32_t y, uint32_t range) noexcept {
  return x >= y ? x - y : x + range - y;
}

// The least number from 2 on whose square is not below `size`.
uint32_t SquareRoot(uint64_t size) {
  OSPREY_CHECK(size <= kMaxSize);
  uint32_t root = 2;
  while (uint64_t{root} * root < size) ++root;
  return root;
}

}  // namespace

Permutation::Permutation(uint64_t size, const HashKey& key)
    : size_(size), low_range_(SquareRoot(size)), high_range_(1), by_low_range_(low_range_) {
  if (size > 0) high_range_ = static_cast<uint32_t>((size + low_range_ - 1) / low_range_);
  for (size_t round = 0; round < keys_.size(); ++round) {
    keys_[round].add = KeyedHash(key, 2 * round);
    keys_[round].multiply = KeyedHash(key, 2 * round + 1) | 1;
  }
}

inline uint32_t Permutation::Encipher(uint32_t value) const noexcept {
  uint32_t high = by_low_range_.Quotient(value);
  uint32_t low = value - high * low_range_;
  for (size_t round = 0; round < kRounds; round += 2) {
    const RoundKey &first = keys_[round], &second = keys_[round + 1];
    high = AddModulo(high, Mix(low, first.add, first.multiply, high_range_), high_range_);
    low = AddModulo(low, Mix(high, second.add, second.multiply, low_range_), low_range_);
  }
  return high * low_range_ + low;
}

uint32_t Permutation::Decipher(uint32_t value) const noexcept {
  uint32_t high = value / low_range_;
  uint32_t low = value % low_range_;
  for (size_t round = kRounds; round > 0; round -= 2) {
    const RoundKey &first = keys_[round - 2], &second = keys_[round - 1];
    low = SubtractModulo(low, Mix(high, second.add, second.multiply, low_range_), low_range_);
    high = SubtractModulo(high, Mix(low, first.add, first.multiply, high_range_), high_range_);
  }
  return high * low_range_ + low;
}

uint32_t Permutation::Forward(uint32_t position) const noexcept {
  OSPREY_DCHECK(position < size_);
  uint32_t value = position;
  do value = Encipher(value);
  while (value >= size_);
  return value;
}

void Permutation::ForwardAll(std::span<uint32_t> values) const noexcept {
  for (uint32_t& value : values) value = Encipher(value);
  for (uint32_t& value : values) {
    while (value >= size_) value = Encipher(value);
  }
}

uint32_t Permutation::Inverse(uint32_t element) const noexcept {
  OSPREY_DCHECK(element < size_);
  uint32_t value = element;
  do value = Decipher(value);
  while (value >= size_);
  return value;
}

}  // namespace osprey
