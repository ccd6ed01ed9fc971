// SPDX-License-Identifier: Apache-2.0
#include "matcher/shortlist.h"

#include <algorithm>
#include <cstring>

namespace osprey::matcher {

void Shortlist::Begin(const std::array<uint32_t, db::kLineCount>& lines, uint64_t serial) {
  lines_ = lines;
  serial_ = serial;
  is_wide_ = false;
  size_ = 0;
  matched_.fill(0);
  possible_.fill(0);
  local_count_ = 0;
  memo_count_ = 0;
  memo_sets_.fill(0);
}

void Shortlist::Add(uint32_t reference, uint32_t matched, uint32_t possible, size_t plane_count) {
  const uint32_t lane = size_++;
  references_[lane] = reference;
  const uint64_t bit = uint64_t{1} << (lane % 64);
  for (size_t k = 0; k < plane_count; ++k) {
    const size_t word = k * kBlockWords + lane / 64;
    if ((matched >> k) & 1) matched_[word] |= bit;
    if ((possible >> k) & 1) possible_[word] |= bit;
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
