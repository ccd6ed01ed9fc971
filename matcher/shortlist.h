// SPDX-License-Identifier: Apache-2.0
#pragma once
// The references that can be in the result list of a subject whatever its SP, GCD and ISR are: few
// enough to be scored one by one, and the same for all hosts whose measurements differ in those
// three only.
//
// Why leaving out the others changes nothing. Let every reference with accuracy a >= X be on the
// shortlist, at most n of them, and let 36 of different names have a >= X + (n + 2) * 0.00001. The
// shortlist's accuracies cannot touch all n + 1 windows of width 0.00001 in between, so in one,
// [g, g + 0.00001), there is no reference at all. Call those above it high. While a list has fewer
// than 36 high entries, its last entry is not high or it is not full, so the bar of section 5.2 is
// below g + 0.00001 and no high reference is turned away; a low one never removes a high one, by
// name or by rank. So the high entries of the list develop alike with or without the low ones, and
// in the end the list has nothing else. `Ranking` is used on subsets by the same argument.
//
// Memory: a list has a head here and its references in chunks of 64, which all lists of a store
// share. Lists differ much in length; when chunks run out, lists that were not used lately lose
// theirs.

#include <array>
#include <cstdint>
#include <vector>

#include "matcher/huge_pages.h"
#include "matcher/kernels.h"
#include "matcher/quick_rank.h"
#include "matcher/slot_index.h"
#include "matcher/subject_resolver.h"

namespace osprey::matcher {

inline constexpr size_t kShortlistSize = Candidates::kMax;
inline constexpr double kWindow = 0.00001;  // as section 5.2 adds to the bar
inline constexpr double kShortlistMargin = 0.0055;
static_assert(kShortlistMargin > (kShortlistSize + 2) * kWindow);

using ResolvedLines = std::array<uint32_t, db::kLineCount>;

// One list's head: who it is for, and which parts of noisy sets were seen on it.
class Shortlist {
 public:
  static constexpr size_t kMaxLocal = 32;

  const ResolvedLines& lines() const { return lines_; }
  // Names the list while it lives; 0: it is dead.
  uint64_t id() const { return id_; }
  // Too many references: cannot be used.
  bool is_wide() const { return is_wide_; }
  size_t size() const { return size_; }
  // Which of the noisy attributes the subject has, bit by bit.
  uint32_t noisy_present() const { return noisy_present_; }
  void set_noisy_present(uint32_t bits) { noisy_present_ = static_cast<uint8_t>(bits); }
  // Names the list and three of its local sets, like no other list ever.
  uint64_t Key(const std::array<uint8_t, kNoisyCount>& local) const {
    return serial_ << 24 | uint64_t{local[0]} << 16 | uint64_t{local[1]} << 8 | local[2];
  }

 private:
  friend class ShortlistStore;
  static constexpr size_t kMemoSlots = 64;
  static constexpr size_t kMaxChunks = kShortlistSize / kKeyGroup;

  ResolvedLines lines_{};
  uint64_t id_ = 0;
  uint64_t serial_ = 0;
  uint32_t size_ = 0;
  uint8_t noisy_present_ = 0;
  bool is_wide_ = false;
  bool is_used_ = false;  // since the store last looked for chunks
  uint8_t chunk_count_ = 0;
  uint8_t local_count_ = 0;
  uint8_t memo_count_ = 0;
  std::array<uint32_t, kMaxChunks> chunks_{};
  std::array<uint8_t, kMemoSlots> memo_local_{};
  std::array<uint32_t, kMemoSlots> memo_sets_{};  // set + 1; 0 is empty
};

// All shortlists of a Scratch. One thread; no allocation after construction.
class ShortlistStore {
 public:
  // Room for `lists` lists (0: none, and nothing may be made) and `chunks` chunks, at least those
  // of one list.
  ShortlistStore(size_t lists, size_t chunks);

  static constexpr size_t kBytesPerList = sizeof(Shortlist) + 8;
  static constexpr size_t kBytesPerChunk = 768;

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

  // An empty list; others may lose theirs. REQUIRES: Find did not find it.
  Shortlist& Make(uint64_t hash, const ResolvedLines& lines);
  // In ascending order of references. If there are too many the list becomes wide.
  void Add(Shortlist& list, uint32_t reference, uint32_t matched, uint32_t possible);

  // The parts of the three sets that are on the list, as numbers: equal parts have equal numbers.
  std::array<uint8_t, kNoisyCount> LocalSets(Shortlist& list,
                                             const std::array<uint32_t, kNoisyCount>& sets,
                                             const SubjectResolver& resolver);
  // The list's points: those without the noisy attributes, plus `noisy_units` of those whose local
  // set has the reference.
  void Score(Shortlist& list, const std::array<uint8_t, kNoisyCount>& local,
             const std::array<uint16_t, kNoisyCount>& noisy_units, const Kernel& kernel,
             Candidates& out) const;

  // All lists die.
  void Clear();

 private:
  struct Chunk {
    std::array<uint32_t, kKeyGroup> references;
    std::array<uint16_t, kKeyGroup> matched;
    std::array<uint16_t, kKeyGroup> possible;
    std::array<uint64_t, Shortlist::kMaxLocal> local;  // one word of each local set
  };
  static_assert(sizeof(Chunk) == kBytesPerChunk);

  uint32_t TakeChunk();
  void Kill(Shortlist& list);
  uint8_t LocalSet(Shortlist& list, uint32_t set, const SubjectResolver& resolver);
  uint8_t AddLocal(Shortlist& list, const SetView& view);

  SlotIndex index_;
  HugeVector<Shortlist> lists_;
  HugeVector<Chunk> chunks_;
  std::vector<uint32_t> free_chunks_;
  size_t hand_ = 0;
  const Shortlist* making_ = nullptr;  // keeps its chunks
  uint64_t next_serial_ = 1;
};

}  // namespace osprey::matcher
