// SPDX-License-Identifier: Apache-2.0
// Writes fingerprints of the traffic of tests/testing/traffic.h to standard output, one a line, for
// match_stream:
//
//   subject_stream COUNT       (OSPREY_BENCH_DB: another database than Nmap's)
//
// Exit status 1 if they cannot be written, 2 for a bad COUNT, 3 if there is no database.
#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "db/database.h"
#include "tests/testing/traffic.h"

namespace osprey {
namespace {

constexpr uint64_t kSeed = 11;

int Main(int argc, char** argv) {
  uint64_t count = 0;
  if (argc != 2 || !absl::SimpleAtoi(argv[1], &count)) {
    std::fputs("usage: subject_stream COUNT\n", stderr);
    return 2;
  }
  const char* named = std::getenv("OSPREY_BENCH_DB");
  const auto database = db::OpenDatabase({.path = named != nullptr ? named : ""});
  if (!database.ok()) {
    std::fprintf(stderr, "subject_stream: %s\n", database.status().ToString().c_str());
    return 3;
  }
  testing::Traffic traffic(database->image, kSeed);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string line = traffic.Next().Text("") + "\n";
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) return 1;
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace osprey

int main(int argc, char** argv) { return osprey::Main(argc, argv); }
