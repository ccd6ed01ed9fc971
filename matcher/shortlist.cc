// SPDX-License-Identifier: Apache-2.0
// The store of shortlists: memory and filling. Matching is in shortlist_match.cc.
#include "matcher/shortlist.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace osprey::matcher {

ShortlistStore::ShortlistStore(size_t lists, size_t chunks)
    : index_(lists), lists_(index_.slots()), chunks_(lists_.empty() ? 0 : chunks) {
  OSPREY_CHECK(lists_.empty() || chunks >= kMaxChunks);
  free_chunks_.reserve(chunks_.size());
  Clear();
}

void ShortlistStore::Clear() {
  index_.Clear();
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

bool ShortlistStore::HasRoom(uint64_t hash) const {
  return free_chunks_.size() >= kMaxChunks &&
         index_.HasFree(hash, [this](size_t slot) { return lists_[slot].id_ == 0; });
}

Shortlist& ShortlistStore::Make(uint64_t hash, const ResolvedLines& lines) {
  const auto is_dead = [this](size_t slot) { return lists_[slot].id_ == 0; };
  Shortlist& list = lists_[index_.Replace(hash, is_dead)];
  Kill(list);
  list.lines_ = lines;
  list.id_ = next_id_++;
  return list;
}

// ---- memory

// From the next list that was not used since the hand came by.
uint32_t ShortlistStore::TakeChunk(const Shortlist& taker) {
  while (free_chunks_.empty()) {
    Shortlist& list = lists_[hand_];
    hand_ = (hand_ + 1) % lists_.size();
    if (list.id_ == 0 || &list == &taker) continue;
    if (!list.is_used_) Kill(list);
    list.is_used_ = false;
  }
  const uint32_t chunk = free_chunks_.back();
  free_chunks_.pop_back();
  return chunk;
}

void ShortlistStore::GiveChunks(Shortlist& list) {
  ForgetRows(list);
  for (size_t i = 0; i < list.pair_count_; i += Shortlist::kPairsPerChunk) {
    free_chunks_.push_back(list.pair_chunks_[i / Shortlist::kPairsPerChunk]);
  }
  for (size_t i = 0; i < list.listing_count_; i += Shortlist::kListingsPerChunk) {
    free_chunks_.push_back(list.listing_chunks_[i / Shortlist::kListingsPerChunk]);
  }
  list.pair_count_ = list.listing_count_ = 0;
}

void ShortlistStore::Kill(Shortlist& list) {
  GiveChunks(list);
  list.id_ = 0;
}

// ---- filling

void ShortlistStore::Fill(Shortlist& list, std::span<const Listing> listings,
                          std::span<const ListedPair> pairs, double bound,
                          const ShortlistContext& context, NameMarks& marks,
                          std::span<uint8_t> places) {
  GiveChunks(list);
  const auto accuracy = [&](ListedPair pair) {
    return AccuracyOf(listings[pair >> kNoisyCount], context.points[pair & kNoisyMask]);
  };
  std::array<uint32_t, Shortlist::kMaxListings> chosen;
  size_t count = 0;
  size_t taken = 0;
  marks.Begin();
  for (; taken < pairs.size() && taken < Shortlist::kMaxPairs; ++taken) {
    const uint32_t place = pairs[taken] >> kNoisyCount;
    if (!marks.Mark(place)) continue;
    if (count == chosen.size()) break;
    chosen[count++] = place;
  }
  list.bound_ = taken < pairs.size() ? accuracy(pairs[taken]) : bound;
  // None is left that is as good as one that had no room.
  while (taken > 0 && accuracy(pairs[taken - 1]) <= list.bound_) --taken;

  for (size_t i = 0; i < count; ++i) {
    if (i % Shortlist::kListingsPerChunk == 0) {
      list.listing_chunks_[i / Shortlist::kListingsPerChunk] = TakeChunk(list);
    }
    list.listing_count_ = static_cast<uint16_t>(i + 1);
    ListingAt(list, i) = listings[chosen[i]];
    places[chosen[i]] = static_cast<uint8_t>(i);
  }
  for (size_t p = 0; p < taken; ++p) {
    if (p % Shortlist::kPairsPerChunk == 0) {
      list.pair_chunks_[p / Shortlist::kPairsPerChunk] = TakeChunk(list);
    }
    list.pair_count_ = static_cast<uint16_t>(p + 1);
    const size_t place = places[pairs[p] >> kNoisyCount];
    PairAt(list, p) = static_cast<uint16_t>(place << kNoisyCount | (pairs[p] & kNoisyMask));
  }
  NumberNames(list, context.names, marks);
}

// The number of a name is the place of the first reference that has it.
void ShortlistStore::NumberNames(const Shortlist& list, const Names& names, NameMarks& marks) {
  marks.Begin();
  for (size_t i = 0; i < list.listing_count_; ++i) {
    const uint32_t reference = ListingAt(list, i).reference;
    size_t number = i;
    if (!names.is_unique(reference) && !marks.Mark(names.id(reference))) {
      number = 0;
      while (names.id(ReferenceOf(ListingAt(list, number))) != names.id(reference)) ++number;
    }
    ListingAt(list, i).reference |= static_cast<uint32_t>(number) << Shortlist::kReferenceBits;
  }
}

}  // namespace osprey::matcher
