// SPDX-License-Identifier: Apache-2.0
#pragma once
// All memory that matching writes: one Scratch for each thread that matches, made once. Beside work
// space it holds caches, each exact and bounded:
//
//   text of a subject without SP GCD ISR  -> its shortlist
//   text of a line                     -> its resolved line           (SubjectResolver)
//   resolved lines without SP GCD ISR  -> shortlist                (Shortlist)
//   attributes present                 -> possible points of all references
//
// Where nearly every host is unlike all before, looking them up and filling them is work for
// nothing: then they are left alone, but for a trial now and then.
//
// So measurements that differ in SP, GCD or ISR only share all but the last step.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "db/image.h"
#include "matcher/huge_pages.h"
#include "matcher/kernels.h"
#include "matcher/name_marks.h"
#include "matcher/prefetch.h"
#include "matcher/quick_rank.h"
#include "matcher/shortlist.h"
#include "matcher/slot_index.h"
#include "matcher/subject_resolver.h"
#include "matcher/verdict.h"

namespace osprey::matcher {

struct ScratchOptions {
  // For all caches together; a little more is used if a few entries of each need it. 0: nothing is
  // kept from one match to the next.
  size_t cache_bytes = size_t{32} << 20;
};

// Since the Scratch was made. Only its thread may read them while it works.
struct ScratchCounters {
  uint64_t matches = 0;
  uint64_t shortlist_results = 0;  // a shortlist gave the result
  uint64_t text_hits = 0;          // shortlists that were found by the subject's text
  uint64_t shortlist_hits = 0;     // shortlists that were found, text hits included
  uint64_t shortlists_made = 0;
  uint64_t sorted = 0;  // rankings by QuickRank alone
  uint64_t scale_misses = 0;
  uint64_t past_caches = 0;  // matches for which the caches were left alone
  uint64_t flushes = 0;      // all caches emptied because ids had run out
  uint64_t line_lookups = 0;
  uint64_t line_hits = 0;

  void Add(const ScratchCounters& other);
};

class Scratch {
 public:
  explicit Scratch(db::Image image, const ScratchOptions& options = {});

  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Scratch(Scratch&&) = default;

  ScratchCounters counters() const;

 private:
  friend class Matcher;
  static constexpr size_t kMaxPairKeys = 4096;
  static constexpr size_t kMaxTextKey = 498;

  // What depends on the set of present attributes only.
  struct Scale {
    // All memory that it will need.
    void Reserve(const db::Image& image);

    std::array<uint64_t, 2> present{};
    std::vector<db::AttributeId> attributes;  // those that have points, noisy ones first
    size_t noisy_count = 0;
    AddPlan all;
    AddPlan rest;  // without the noisy ones; made when needed
    bool has_rest = false;
    std::vector<uint64_t> possible;  // plane set
  };
  struct TextEntry {
    uint64_t shortlist_id;
    uint32_t shortlist_slot;
    uint16_t size;
    std::array<char, kMaxTextKey> key;
  };
  static_assert(sizeof(TextEntry) == 512);
  // Where to match the next subjects: here, or in a Scratch without caches.
  Scratch& ForNext(size_t subjects);
  void PrefetchText(size_t slot, size_t key_size) const {
    Prefetch(&texts_[slot], offsetof(TextEntry, key) + key_size);
  }
  // Forgets everything that contains an id.
  void Flush();
  // Whether this was asked for often enough lately, roughly: most of what comes once does not come
  // again.
  bool IsWorthKeeping(uint64_t hash);

  // Whether the caches are of use, judged anew when `matches_left` comes to 0.
  struct Trial {
    bool past_caches = false;
    uint32_t matches = 0;
    uint32_t matches_left = 0;
    uint64_t hits_before = 0;
  };

  ScratchCounters counters_;
  Trial trial_;
  std::unique_ptr<Scratch> without_caches_;  // none in one without
  SubjectResolver resolver_;

  SlotIndex text_index_;
  HugeVector<TextEntry> texts_;

  ShortlistStore shortlists_;
  std::vector<uint32_t> seen_;
  uint64_t seen_until_ = 0;  // when counts of matches are halved

  SlotIndex scale_index_;
  std::vector<Scale> scales_;
  Scale uncached_scale_;

  std::vector<uint64_t> matched_;  // plane sets
  std::vector<uint64_t> most_;
  std::vector<uint64_t> reached_;  // kLevels sets
  Candidates candidates_;
  // For making a shortlist.
  std::vector<Listing> listings_;
  std::vector<uint8_t> places_;
  std::vector<uint64_t> pair_keys_;
  std::vector<ListedPair> pairs_;
  std::vector<uint16_t> buckets_;
  std::vector<uint32_t> by_bucket_;
  NameMarks marks_;
  std::vector<SetView> views_;
  AddPlan present_plan_;
};

}  // namespace osprey::matcher
