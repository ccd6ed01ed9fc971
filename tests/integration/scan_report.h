// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scan's XML output says of its first host: the same reader for Nmap and Osprey, so that a
// test compares what the two programs tell other programs.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "db/subject.h"

namespace osprey::testing {

struct PortReport {
  std::string state;   // "open", "closed", "filtered"
  std::string reason;  // "syn-ack", "reset", ...
  friend bool operator==(const PortReport&, const PortReport&) = default;
};

struct MatchReport {
  std::string name;
  int accuracy = 0;
  std::vector<std::string> classes = {};  // "VENDOR|FAMILY|GENERATION|TYPE"
  std::vector<std::string> cpe = {};
};

struct ScanReport {
  std::string host_state;
  std::map<int, PortReport> tcp;
  std::vector<std::string> ports_used;  // "open tcp 80"; the number is left out for UDP
  std::vector<MatchReport> matches;
  std::optional<int> distance;
  std::optional<std::string> difficulty;  // of tcpsequence
  std::optional<std::string> ip_id_class;
  std::optional<std::string> ts_class;
  std::optional<db::Subject> subject;  // from osfingerprint
};

// The error names the file and what is wrong with it.
absl::StatusOr<ScanReport> ReadScanReport(const std::string& xml_path);

}  // namespace osprey::testing
