// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a match list says in words: docs/os-detection.md, 7.1, 7.2 and 7.5. Pure functions of an
// image and a list that was made with it; they allocate their results only.

#include <cstddef>
#include <string>
#include <vector>

#include "db/image.h"
#include "io/writers/record.h"
#include "matcher/classes.h"
#include "matcher/verdict.h"

namespace osprey::engine {

// The lines "Device type", "Running" and "OS CPE" (7.1). All empty: none of them is printed.
struct ClassSummary {
  std::vector<std::string> device_types;
  std::vector<std::string> running;  // "Linux 2.4.X|2.6.X (89%)"
  bool running_is_guess = false;     // there is no perfect class
  std::vector<std::string> cpe;
};

// `guess`: --osscan-guess was given, or the fingerprint is unfit.
ClassSummary SummarizeClasses(const db::Image& image, const matcher::ClassList& classes,
                              bool guess);

// "OS details: NAME, NAME": all perfect matches. REQUIRES: there is one.
std::string DetailsLine(const db::Image& image, const matcher::MatchList& matches);

// "Aggressive OS guesses: NAME (P%), ...". REQUIRES: the list is not empty.
std::string GuessesLine(const db::Image& image, const matcher::MatchList& matches);

// How many entries of the list are worth showing: all perfect ones, or else the first and up to
// nine more that are less than 0.10 behind it. None for too many matches.
size_t ListedCount(const matcher::MatchList& matches);

// One entry as it goes into a record.
io::OsMatchRecord MatchRecord(const db::Image& image, const matcher::Match& match);

io::OsResult ResultOf(matcher::MatchResult result);

}  // namespace osprey::engine
