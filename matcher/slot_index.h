// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which slot of a cache holds an entry: the index part that all caches of a Scratch share. Sets of
// eight slots found by hash; the oldest of a set is replaced. The caller keeps entries and keys
// in arrays of its own and compares keys, so that a hit is exact. One thread; no allocation after
// construction.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "matcher/huge_pages.h"

namespace osprey::matcher {

class SlotIndex {
 public:
  static constexpr size_t kNotFound = ~size_t{0};
  static constexpr size_t kWays = 8;

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

  // The slot that Find will most likely give, without a look at keys. After Prefetch, soon.
  size_t Guess(uint64_t hash) const {
    return Find(hash, [](size_t) { return true; });
  }
  void Prefetch(uint64_t hash) const {
    if (!tags_.empty()) __builtin_prefetch(tags_.data() + Set(hash) * kWays);
  }

  // Gives the slot to fill for an entry that was not found: one that `is_free(slot)`, if there is
  // one, else the oldest. REQUIRES: slots() != 0
  template <typename IsFree>
  size_t Replace(uint64_t hash, IsFree is_free) {
    const size_t set = Set(hash);
    size_t way = 0;
    while (way < kWays && !is_free(set * kWays + way)) ++way;
    if (way == kWays) {
      way = next_[set];
      next_[set] = static_cast<uint8_t>((way + 1) % kWays);
    }
    tags_[set * kWays + way] = Tag(hash);
    return set * kWays + way;
  }
  // Whether Replace would give a free one.
  template <typename IsFree>
  bool HasFree(uint64_t hash, IsFree is_free) const {
    const size_t first = Set(hash) * kWays;
    for (size_t slot = first; slot < first + kWays; ++slot) {
      if (is_free(slot)) return true;
    }
    return false;
  }
  size_t Replace(uint64_t hash) {
    return Replace(hash, [this](size_t slot) { return tags_[slot] == 0; });
  }

  void Clear() {
    tags_.assign(tags_.size(), 0);
    next_.assign(next_.size(), 0);
  }

 private:
  size_t Set(uint64_t hash) const { return ((hash & 0xFFFFFFFF) * sets_) >> 32; }
  static uint32_t Tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 32) | 1; }  // 0: empty

  size_t sets_;
  HugeVector<uint32_t> tags_;
  std::vector<uint8_t> next_;
};

}  // namespace osprey::matcher
