// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a reference's value expression to concrete values that satisfy it.
//
// A reference says `3B-45|FA-104`; a host has one value. Candidates lists values in the order in
// which an emulated host prefers them: alternatives as written, of a range its middle first. Values
// that today's rules and those of Nmap before 7.95 both accept come before values that only
// today's accept (docs/os-detection.md, sections 4.4 and 10), so that any Nmap can be the judge.
//
// Pure functions, set-up only: they allocate.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osprey::lab {

// Values that satisfy `expression`; empty if none could be found (a contradiction such as 9-3, or
// text that nothing can equal). `is_options` as in db::Matches.
std::vector<std::string> Candidates(std::string_view expression, bool is_options);

// The same as numbers, those that are no hexadecimal 32-bit number being left out. For ranges
// `spread` values are listed, evenly from the middle outwards.
std::vector<uint32_t> NumberCandidates(std::string_view expression, int spread = 5);

// The numbers that satisfy an expression, for searches that ask millions of times.
class NumberSet {
 public:
  // Empty text: every number, as for an attribute that a reference does not have.
  explicit NumberSet(std::string_view expression);
  bool Contains(uint32_t value) const {
    for (const auto& [low, high] : ranges_) {
      if (value >= low && value <= high) return true;
    }
    return false;
  }

 private:
  std::vector<std::pair<uint32_t, uint32_t>> ranges_;  // both ends included
};

// A hexadecimal number of at most 32 bits; nullopt for any other text.
std::optional<uint32_t> ParseHex(std::string_view text);
std::string ToHex(uint32_t value);

// The rules before 7.95: alternatives that are not last match as prefixes, a `-` in a later
// alternative makes earlier ones ranges.
bool MatchesOldRules(std::string_view expression, std::string_view value);

}  // namespace osprey::lab
