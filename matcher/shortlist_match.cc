// SPDX-License-Identifier: Apache-2.0
// From a shortlist and the sets of SP, GCD and ISR to the result.
#include <algorithm>
#include <cstddef>

#include "matcher/bits.h"
#include "matcher/quick_rank.h"
#include "matcher/ranking.h"
#include "matcher/shortlist.h"

namespace osprey::matcher {
namespace {

// Of the 64 numbers from `first` on, those below `end`.
uint64_t BitsBelow(size_t end, size_t first) {
  if (end <= first) return 0;
  return end - first >= 64 ? ~uint64_t{0} : (uint64_t{1} << (end - first)) - 1;
}

}  // namespace

// The first true pairs.
struct ShortlistStore::TruePairs {
  static constexpr size_t kMost = 128;

  // Returns whether there are no more than `wanted`.
  bool Take(const Bits& is_true, size_t words, size_t wanted) {
    count = 0;
    for (size_t w = 0; w < words; ++w) {
      for (uint64_t left = is_true[w]; left != 0; left &= left - 1) {
        if (count == wanted) return false;
        places[count++] =
            static_cast<uint16_t>(w * 64 + static_cast<size_t>(std::countr_zero(left)));
      }
    }
    return true;
  }

  size_t count;
  std::array<uint16_t, kMost> places;
  std::array<uint32_t, kMost> references;  // with the numbers of their names
  std::array<double, kMost> accuracies;
};

bool ShortlistStore::Match(Shortlist& list, const NoisySets& sets, const ShortlistContext& context,
                           MatchList& out) {
  list.is_used_ = true;
  Rows rows;
  if (!FindRows(list, sets, context.resolver, rows)) {
    ForgetRows(list);
    static_cast<void>(FindRows(list, sets, context.resolver, rows));  // one host's always fit
  }
  Bits is_true;
  const size_t words = list.words();
  for (size_t w = 0; w < words; ++w) is_true[w] = BitsBelow(list.pair_count_, w * 64);
  for (const uint64_t* const row : rows) {
    if (row == nullptr) continue;
    for (size_t w = 0; w < words; ++w) is_true[w] &= row[w];
  }
  // Most often a few more than 36 are enough.
  for (const size_t wanted : {size_t{42}, TruePairs::kMost}) {
    TruePairs pairs;
    const bool are_all = pairs.Take(is_true, words, wanted);
    Load(list, context.points, pairs);
    const WalkEnd end = Walk(list, pairs, are_all, out);
    if (end == WalkEnd::kDone) return true;
    if (end == WalkEnd::kUnclear) break;
  }
  return Rank(list, is_true, context, out);
}

// ---- rows

void ShortlistStore::ForgetRows(Shortlist& list) {
  if (list.row_count_ > 0) {
    const size_t per_chunk = list.RowsPerChunk();
    for (size_t i = 0; i < list.row_count_; i += per_chunk) {
      free_chunks_.push_back(list.row_chunks_[i / per_chunk]);
    }
  }
  list.memo_count_ = list.row_count_ = 0;
  list.memo_.fill(0);
}

// False if there is no room for all. Absent attributes have no row.
bool ShortlistStore::FindRows(Shortlist& list, const NoisySets& sets,
                              const SubjectResolver& resolver, Rows& rows) {
  for (size_t i = 0; i < kNoisyCount; ++i) {
    rows[i] = nullptr;
    if (sets[i] == kNoSet || list.pair_count_ == 0) continue;
    rows[i] = FindRow(list, i, sets[i], resolver);
    if (rows[i] == nullptr) return false;
  }
  return true;
}

size_t ShortlistStore::MemoSlot(const Shortlist& list, uint32_t key) {
  constexpr uint32_t kKeyMask = (1u << Shortlist::kMemoKeyBits) - 1;
  size_t slot = MemoHome(key);
  while (list.memo_[slot] != 0 && (list.memo_[slot] & kKeyMask) != key) {
    slot = (slot + 1) % Shortlist::kMemoSlots;
  }
  return slot;
}

const uint64_t* ShortlistStore::FindRow(Shortlist& list, size_t attribute, uint32_t set,
                                        const SubjectResolver& resolver) {
  const uint32_t key = MemoKey(attribute, set);
  const size_t slot = MemoSlot(list, key);
  if (list.memo_[slot] == 0) {
    uint8_t row = 0;
    if (list.memo_count_ == Shortlist::kMaxMemos) return nullptr;
    if (!AddRow(list, attribute, resolver.View(set), row)) return nullptr;
    list.memo_[slot] = key | uint32_t{row} << Shortlist::kMemoKeyBits;
    ++list.memo_count_;
  }
  return RowAt(list, list.memo_[slot] >> Shortlist::kMemoKeyBits);
}

void ShortlistStore::PrefetchHead(uint32_t slot, const NoisySets& sets) const {
  const Shortlist& list = lists_[slot];
  Prefetch(&list, offsetof(Shortlist, memo_));
  for (size_t i = 0; i < kNoisyCount; ++i) {
    if (sets[i] != kNoSet) __builtin_prefetch(&list.memo_[MemoHome(MemoKey(i, sets[i]))]);
  }
}

// Of pairs and listings as much as most hosts need: the best ones are in front.
void ShortlistStore::PrefetchBody(uint32_t slot, const NoisySets& sets) const {
  const Shortlist& list = lists_[slot];
  if (list.pair_count_ == 0) return;
  for (size_t i = 0; i < kNoisyCount; ++i) {
    if (sets[i] == kNoSet) continue;
    const uint32_t memo = list.memo_[MemoSlot(list, MemoKey(i, sets[i]))];
    if (memo == 0) continue;
    Prefetch(RowAt(list, memo >> Shortlist::kMemoKeyBits), list.words() * sizeof(uint64_t));
  }
  constexpr size_t kUsualPairs = 256;
  for (size_t p = 0; p < std::min<size_t>(list.pair_count_, kUsualPairs);
       p += Shortlist::kPairsPerChunk) {
    Prefetch(&chunks_[list.pair_chunks_[p / Shortlist::kPairsPerChunk]], sizeof(Chunk));
  }
  constexpr size_t kUsualListings = 96;
  for (size_t i = 0; i < std::min<size_t>(list.listing_count_, kUsualListings);
       i += Shortlist::kListingsPerChunk) {
    Prefetch(&chunks_[list.listing_chunks_[i / Shortlist::kListingsPerChunk]], sizeof(Chunk));
  }
}

// The pairs that can be true if `view` is the attribute's set. False if there is no room.
bool ShortlistStore::AddRow(Shortlist& list, size_t attribute, const SetView& view, uint8_t& row) {
  std::array<uint8_t, Shortlist::kMaxListings> matches;
  for (size_t i = 0; i < list.listing_count_; ++i) {
    matches[i] = view.Has(ReferenceOf(ListingAt(list, i))) ? 1 : 0;
  }
  const size_t words = list.words();
  Bits bits;
  for (size_t w = 0; w < words; ++w) {
    const uint16_t* const pairs = &PairAt(list, w * 64);
    const size_t count = std::min<size_t>(64, list.pair_count_ - w * 64);
    uint64_t word = 0;
    for (size_t i = 0; i < count; ++i) {
      const uint32_t pair = pairs[i];
      const uint32_t same = matches[pair >> kNoisyCount] ^ (~(pair >> attribute) & 1);
      word |= uint64_t{same} << i;
    }
    bits[w] = word;
  }
  for (uint8_t i = 0; i < list.row_count_; ++i) {
    row = i;
    if (std::equal(bits.begin(), bits.begin() + words, RowAt(list, i))) return true;
  }
  const size_t per_chunk = list.RowsPerChunk();
  if (list.row_count_ == per_chunk * Shortlist::kRowChunks) return false;
  if (list.row_count_ % per_chunk == 0) {
    list.row_chunks_[list.row_count_ / per_chunk] = TakeChunk(list);
  }
  row = list.row_count_++;
  const RowPlace place = PlaceOf(list, row);
  std::copy(bits.begin(), bits.begin() + words,
            chunks_[list.row_chunks_[place.chunk]].words.begin() + place.word);
  return true;
}

// ---- the list

// All at once, so that one waits for memory while others do; and so that the compiler divides
// several at a time.
void ShortlistStore::Load(const Shortlist& list, const NoisyPoints& points, TruePairs& pairs) {
  std::array<int32_t, TruePairs::kMost> matched;
  std::array<int32_t, TruePairs::kMost> possible;
  for (size_t i = 0; i < pairs.count; ++i) {
    const uint32_t pair = PairAt(list, pairs.places[i]);
    const Listing& listing = ListingAt(list, pair >> kNoisyCount);
    pairs.references[i] = listing.reference;
    matched[i] = listing.matched + points[pair & kNoisyMask];
    possible[i] = listing.possible;
  }
  for (size_t i = 0; i < pairs.count; ++i) {
    pairs.accuracies[i] = static_cast<double>(matched[i]) / static_cast<double>(possible[i]);
  }
}

// The first 36 names, if 5.2 gives that (quick_rank.h).
ShortlistStore::WalkEnd ShortlistStore::Walk(const Shortlist& list, const TruePairs& pairs,
                                             bool are_all, MatchList& out) {
  std::array<uint8_t, Shortlist::kMaxListings> is_new;
  std::fill_n(is_new.begin(), list.listing_count_, 1);
  uint32_t count = 0;
  uint32_t perfect = 0;
  size_t i = 0;
  for (; i < pairs.count && count < kMaxMatches; ++i) {
    const uint32_t reference = pairs.references[i];
    const uint32_t name = reference >> Shortlist::kReferenceBits;
    const uint32_t adds = is_new[name];
    is_new[name] = 0;
    out.all[count] = {reference & kReferenceMask, pairs.accuracies[i]};
    count += adds;
    perfect += pairs.accuracies[i] == 1 ? adds : 0;
  }
  out.count = count;
  out.perfect = perfect;
  out.result = count == 0 ? MatchResult::kNoMatches : MatchResult::kSuccess;
  if (count < kMaxMatches) {
    if (!are_all) return WalkEnd::kMore;
    return list.bound_ == 0 ? WalkEnd::kDone : WalkEnd::kUnclear;
  }
  const double v = pairs.accuracies[i - 1];
  if (v == 1 || !list.IsAboveBound(v)) return WalkEnd::kUnclear;
  size_t above = i - 1;
  while (above > 0 && pairs.accuracies[above] == v) --above;
  if (pairs.accuracies[above] != v && pairs.accuracies[above] - v < kApart) {
    return WalkEnd::kUnclear;
  }
  while (i < pairs.count && pairs.accuracies[i] == v) ++i;
  if (i == pairs.count) return are_all ? WalkEnd::kDone : WalkEnd::kMore;
  return v - pairs.accuracies[i] >= kApart ? WalkEnd::kDone : WalkEnd::kUnclear;
}

bool ShortlistStore::Rank(const Shortlist& list, const Bits& is_true,
                          const ShortlistContext& context, MatchList& out) {
  std::array<double, Shortlist::kMaxListings> accuracies{};
  ForEachBit(is_true.data(), list.words(), [&](size_t p) {
    const uint32_t pair = PairAt(list, p);
    const size_t i = pair >> kNoisyCount;
    accuracies[i] = AccuracyOf(ListingAt(list, i), context.points[pair & kNoisyMask]);
  });
  std::array<uint64_t, Shortlist::kMaxListings> order;  // by reference
  for (size_t i = 0; i < list.listing_count_; ++i) {
    order[i] = uint64_t{ReferenceOf(ListingAt(list, i))} << 32 | i;
  }
  std::sort(order.begin(), order.begin() + list.listing_count_);
  Ranking ranking(out);
  for (size_t i = 0; i < list.listing_count_; ++i) {
    const auto r = static_cast<uint32_t>(order[i] >> 32);
    const double accuracy = accuracies[order[i] & 0xFFFFFFFF];
    if (!ranking.Offer(r, context.names.id(r), context.names.is_unique(r), accuracy)) break;
  }
  ranking.Finish();
  if (list.bound_ == 0 || out.result == MatchResult::kTooManyMatches) return true;
  return out.count == kMaxMatches && list.IsAboveBound(out.all[kMaxMatches - 1].accuracy);
}

}  // namespace osprey::matcher
