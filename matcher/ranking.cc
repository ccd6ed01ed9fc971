// SPDX-License-Identifier: Apache-2.0
#include "matcher/ranking.h"

#include <algorithm>

namespace osprey::matcher {

Ranking::Ranking(MatchList& out) : out_(out) {
  out_.result = MatchResult::kNoMatches;
  out_.perfect = 0;
  out_.count = 0;
}

bool Ranking::Offer(uint32_t reference, uint32_t name_id, bool name_is_unique, double accuracy) {
  const bool is_perfect = accuracy == 1;
  if (accuracy < bar_ && !is_perfect) return true;
  if (!name_is_unique && ReplaceSameName(name_id, accuracy)) return true;
  if (is_perfect) {
    if (out_.perfect == kMaxMatches) {
      too_many_ = true;
      return false;
    }
    ++out_.perfect;
  }
  Insert(reference, name_id, accuracy);
  if (count_ == kMaxMatches) bar_ = std::min(list_[kMaxMatches - 1].accuracy + 0.00001, 1.0);
  return true;
}

bool Ranking::ReplaceSameName(uint32_t name_id, double accuracy) {
  for (uint32_t i = 0; i < count_; ++i) {
    if (names_[i] != name_id) continue;
    if (list_[i].accuracy >= accuracy) return true;
    std::copy(list_.begin() + i + 1, list_.begin() + count_, list_.begin() + i);
    std::copy(names_.begin() + i + 1, names_.begin() + count_, names_.begin() + i);
    --count_;
    return false;
  }
  return false;
}

// Behind all that are at least as good. The 37th falls out.
void Ranking::Insert(uint32_t reference, uint32_t name_id, double accuracy) {
  uint32_t i = count_;
  for (; i > 0 && list_[i - 1].accuracy < accuracy; --i) {
    list_[i] = list_[i - 1];
    names_[i] = names_[i - 1];
  }
  list_[i] = {reference, accuracy};
  names_[i] = name_id;
  if (count_ < kMaxMatches) ++count_;
}

void Ranking::Finish() {
  std::copy_n(list_.begin(), count_, out_.all.begin());
  out_.count = count_;
  if (too_many_) {
    out_.result = MatchResult::kTooManyMatches;
  } else {
    out_.result = count_ == 0 ? MatchResult::kNoMatches : MatchResult::kSuccess;
  }
}

}  // namespace osprey::matcher
