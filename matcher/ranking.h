// SPDX-License-Identifier: Apache-2.0
#pragma once
// The list of best matches, filled reference by reference in the order of the database:
// docs/os-detection.md, section 5.2, with its quirks.

#include <cstdint>

#include "matcher/verdict.h"

namespace osprey::matcher {

class Ranking {
 public:
  // Empties `out` and fills it from now on.
  explicit Ranking(MatchList& out);

  // Below it, a reference that is not perfect cannot enter the list.
  double bar() const { return bar_; }

  // `name_id` is equal for references of the same name. `name_is_unique` saves looking for it.
  // False if there are too many perfect matches: then the list is final.
  bool Offer(uint32_t reference, uint32_t name_id, bool name_is_unique, double accuracy);

  // Sets the result. REQUIRES: called once, at the end.
  void Finish();

 private:
  // True if a match of that name stays in the list and this one is not wanted.
  bool ReplaceSameName(uint32_t name_id, double accuracy);
  void Insert(uint32_t reference, uint32_t name_id, double accuracy);

  MatchList& out_;
  double bar_ = kAccuracyBar;
  bool too_many_ = false;
  std::array<uint32_t, kMaxMatches + 1> names_;
  std::array<Match, kMaxMatches + 1> list_;
  uint32_t count_ = 0;
};

}  // namespace osprey::matcher
