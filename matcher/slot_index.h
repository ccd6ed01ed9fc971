// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which slot of a cache holds an entry: the index part that all caches of a Scratch share. Sets of
// four slots found by hash; the oldest of the four is replaced. The caller keeps entries and keys
// in arrays of its own and compares keys, so that a hit is exact. One thread; no allocation after
// construction.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace osprey::matcher {

class SlotIndex {
 public:
  static constexpr size_t kNotFound = ~size_t{0};
  static constexpr size_t kWays = 4;

  // `slots` is rounded down to a multiple of kWays; 0 makes an index that finds nothing.
  explicit SlotIndex(size_t slots) : sets_(slots / kWays), tags_(sets_ * kWays), next_(sets_) {}

  size_t slots() const { return tags_.size(); }

  // `is_equal(slot)` compares the entry's key.
  template <typename IsEqual>
  size_t Find(uint64_t hash, IsEqual is_equal) const {
    if (tags_.empty()) return kNotFound;
    const size_t first = Set(hash) * kWays;
    for (size_t slot = first; slot < first + kWays; ++slot) {
      if (tags_[slot] == Tag(hash) && is_equal(slot)) return slot;
    }
    return kNotFound;
  }

  // Gives the slot to fill for an entry that was not found. REQUIRES: slots() != 0
  size_t Replace(uint64_t hash) {
    const size_t set = Set(hash);
    const size_t slot = set * kWays + next_[set];
    next_[set] = static_cast<uint8_t>((next_[set] + 1) % kWays);
    tags_[slot] = Tag(hash);
    return slot;
  }

  void Clear() {
    tags_.assign(tags_.size(), 0);
    next_.assign(next_.size(), 0);
  }

 private:
  size_t Set(uint64_t hash) const { return ((hash & 0xFFFFFFFF) * sets_) >> 32; }
  static uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 32) | 1; }  // 0: empty

  size_t sets_;
  std::vector<uint32_t> tags_;
  std::vector<uint8_t> next_;
};

}  // namespace osprey::matcher
