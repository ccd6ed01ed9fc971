// SPDX-License-Identifier: Apache-2.0
#pragma once
// What hosts that differ in SP, GCD and ISR only have in common: the best *pairs* of a reference
// and a choice of those of the three that match it, in the order of the result list. A host's
// measurements say for each reference which pair is the true one; as each of the three attributes
// rules out pairs on its own, the true pairs are the intersection of three rows of bits, and the
// first 36 of them with different names are the list (docs/os-detection.md, 5.2). No reference is
// scored, nothing is sorted.
//
// Why that is exact. A shortlist has all pairs whose accuracy is above its bound. Let 36 true pairs
// of different names have accuracies of at least bound + (n + 3) * 0.00001, where n references are
// listed. References that are not listed, or whose true pair is not, have at most the bound. The
// accuracies of the n others cannot touch all n + 1 windows of width 0.00001 in between, so in one,
// [g, g + 0.00001), there is no reference at all. Call those above it high. While a list has fewer
// than 36 high entries, its last entry is not high or it is not full, so the bar of section 5.2 is
// below g + 0.00001 and no high reference is turned away; a low one never removes a high one, by
// name or by rank. So the high entries of the list develop alike with or without the low ones, and
// in the end the list has nothing else. `Ranking` is used on subsets by the same argument, and that
// the order of the pairs is that of the list is shown in quick_rank.h. Where a host's true pairs do
// not reach so far, the shortlist says so, and all references are scored.
//
// Memory: a list has a head here, and the rest in chunks of 256 bytes which all lists of a store
// share. Lists differ much in length; when chunks run out, lists that were not used lately lose
// theirs.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "matcher/huge_pages.h"
#include "matcher/kernels.h"
#include "matcher/name_marks.h"
#include "matcher/prefetch.h"
#include "matcher/slot_index.h"
#include "matcher/subject_resolver.h"
#include "matcher/verdict.h"

namespace osprey::matcher {

inline constexpr double kWindow = 0.00001;  // as section 5.2 adds to the bar

using ResolvedLines = std::array<uint32_t, db::kLineCount>;
// The points that each choice of the noisy attributes adds.
using NoisyPoints = std::array<uint16_t, 1 << kNoisyCount>;

// A reference that may be listed, and its points without the noisy attributes.
struct Listing {
  uint32_t reference;
  uint16_t matched;
  uint16_t possible;
};
// 2^kNoisyCount * place of the reference among some listings + choice: which of the noisy
// attributes match it, bit by bit.
using ListedPair = uint32_t;

inline double AccuracyOf(const Listing& listing, uint16_t points) {
  return static_cast<double>(listing.matched + points) / static_cast<double>(listing.possible);
}

// One list's head.
class Shortlist {
 public:
  static constexpr size_t kMaxListings = 256;
  static constexpr size_t kMaxPairs = 1024;
  // References have to fit beside the number of a name, and sets beside the number of a row.
  static constexpr uint32_t kReferenceBits = 24;
  static constexpr uint32_t kMaxSets = (1u << 24) / (kNoisyCount + 1);

  const ResolvedLines& lines() const { return lines_; }
  // Names the list while it lives; 0: it is dead.
  uint64_t id() const { return id_; }

 private:
  friend class ShortlistStore;
  static constexpr size_t kChunkBytes = 256;
  static constexpr size_t kListingsPerChunk = kChunkBytes / sizeof(Listing);
  static constexpr size_t kPairsPerChunk = kChunkBytes / sizeof(uint16_t);
  static constexpr size_t kWordsPerChunk = kChunkBytes / sizeof(uint64_t);
  static constexpr size_t kRowChunks = 16;
  static constexpr size_t kMemoSlots = 128;
  static constexpr size_t kMaxMemos = kMemoSlots * 3 / 4;
  static constexpr size_t kMemoKeyBits = 24;

  size_t words() const { return (pair_count_ + 63u) / 64; }
  // All that count are listed.
  bool IsAboveBound(double accuracy) const {
    return accuracy >= bound_ + (listing_count_ + 3) * kWindow;
  }
  size_t RowsPerChunk() const { return kWordsPerChunk / words(); }

  // In the order in which a match reads it.
  alignas(64) uint64_t id_ = 0;
  double bound_ = 0;
  uint16_t listing_count_ = 0;
  uint16_t pair_count_ = 0;
  uint8_t row_count_ = 0;
  uint8_t memo_count_ = 0;
  bool is_used_ = false;  // since the store last looked for chunks
  std::array<uint32_t, kRowChunks> row_chunks_{};
  std::array<uint32_t, kMaxPairs / kPairsPerChunk> pair_chunks_{};
  std::array<uint32_t, kMaxListings / kListingsPerChunk> listing_chunks_{};
  // From a set of references and its attribute to the row: kMemoKeyBits of key, row above; 0 is
  // empty.
  alignas(64) std::array<uint32_t, kMemoSlots> memo_{};
  ResolvedLines lines_{};
};

// What is the same for all lists.
struct ShortlistContext {
  const NoisyPoints& points;
  const Names& names;
  const SubjectResolver& resolver;
};

// All shortlists of a Scratch. One thread; no allocation after construction.
class ShortlistStore {
 public:
  // Room for `lists` lists (0: none, and nothing may be made) and `chunks` chunks, at least those
  // of one list.
  ShortlistStore(size_t lists, size_t chunks);

  static constexpr size_t kBytesPerList = sizeof(Shortlist) + 8;
  static constexpr size_t kBytesPerChunk = Shortlist::kChunkBytes + 4;
  static constexpr size_t kMaxChunks = Shortlist::kMaxListings / Shortlist::kListingsPerChunk +
                                       Shortlist::kMaxPairs / Shortlist::kPairsPerChunk +
                                       Shortlist::kRowChunks;

  bool empty() const { return lists_.empty(); }
  static uint64_t Hash(const ResolvedLines& lines);
  // nullptr if there is none. Valid until the next Make.
  Shortlist* Find(uint64_t hash, const ResolvedLines& lines);
  // A list in slot `slot`, if it has the id still; else nullptr.
  Shortlist* Get(uint32_t slot, uint64_t id) {
    Shortlist& list = lists_[slot];
    return list.id_ == id ? &list : nullptr;
  }
  uint32_t SlotOf(const Shortlist& list) const {
    return static_cast<uint32_t>(&list - lists_.data());
  }
  // Whether another list can be made without killing one.
  bool HasRoom(uint64_t hash) const;
  // An empty list, in the place of another one. REQUIRES: Find did not find it.
  Shortlist& Make(uint64_t hash, const ResolvedLines& lines);

  // Replaces what the list has by the best of `pairs` of `listings`, as many as fit. The pairs are
  // sorted: accuracies descend, equal ones are in the order of the database. Pairs that are not
  // among them have an accuracy of at most `bound`; 0: they do not reach 0.85. Other lists may die
  // for it. `places`: work space, as long as `listings`.
  void Fill(Shortlist& list, std::span<const Listing> listings, std::span<const ListedPair> pairs,
            double bound, const ShortlistContext& context, NameMarks& marks,
            std::span<uint8_t> places);

  // The result of a host with these sets of references that match its SP, GCD and ISR. False if the
  // list does not say: `out` means nothing then.
  bool Match(Shortlist& list, const NoisySets& sets, const ShortlistContext& context,
             MatchList& out);

  // Asks memory for what Match will read: first the head of the list in a slot, then the rest.
  void PrefetchHead(uint32_t slot, const NoisySets& sets) const;
  void PrefetchBody(uint32_t slot, const NoisySets& sets) const;

  // All lists die.
  void Clear();

 private:
  union Chunk {
    std::array<Listing, Shortlist::kListingsPerChunk> listings;
    std::array<uint16_t, Shortlist::kPairsPerChunk> pairs;
    std::array<uint64_t, Shortlist::kWordsPerChunk> words;
  };
  static_assert(sizeof(Chunk) == Shortlist::kChunkBytes);
  using Rows = std::array<const uint64_t*, kNoisyCount>;
  using Bits = std::array<uint64_t, Shortlist::kMaxPairs / 64>;
  struct TruePairs;

  // A listing's `reference` has the number of its name above kReferenceBits: equal names on the
  // list have equal numbers.
  static constexpr uint32_t kReferenceMask = (1u << Shortlist::kReferenceBits) - 1;
  static uint32_t ReferenceOf(const Listing& listing) { return listing.reference & kReferenceMask; }
  Listing& ListingAt(const Shortlist& list, size_t i) {
    return chunks_[list.listing_chunks_[i / Shortlist::kListingsPerChunk]]
        .listings[i % Shortlist::kListingsPerChunk];
  }
  uint16_t& PairAt(const Shortlist& list, size_t p) {
    return chunks_[list.pair_chunks_[p / Shortlist::kPairsPerChunk]]
        .pairs[p % Shortlist::kPairsPerChunk];
  }
  // Of row_chunks_, and of the words there.
  struct RowPlace {
    size_t chunk, word;
  };
  static RowPlace PlaceOf(const Shortlist& list, size_t row) {
    const size_t per_chunk = list.RowsPerChunk();
    return {row / per_chunk, row % per_chunk * list.words()};
  }
  const uint64_t* RowAt(const Shortlist& list, size_t row) const {
    const RowPlace place = PlaceOf(list, row);
    return chunks_[list.row_chunks_[place.chunk]].words.data() + place.word;
  }

  uint32_t TakeChunk(const Shortlist& taker);
  void GiveChunks(Shortlist& list);
  void Kill(Shortlist& list);
  void NumberNames(const Shortlist& list, const Names& names, NameMarks& marks);

  void ForgetRows(Shortlist& list);
  static uint32_t MemoKey(size_t attribute, uint32_t set) {
    return static_cast<uint32_t>(kNoisyCount * set + attribute + 1);
  }
  static size_t MemoHome(uint32_t key) { return (key * 0x9E3779B1u >> 16) % Shortlist::kMemoSlots; }
  // The slot that has the key, or the one for it.
  static size_t MemoSlot(const Shortlist& list, uint32_t key);
  bool FindRows(Shortlist& list, const NoisySets& sets, const SubjectResolver& resolver,
                Rows& rows);
  const uint64_t* FindRow(Shortlist& list, size_t attribute, uint32_t set,
                          const SubjectResolver& resolver);
  bool AddRow(Shortlist& list, size_t attribute, const SetView& view, uint8_t& row);
  void Load(const Shortlist& list, const NoisyPoints& points, TruePairs& pairs);
  // Whether the result is known, may be with more pairs, or cannot be told from their order.
  enum class WalkEnd : uint8_t { kDone, kMore, kUnclear };
  static WalkEnd Walk(const Shortlist& list, const TruePairs& pairs, bool are_all, MatchList& out);
  bool Rank(const Shortlist& list, const Bits& is_true, const ShortlistContext& context,
            MatchList& out);

  SlotIndex index_;
  HugeVector<Shortlist> lists_;
  HugeVector<Chunk> chunks_;
  std::vector<uint32_t> free_chunks_;
  size_t hand_ = 0;
  uint64_t next_id_ = 1;
};

}  // namespace osprey::matcher
