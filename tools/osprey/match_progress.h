// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `osprey match` says on standard error while it works, and at the end: how far it is, and how
// the matchers' queue and caches did. One thread.

#include <chrono>
#include <cstdint>

#include "matcher/scratch.h"

namespace osprey::tools {

class MatchProgress {
 public:
  // Shows a line, twice a second at most, if `wanted`.
  explicit MatchProgress(bool wanted) : wanted_(wanted) {}

  void Update(uint64_t subjects);
  // Clears the line, so that other text can follow.
  void Clear();
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool wanted_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_ + std::chrono::milliseconds(500);
};

// Batches under way when another one was submitted.
struct QueueDepth {
  uint64_t samples = 0;
  uint64_t sum = 0;
  uint64_t most = 0;
  uint64_t full = 0;  // the reader had to wait

  void Add(uint64_t depth, uint64_t slots);
};

void PrintMatchMetrics(uint64_t subjects, double seconds, const QueueDepth& queue,
                       const matcher::ScratchCounters& counters);

}  // namespace osprey::tools
