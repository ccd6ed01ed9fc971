// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a match says: the list of docs/os-detection.md, section 5.2. Plain values without pointers;
// `reference` is an index into the db::Image that was matched against.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace osprey::matcher {

inline constexpr size_t kMaxMatches = 36;
inline constexpr double kAccuracyBar = 0.85;

enum class MatchResult : uint8_t {
  kSuccess,
  kNoMatches,
  kTooManyMatches,  // more than kMaxMatches perfect ones; the list then has those found so far
};

struct Match {
  uint32_t reference;
  double accuracy;  // matched points / possible points; 1.0 is perfect
  friend bool operator==(const Match&, const Match&) = default;
};

struct MatchList {
  MatchResult result = MatchResult::kNoMatches;
  uint32_t perfect = 0;                // how many perfect matches were counted
  uint32_t count = 0;                  // entries of `all` in use
  std::array<Match, kMaxMatches> all;  // best first, equal ones in the order of the database

  std::span<const Match> matches() const { return {all.data(), count}; }
  // The percentage that is shown: cut, not rounded.
  static int Percent(double accuracy) { return static_cast<int>(accuracy * 100); }

  friend bool operator==(const MatchList& a, const MatchList& b) {
    if (a.result != b.result || a.perfect != b.perfect || a.count != b.count) return false;
    for (size_t i = 0; i < a.count; ++i) {
      if (!(a.all[i] == b.all[i])) return false;
    }
    return true;
  }
};

}  // namespace osprey::matcher
