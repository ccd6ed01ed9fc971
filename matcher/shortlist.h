// SPDX-License-Identifier: Apache-2.0
#pragma once
// The references that can be in the result list of a subject whatever its SP, GCD and ISR are: few
// enough to be scored in one register's width, and the same for all hosts whose measurements differ
// in those three only.
//
// Why leaving out the others changes nothing. Let every reference with accuracy a >= X be on the
// shortlist, at most n of them, and let 36 of different names have a >= X + (n + 2) * 0.00001. The
// shortlist's accuracies cannot touch all n + 1 windows of width 0.00001 in between, so in one,
// [g, g + 0.00001), there is no reference at all. Call those above it high. While a list has fewer
// than 36 high entries, its last entry is not high or it is not full, so the bar of section 5.2 is
// below g + 0.00001 and no high reference is turned away; a low one never removes a high one, by
// name or by rank. So the high entries of the list develop alike with or without the low ones, and
// in the end the list has nothing else. `Ranking` is used on subsets by the same argument.

#include <array>
#include <cstdint>
#include <vector>

#include "matcher/kernels.h"
#include "matcher/subject_resolver.h"

namespace osprey::matcher {

inline constexpr size_t kShortlistSize = kBlockBits;
inline constexpr double kWindow = 0.00001;  // as section 5.2 adds to the bar
inline constexpr double kShortlistMargin = 0.0055;
static_assert(kShortlistMargin > (kShortlistSize + 2) * kWindow);

class Shortlist {
 public:
  static constexpr size_t kMaxLocal = 48;

  explicit Shortlist(size_t plane_count) : planes_(2 * plane_count * kBlockWords) {}
  // Memory of one.
  static size_t Bytes(size_t plane_count) {
    return sizeof(Shortlist) + 2 * plane_count * kBlockWords * sizeof(uint64_t);
  }

  // All but the noisy part of a subject. `serial` is never used again.
  void Begin(const std::array<uint32_t, db::kLineCount>& lines, uint64_t serial);
  const std::array<uint32_t, db::kLineCount>& lines() const { return lines_; }

  // Names the list from Begin to the next Begin.
  uint64_t id() const { return id_; }
  // Which of the noisy attributes the subject has, bit by bit.
  uint32_t noisy_present() const { return noisy_present_; }
  void set_noisy_present(uint32_t bits) { noisy_present_ = bits; }

  // Too many references: cannot be used.
  bool is_wide() const { return is_wide_; }
  void set_wide() { is_wide_ = true; }

  // In ascending order of references. REQUIRES: fewer than kShortlistSize so far.
  void Add(uint32_t reference, uint32_t matched, uint32_t possible);

  size_t size() const { return size_; }
  const uint32_t* references() const { return references_.data(); }
  // One block each: points without the noisy attributes, and possible ones with them.
  const uint64_t* matched() const { return planes_.data(); }
  const uint64_t* possible() const { return planes_.data() + planes_.size() / 2; }

  // The part of a set that is on the list, as a number: equal parts have equal numbers.
  // `next_serial` is taken if what was numbered had to be forgotten.
  uint8_t LocalSet(uint32_t set, const SubjectResolver& resolver, uint64_t& next_serial);
  const uint64_t* local_words(uint8_t local) const { return &local_[local * kBlockWords]; }

  // Names the list and three of its local sets, like no other list ever.
  uint64_t Key(const std::array<uint8_t, kNoisyCount>& local) const {
    return serial_ << 24 | uint64_t{local[0]} << 16 | uint64_t{local[1]} << 8 | local[2];
  }

 private:
  static constexpr size_t kMemoSlots = 128;

  uint8_t AddLocal(const SetView& view);

  std::array<uint32_t, db::kLineCount> lines_{};
  bool is_wide_ = false;
  uint32_t size_ = 0;
  uint32_t noisy_present_ = 0;
  uint64_t id_ = 0;
  uint64_t serial_ = 0;
  std::array<uint32_t, kShortlistSize> references_{};
  std::vector<uint64_t> planes_;  // matched, then possible
  size_t local_count_ = 0;
  size_t memo_count_ = 0;
  std::array<uint32_t, kMemoSlots> memo_sets_{};  // set + 1; 0 is empty
  std::array<uint8_t, kMemoSlots> memo_local_{};
  std::array<uint64_t, kMaxLocal * kBlockWords> local_{};
};

}  // namespace osprey::matcher
