// SPDX-License-Identifier: Apache-2.0
#pragma once
// What people see of a running scan beside its results: the progress line on a terminal, the
// summary of -v, and all counters as JSON.

#include <string>

#include "absl/status/status.h"
#include "engine/scan.h"

namespace osprey::tools {

// Keeps one line of standard error up to date, about once a second, if it is a terminal.
class ProgressLine {
 public:
  ProgressLine(const engine::Scan* scan, const Clock* clock);
  void Update();
  // Clears the line, so that other text can follow.
  void Clear();

 private:
  const engine::Scan* scan_;
  const Clock* clock_;
  bool terminal_;
  bool shown_ = false;
  int64_t started_ns_;
  int64_t next_ns_;
  uint64_t last_sent_ = 0;
  int64_t last_ns_;
};

// A few lines: packets by class, which ring carried them in how many system calls, replies and
// drops by reason, hosts by outcome.
std::string ScanSummaryText(const engine::Scan& scan, const engine::Network& network);

// Every counter of every part as one JSON object.
std::string CountersJson(const engine::Scan& scan, const engine::Network& network);

}  // namespace osprey::tools
