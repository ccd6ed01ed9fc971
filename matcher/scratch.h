// SPDX-License-Identifier: Apache-2.0
#pragma once
// All memory that matching writes: one Scratch for each thread that matches, made once. Beside work
// space it holds four caches, each exact and bounded:
//
//   text of a line          -> id of the resolved line (the sets its values belong to)
//   resolved lines          -> the verdict
//   lines other than SEQ    -> their sum of points for all references (SEQ varies most)
//   attributes present      -> possible points of all references, and what is needed for the bar
//
// A resolved line is, for each attribute, its presence and the set of references whose expressions
// it matches; so measurements that differ without changing any expression share a verdict.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "db/fingerprint.h"
#include "db/image.h"
#include "matcher/kernels.h"
#include "matcher/resolver.h"
#include "matcher/slot_index.h"
#include "matcher/verdict.h"

namespace osprey::matcher {

struct ScratchOptions {
  // For all caches together; more is used only as far as a few entries of each need it. 0: nothing
  // is kept from one match to the next.
  size_t cache_bytes = size_t{24} << 20;
};

// Since the Scratch was made. Only its thread may read them while it works.
struct ScratchCounters {
  uint64_t matches = 0;
  uint64_t verdict_hits = 0;
  uint64_t line_lookups = 0;
  uint64_t line_hits = 0;
  uint64_t sum_hits = 0;
  uint64_t bar_misses = 0;
  uint64_t flushes = 0;  // all caches emptied because ids had run out
};

// The sets of a line's attributes, as found in the image.
struct ResolvedLine {
  uint32_t line;
  uint32_t present;                 // bit i: the line's i-th attribute
  std::array<uint32_t, 11> sets{};  // of those present; 0 for others
  friend bool operator==(const ResolvedLine&, const ResolvedLine&) = default;
};

using LineIds = std::array<uint32_t, db::kLineCount>;  // 0: the line adds nothing

class Scratch {
 public:
  explicit Scratch(db::Image image, const ScratchOptions& options = {});

  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Scratch(Scratch&&) = default;

  const ScratchCounters& counters() const { return counters_; }

 private:
  friend class Matcher;

  // One for each set of present attributes.
  struct Scale {
    std::array<uint64_t, 2> present{};
    std::vector<db::AttributeId> attributes;  // those that have points; SEQ's come first
    size_t seq_count = 0;
    AddPlan all, seq, rest;
    std::vector<uint16_t> possible;  // by reference
    std::vector<uint64_t> bars;      // plane set: the points needed for kAccuracyBar
  };
  struct LineEntry {
    uint32_t id;
    uint16_t size;
    std::array<char, 154> key;
  };
  struct VerdictEntry {
    LineIds key;
    MatchResult result;
    uint32_t perfect;
    uint32_t count;
    std::array<uint32_t, kMaxMatches> references;
    std::array<double, kMaxMatches> accuracies;
  };
  struct SumEntry {
    LineIds key;  // SEQ's is 0
    bool filled;  // else only seen once so far
  };

  // Forgets everything that contains an id.
  void Flush();
  // nullopt if ids have run out.
  std::optional<uint32_t> InternLine(const ResolvedLine& line);

  db::Image image_;
  ScratchCounters counters_;
  DynamicSets dynamic_;

  SlotIndex line_index_;
  std::vector<LineEntry> line_entries_;
  std::vector<ResolvedLine> lines_;  // by id; [0] is the empty one
  size_t max_lines_;
  std::vector<uint32_t> line_table_;  // open addressing over lines_; 0 is empty

  SlotIndex verdict_index_;
  std::vector<VerdictEntry> verdict_entries_;

  SlotIndex sum_index_;
  std::vector<SumEntry> sum_entries_;
  std::vector<uint64_t> sum_planes_;  // plane_words_ for each entry

  SlotIndex scale_index_;
  std::vector<Scale> scales_;
  Scale uncached_scale_;

  size_t plane_words_;  // of one plane set
  std::vector<uint64_t> sums_;
  std::vector<uint64_t> candidates_;
  std::vector<SetView> views_;
};

}  // namespace osprey::matcher
