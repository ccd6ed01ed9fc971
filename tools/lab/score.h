// SPDX-License-Identifier: Apache-2.0
#pragma once
// Compares what a scanner found with what the world was.
//
// Of every host that is up, exactly one is said:
//   missed   the scanner does not report it as up
//   exact    its reference is listed as a perfect match
//   listed   its reference is listed, but not as perfect
//   family   the best match is of the same vendor and family
//   wrong    the best match is of another family
//   none     found, but nothing is said of its system (or more matches than are listed)
// Beside hosts, addresses that the scanner takes for hosts and that are none are counted (ghosts).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace osprey::lab {

struct ScoreRow {
  uint64_t hosts = 0;
  uint64_t missed = 0;
  uint64_t exact = 0;
  uint64_t listed = 0;
  uint64_t family = 0;
  uint64_t wrong = 0;
  uint64_t none = 0;

  uint64_t found() const { return hosts - missed; }
};

struct Score {
  ScoreRow all;
  uint64_t ghosts = 0;
  std::map<std::string, ScoreRow> by_family;  // of the reference's first class
  std::map<std::string, ScoreRow> by_type;
  std::map<std::string, ScoreRow> by_box;  // "none" for hosts without a box in front
};

// Errors name the file and the line.
absl::StatusOr<Score> ScoreFiles(const std::string& truth, const std::string& results);

// A table for people. Rows with few hosts are summed up if there are many.
std::string ScoreTable(const Score& score);
// One JSON object, with newline.
std::string ScoreJson(const Score& score);

}  // namespace osprey::lab
