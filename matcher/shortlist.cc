// SPDX-License-Identifier: Apache-2.0
#include "matcher/shortlist.h"

#include <algorithm>
#include <cstring>

namespace osprey::matcher {

void Shortlist::Begin(const std::array<uint32_t, db::kLineCount>& lines, uint64_t serial) {
  lines_ = lines;
  id_ = serial;
  serial_ = serial;
  is_wide_ = false;
  size_ = 0;
  std::fill(planes_.begin(), planes_.end(), 0);
  local_count_ = 0;
  memo_count_ = 0;
  memo_sets_.fill(0);
}

void Shortlist::Add(uint32_t reference, uint32_t matched, uint32_t possible) {
  const uint32_t lane = size_++;
  references_[lane] = reference;
  uint64_t* word = planes_.data() + lane / 64;
  uint64_t* const middle = word + planes_.size() / 2;
  const uint32_t bit = lane % 64;
  for (; word != middle; word += kBlockWords, matched >>= 1, possible >>= 1) {
    word[0] |= uint64_t{matched & 1} << bit;
    word[planes_.size() / 2] |= uint64_t{possible & 1} << bit;
  }
}

uint8_t Shortlist::LocalSet(uint32_t set, const SubjectResolver& resolver, uint64_t& next_serial) {
  size_t slot = (set * 0x9E3779B1u >> 16) % kMemoSlots;
  for (; memo_sets_[slot] != 0; slot = (slot + 1) % kMemoSlots) {
    if (memo_sets_[slot] == set + 1) return memo_local_[slot];
  }
  if (memo_count_ == kMemoSlots * 3 / 4 || local_count_ == kMaxLocal) {
    serial_ = next_serial++;
    memo_count_ = 0;
    local_count_ = 0;
    memo_sets_.fill(0);
    slot = (set * 0x9E3779B1u >> 16) % kMemoSlots;
  }
  memo_sets_[slot] = set + 1;
  ++memo_count_;
  return memo_local_[slot] = AddLocal(resolver.View(set));
}

uint8_t Shortlist::AddLocal(const SetView& view) {
  uint64_t* const words = &local_[local_count_ * kBlockWords];
  std::memset(words, 0, kBlockWords * sizeof(uint64_t));
  for (size_t lane = 0; lane < size_; ++lane) {
    const uint32_t r = references_[lane];
    const uint64_t* const block = view.blocks + size_t{view.ids[r / kBlockBits]} * kBlockWords;
    words[lane / 64] |= ((block[r % kBlockBits / 64] >> (r % 64)) & 1) << (lane % 64);
  }
  for (size_t i = 0; i < local_count_; ++i) {
    if (std::equal(words, words + kBlockWords, &local_[i * kBlockWords])) {
      return static_cast<uint8_t>(i);
    }
  }
  return static_cast<uint8_t>(local_count_++);
}

}  // namespace osprey::matcher
