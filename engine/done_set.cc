// SPDX-License-Identifier: Apache-2.0
#include "engine/done_set.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace osprey {

DoneSet::DoneSet(uint64_t size) : size_(size), pages_((size + kPageBits - 1) / kPageBits) {
  OSPREY_CHECK(size <= uint64_t{1} << 32);
}

uint32_t DoneSet::BitsOf(uint64_t number) const noexcept {
  return static_cast<uint32_t>(std::min<uint64_t>(kPageBits, size_ - number * kPageBits));
}

bool DoneSet::Set(uint64_t index) {
  if (Test(index)) return false;
  const uint64_t number = index / kPageBits;
  Page& page = pages_[number];
  if (page.words == nullptr) {
    page.words = std::make_unique<uint64_t[]>(kPageWords);
    ++live_pages_;
  }
  const auto bit = static_cast<uint32_t>(index % kPageBits);
  page.words[bit / 64] |= uint64_t{1} << bit % 64;
  ++page.count;
  ++count_;
  if (IsFull(number)) {
    page.words.reset();
    --live_pages_;
  }
  return true;
}

void DoneSet::SetBelow(uint64_t mark) {
  OSPREY_DCHECK(mark <= size_);
  const uint64_t whole = mark == size_ ? pages_.size() : mark / kPageBits;
  for (uint64_t number = 0; number < whole; ++number) {
    Page& page = pages_[number];
    if (page.words != nullptr) --live_pages_;
    page.words.reset();
    count_ += BitsOf(number) - page.count;
    page.count = BitsOf(number);
  }
  for (uint64_t index = whole * kPageBits; index < mark; ++index) Set(index);
}

uint64_t DoneSet::NextUnset(uint64_t from) const noexcept {
  uint64_t index = from;
  while (index < size_) {
    const uint64_t number = index / kPageBits;
    const Page& page = pages_[number];
    if (page.words == nullptr) {
      if (page.count == 0) return index;
      index = (number + 1) * kPageBits;
      continue;
    }
    const auto bit = static_cast<uint32_t>(index % kPageBits);
    const uint64_t unset = ~page.words[bit / 64] >> bit % 64;
    if (unset != 0) return std::min(size_, index + static_cast<uint64_t>(std::countr_zero(unset)));
    index += 64 - bit % 64;
  }
  return size_;
}

}  // namespace osprey
