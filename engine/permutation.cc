// SPDX-License-Identifier: Apache-2.0
#include "engine/permutation.h"

#include "base/check.h"
#include "base/divider.h"

namespace osprey {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 32;

// The least number from 2 on whose square is not below `size`.
uint32_t SquareRoot(uint64_t size) {
  OSPREY_CHECK(size <= kMaxSize);
  uint32_t root = 2;
  while (uint64_t{root} * root < size) ++root;
  return root;
}

}  // namespace

Permutation::Permutation(uint64_t size, const HashKey& key, const HashKernel& kernel)
    : size_(size), kernel_(&kernel) {
  key_.low_range = SquareRoot(size);
  key_.inverse = Divider(key_.low_range).inverse();
  if (size > 0) {
    key_.high_range = static_cast<uint32_t>((size + key_.low_range - 1) / key_.low_range);
  }
  for (size_t round = 0; round < FeistelKey::kRounds; ++round) {
    key_.rounds[round].add = KeyedHash(key, 2 * round);
    key_.rounds[round].multiply = KeyedHash(key, 2 * round + 1) | 1;
  }
}

uint32_t Permutation::Forward(uint32_t position) const noexcept {
  OSPREY_DCHECK(position < size_);
  uint32_t value = position;
  do value = Encipher(key_, value);
  while (value >= size_);
  return value;
}

void Permutation::ForwardAll(std::span<uint32_t> values) const noexcept {
  kernel_->encipher(key_, values.data(), values.size());
  for (uint32_t& value : values) {
    while (value >= size_) value = Encipher(key_, value);
  }
}

uint32_t Permutation::Inverse(uint32_t element) const noexcept {
  OSPREY_DCHECK(element < size_);
  uint32_t value = element;
  do value = Decipher(key_, value);
  while (value >= size_);
  return value;
}

}  // namespace osprey
