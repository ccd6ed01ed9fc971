// SPDX-License-Identifier: Apache-2.0
#include "matcher/shortlist.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace osprey::matcher {

ShortlistStore::ShortlistStore(size_t lists, size_t chunks)
    : index_(lists), lists_(index_.slots()), chunks_(lists_.empty() ? 0 : chunks) {
  OSPREY_CHECK(lists_.empty() || chunks >= Shortlist::kMaxChunks);
  free_chunks_.reserve(chunks_.size());
  Clear();
}

void ShortlistStore::Clear() {
  index_.Clear();
  making_ = nullptr;
  for (Shortlist& list : lists_) list = Shortlist{};
  free_chunks_.resize(chunks_.size());
  std::iota(free_chunks_.rbegin(), free_chunks_.rend(), 0u);
}

uint64_t ShortlistStore::Hash(const ResolvedLines& lines) {
  return XXH3_64bits(lines.data(), sizeof(lines));
}

Shortlist* ShortlistStore::Find(uint64_t hash, const ResolvedLines& lines) {
  const size_t slot =
      index_.Find(hash, [&](size_t s) { return lists_[s].id_ != 0 && lists_[s].lines_ == lines; });
  return slot == SlotIndex::kNotFound ? nullptr : &lists_[slot];
}

Shortlist& ShortlistStore::Make(uint64_t hash, const ResolvedLines& lines) {
  Shortlist& list = lists_[index_.Replace(hash)];
  Kill(list);
  making_ = &list;
  list.lines_ = lines;
  list.id_ = list.serial_ = next_serial_++;
  list.is_wide_ = false;
  list.is_used_ = true;
  list.local_count_ = 0;
  list.memo_count_ = 0;
  list.memo_sets_.fill(0);
  return list;
}

void ShortlistStore::Add(Shortlist& list, uint32_t reference, uint32_t matched, uint32_t possible) {
  if (list.is_wide_) return;
  if (list.size_ == kShortlistSize) {
    const uint64_t id = list.id_;
    Kill(list);
    list.id_ = id;
    list.is_wide_ = true;
    return;
  }
  const size_t lane = list.size_ % kKeyGroup;
  if (lane == 0) list.chunks_[list.chunk_count_++] = TakeChunk();
  Chunk& chunk = chunks_[list.chunks_[list.chunk_count_ - 1u]];
  if (lane == 0) chunk = Chunk{};
  ++list.size_;
  chunk.references[lane] = reference;
  chunk.matched[lane] = static_cast<uint16_t>(matched);
  chunk.possible[lane] = static_cast<uint16_t>(possible);
}

// From the next list that was not used since the hand came by.
uint32_t ShortlistStore::TakeChunk() {
  while (free_chunks_.empty()) {
    Shortlist& list = lists_[hand_];
    hand_ = (hand_ + 1) % lists_.size();
    if (list.chunk_count_ == 0 || &list == making_) continue;
    if (!list.is_used_) Kill(list);
    list.is_used_ = false;
  }
  const uint32_t chunk = free_chunks_.back();
  free_chunks_.pop_back();
  return chunk;
}

void ShortlistStore::Kill(Shortlist& list) {
  for (size_t i = 0; i < list.chunk_count_; ++i) free_chunks_.push_back(list.chunks_[i]);
  list.chunk_count_ = 0;
  list.size_ = 0;
  list.id_ = 0;
}

std::array<uint8_t, kNoisyCount> ShortlistStore::LocalSets(
    Shortlist& list, const std::array<uint32_t, kNoisyCount>& sets,
    const SubjectResolver& resolver) {
  list.is_used_ = true;
  std::array<uint8_t, kNoisyCount> local{};
  for (;;) {
    const uint64_t before = list.serial_;
    for (size_t i = 0; i < kNoisyCount; ++i) local[i] = LocalSet(list, sets[i], resolver);
    // Taken again from the start if the list forgot its numbers on the way.
    if (list.serial_ == before) return local;
  }
}

uint8_t ShortlistStore::LocalSet(Shortlist& list, uint32_t set, const SubjectResolver& resolver) {
  constexpr size_t kSlots = Shortlist::kMemoSlots;
  const size_t home = (set * 0x9E3779B1u >> 16) % kSlots;
  size_t slot = home;
  for (; list.memo_sets_[slot] != 0; slot = (slot + 1) % kSlots) {
    if (list.memo_sets_[slot] == set + 1) return list.memo_local_[slot];
  }
  if (list.memo_count_ == kSlots * 3 / 4 || list.local_count_ == Shortlist::kMaxLocal) {
    list.serial_ = next_serial_++;
    list.memo_count_ = 0;
    list.local_count_ = 0;
    list.memo_sets_.fill(0);
    slot = home;
  }
  list.memo_sets_[slot] = set + 1;
  ++list.memo_count_;
  return list.memo_local_[slot] = AddLocal(list, resolver.View(set));
}

uint8_t ShortlistStore::AddLocal(Shortlist& list, const SetView& view) {
  const size_t mine = list.local_count_;
  for (size_t c = 0; c < list.chunk_count_; ++c) {
    Chunk& chunk = chunks_[list.chunks_[c]];
    const size_t lanes = std::min(kKeyGroup, list.size_ - c * kKeyGroup);
    uint64_t word = 0;
    for (size_t lane = 0; lane < lanes; ++lane) {
      const uint32_t r = chunk.references[lane];
      const uint64_t* const block = view.blocks + size_t{view.ids[r / kBlockBits]} * kBlockWords;
      word |= ((block[r % kBlockBits / 64] >> (r % 64)) & 1) << lane;
    }
    chunk.local[mine] = word;
  }
  for (size_t i = 0; i < mine; ++i) {
    size_t c = 0;
    while (c < list.chunk_count_ &&
           chunks_[list.chunks_[c]].local[i] == chunks_[list.chunks_[c]].local[mine]) {
      ++c;
    }
    if (c == list.chunk_count_) return static_cast<uint8_t>(i);
  }
  return list.local_count_++;
}

void ShortlistStore::Score(Shortlist& list, const std::array<uint8_t, kNoisyCount>& local,
                           const std::array<uint16_t, kNoisyCount>& noisy_units,
                           const Kernel& kernel, Candidates& out) const {
  out.count = list.size_;
  for (size_t c = 0; c < list.chunk_count_; ++c) {
    const Chunk& chunk = chunks_[list.chunks_[c]];
    const size_t first = c * kKeyGroup;
    std::copy(chunk.references.begin(), chunk.references.end(), out.references.begin() + first);
    uint16_t* const matched = out.matched.data() + first;
    std::copy(chunk.matched.begin(), chunk.matched.end(), matched);
    for (size_t i = 0; i < kNoisyCount; ++i) {
      if ((list.noisy_present_ >> i) & 1) {
        kernel.add_where(chunk.local[local[i]], noisy_units[i], matched);
      }
    }
    kernel.to_keys(matched, chunk.possible.data(), first, out.keys.data() + first);
  }
}

}  // namespace osprey::matcher
