// SPDX-License-Identifier: Apache-2.0
#pragma once
// The 2,000 cases of the matching corpus, and the installed database that they were made with. Both
// are looked for at run time and belong to nobody's build: tests skip with the reason when one is
// missing.
//
// The corpus: $OSPREY_GOLDEN_DIR, else ../shared/golden/matching beside the project. The database:
// /usr/share/nmap/nmap-os-db, if its SHA-256 is the one in the corpus's database.sha256.

#include <cstdint>
#include <string>
#include <vector>

namespace osprey::testing {

struct ExpectedMatch {
  uint32_t db_line;
  std::string accuracy;  // six decimals
  friend bool operator==(const ExpectedMatch&, const ExpectedMatch&) = default;
};

struct MatchingCase {
  std::string subject;
  int result;  // 0 success, -1 no matches, -2 too many
  uint32_t perfect;
  std::vector<ExpectedMatch> matches;
};

struct MatchingCorpus {
  std::string missing;   // why there is none; empty if there is one
  std::string database;  // text
  std::string database_path;
  std::vector<MatchingCase> cases;
};

// Read once.
const MatchingCorpus& LoadMatchingCorpus();

// The text of the installed database, whatever its version; empty if there is none.
const std::string& InstalledDatabase();

}  // namespace osprey::testing
