// SPDX-License-Identifier: Apache-2.0
#pragma once
// The list of best matches by sorting, wherever that gives what `Ranking` gives reference by
// reference (docs/os-detection.md, 5.2); it says so when it cannot know.
//
// Sort all references that reach 0.85 by accuracy, equal ones in the order of the database; of each
// name keep the first; call the 36th accuracy v. If no other accuracy is within 0.00001 of v, then
// the first 36 are the list that 5.2 builds:
//   * One that belongs to them is never refused: that needs a full list whose last entry u has
//     u <= a < u + 0.00001. Then u <= v <= a, for 36 different names have come that reach u; so
//     u = v = a, as nothing else is that near to v, and all 36 are at least as good and came before
//     it: it does not belong to them. Nor can an entry of its own name refuse it, being the best.
//   * One that belongs to them is never pushed out: that needs 36 others, of different names, that
//     are better, or as good and before it.
// With fewer than 36 names the list is never full, and 5.2 is nothing but this sort. More than 36
// perfect names end the search in the middle: that is left to `Ranking`.
//
// It is enough to look at the best ones, if the first accuracy below v is among them.

#include <array>
#include <cstddef>
#include <cstdint>

#include "matcher/kernels.h"
#include "matcher/name_marks.h"
#include "matcher/verdict.h"

namespace osprey::matcher {

// How near two accuracies may be before the bar's 0.00001 can tell them apart, with room for
// rounding.
inline constexpr double kApart = 0.0000101;

// References with their points, in ascending order. Some 10 KiB, part of a Scratch.
struct Candidates {
  static constexpr size_t kMax = size_t{1} << kIndexBits;

  size_t count = 0;
  alignas(64) std::array<uint16_t, kMax> matched;
  alignas(64) std::array<uint16_t, kMax> possible;
  alignas(64) std::array<uint32_t, kMax> references;
  alignas(64) std::array<uint64_t, kMax> keys;

  size_t PaddedCount() const { return (count + kKeyGroup - 1) / kKeyGroup * kKeyGroup; }
  // Sets `keys` from the points; those behind the last one become far.
  void SetKeys(const Kernel& kernel);
  static double Accuracy(uint64_t key);
};

// Fills `out` and returns true, or returns false: then `out` means nothing. `complete`: the
// candidates are all that reach 0.85, and perhaps more; else all that reach some higher bar.
// REQUIRES: SetKeys was called.
bool QuickRank(const Kernel& kernel, const Candidates& candidates, bool complete,
               const Names& names, NameMarks& marks, MatchList& out);

}  // namespace osprey::matcher
