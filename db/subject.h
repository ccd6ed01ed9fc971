// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the text of a measured fingerprint: the groups "SEQ(...)OPS(...)..." on one line or on
// several, with or without a SCAN(...) line.
//
// Nmap's wrapped "OS:" rows are joined by the caller first. In the merged print of several rounds a
// test may stand more than once: the later one replaces the earlier and `repeated` says so.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "db/fingerprint.h"

namespace osprey::db {

// The fields of a SCAN line (docs/os-detection.md, 6.4), as far as they were given.
struct ScanLine {
  std::string version;                 // V
  std::string engine;                  // E
  std::string date;                    // D
  std::string platform;                // P
  std::string mac_prefix;              // M
  std::optional<uint16_t> open_tcp;    // OT
  std::optional<uint16_t> closed_tcp;  // CT
  std::optional<uint16_t> closed_udp;  // CU
  std::optional<bool> private_target;  // PV
  std::optional<bool> good;            // G
  std::optional<int32_t> distance;     // DS
  char distance_method = 0;            // DC: 'L', 'D', 'I', 'T', or 0
  std::optional<uint64_t> time;        // TM, Unix time
};

struct Subject {
  Fingerprint fingerprint;
  std::optional<ScanLine> scan;
  bool repeated = false;  // a test stood there more than once
};

inline constexpr size_t kMaxSubjectBytes = 65536;

// Replaces `out`. Allocates only for a SCAN line and for messages. InvalidArgument says
// "LINE:COLUMN: what is wrong"; `out` is then unspecified.
absl::Status ParseSubject(std::string_view text, Subject& out);

// The same, for callers that need the fingerprint alone.
absl::StatusOr<Fingerprint> ParseSubject(std::string_view text);

}  // namespace osprey::db
