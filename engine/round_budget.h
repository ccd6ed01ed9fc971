// SPDX-License-Identifier: Apache-2.0
#pragma once
// How often a round of OS probes may begin so that what it will cost fits into the rate.
//
// A round costs some 25 packets, most of them seconds after its first. A lane that begins rounds
// whenever there is room begins too many, then none until their repeats are through, and so on:
// the link carries waves of SEQ probes, which all are answered, and of repeats, which none is.
// So rounds begin at the pace at which their packets can leave: kAhead times the rate over the
// packets that rounds were seen to cost. The error of that estimate only makes the waves a little
// higher: what is really due is looked at too (Lane::ReserveSequence). While the rate is not used
// up, as after it has risen, rounds begin at kAheadIdle times that pace; the wave that this makes
// is followed by ever smaller ones.
//
// One per lane, used by its thread. Nothing allocates. Times are CLOCK_MONOTONIC nanoseconds.

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace osprey::engine {

class RoundBudget {
 public:
  // A round ended that took so many packets, those for its host's ports and resets included.
  void OnEnded(double packets) {
    cost_ = std::clamp(cost_ + (packets - cost_) / kMemory, kLeastCost, kMostCost);
  }

  // A round begins.
  void OnBegun(int64_t now, double packets_per_second) {
    if (packets_per_second <= 0) return;
    const double interval_ns = cost_ / packets_per_second * 1e9;
    const int64_t earliest = now - kCatchUpNs;
    next_ = std::max(next_, earliest) + static_cast<int64_t>(interval_ns / kAhead);
    next_idle_ = std::max(next_idle_, earliest) + static_cast<int64_t>(interval_ns / kAheadIdle);
  }

  // From when on the next one may; in the past if it already may. Any time for a scan without a
  // rate. `idle`: the rate is not used up.
  int64_t next(bool idle) const { return idle ? next_idle_ : next_; }

  // Packets that a round costs.
  double cost() const { return cost_; }

 private:
  static constexpr double kAhead = 1.05;
  static constexpr double kAheadIdle = 1.15;
  static constexpr double kMemory = 64;  // rounds
  static constexpr double kLeastCost = 8;
  static constexpr double kMostCost = 200;
  static constexpr double kTypicalCost = 25;
  static constexpr int64_t kCatchUpNs = 20 * kNsPerMs;

  double cost_ = kTypicalCost;
  int64_t next_ = 0;
  int64_t next_idle_ = 0;
};

}  // namespace osprey::engine
