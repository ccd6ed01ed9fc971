// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which targets are finished: one bit per index, up to 2^32 of them. Consulted before a host is
// admitted, so that a late or repeated reply never starts a finished host again; rebuilt from the
// journal on resume.
//
// Bits live in pages of 8 KiB (65,536 indexes) that exist only while some, but not all, of their
// bits are set. With indexes in the order of the scan the pages below the low-water mark are full
// and cost nothing; with indexes in any other order the worst case is size / 8 bytes.
//
// Belongs to one thread. Set allocates when it touches a new page; nothing else does.

#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"

namespace osprey {

class DoneSet {
 public:
  // Indexes are 0..size-1, all unset. REQUIRES: size <= 2^32.
  explicit DoneSet(uint64_t size);

  uint64_t size() const noexcept { return size_; }
  // How many are set.
  uint64_t count() const noexcept { return count_; }

  // REQUIRES: index < size(), in all that follows.
  bool Test(uint64_t index) const noexcept {
    OSPREY_DCHECK(index < size_);
    const Page& page = pages_[index / kPageBits];
    if (page.words == nullptr) return page.count != 0;
    const auto bit = static_cast<uint32_t>(index % kPageBits);
    return (page.words[bit / 64] >> bit % 64 & 1) != 0;
  }
  // Asks for the memory that Test will look at.
  void Prefetch(uint64_t index) const noexcept {
    const Page& page = pages_[index / kPageBits];
    if (page.words != nullptr) __builtin_prefetch(&page.words[index % kPageBits / 64]);
  }
  // Returns whether it was unset before.
  bool Set(uint64_t index);
  // Sets all indexes below `mark`. REQUIRES: mark <= size().
  void SetBelow(uint64_t mark);

  // The first unset index at or after `from`, or size() if there is none. REQUIRES: from <= size().
  uint64_t NextUnset(uint64_t from) const noexcept;

  // Calls visit(index) for each unset index below `mark`, in ascending order. `visit` may set the
  // index it is given. REQUIRES: mark <= size().
  template <class Visit>
  void ForEachUnsetBelow(uint64_t mark, Visit&& visit) const {
    for (uint64_t i = NextUnset(0); i < mark; i = NextUnset(i + 1)) visit(i);
  }

  // Memory in pages, in bytes.
  uint64_t page_bytes() const noexcept { return live_pages_ * kPageBits / 8; }

 private:
  static constexpr uint32_t kPageBits = 1 << 16;
  static constexpr uint32_t kPageWords = kPageBits / 64;

  // No words and not full: no bit is set.
  struct Page {
    std::unique_ptr<uint64_t[]> words;
    uint32_t count = 0;
  };

  // Bits that page `number` has: fewer than kPageBits in the last one.
  uint32_t BitsOf(uint64_t number) const noexcept;
  bool IsFull(uint64_t number) const noexcept { return pages_[number].count == BitsOf(number); }

  uint64_t size_;
  uint64_t count_ = 0;
  uint64_t live_pages_ = 0;
  std::vector<Page> pages_;
};

}  // namespace osprey
