// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether round trips get longer: the difference between those of two SEQ probes of one host that
// follow each other. Kept apart from the hosts' own memory because only --rate auto asks.
//
// One per lane, used by its thread. Nothing allocates after construction.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/host_state.h"

namespace osprey::engine {

class DelayTrend {
 public:
  // `slots`: of the host table; 0: nothing is followed.
  explicit DelayTrend(size_t slots) : latest_(slots) {}

  // SEQ probe `n` (0..5) of the host in `slot` was answered after `rtt_us`. Returns how much longer
  // that took than with probe n - 1 of the same round; nothing if that was not answered.
  std::optional<int64_t> Follow(uint32_t slot, const HostState& host, uint32_t n, int64_t rtt_us) {
    if (latest_.empty()) return std::nullopt;
    const Latest now{static_cast<int32_t>(rtt_us), host.generation, host.serial,
                     static_cast<uint8_t>(n)};
    const Latest before = latest_[slot];
    latest_[slot] = now;
    const bool follows =
        before.generation == now.generation && before.serial == now.serial && before.n + 1 == now.n;
    if (!follows) return std::nullopt;
    return int64_t{now.rtt_us} - before.rtt_us;
  }

 private:
  struct Latest {
    int32_t rtt_us = 0;
    uint16_t generation = 0;  // of the slot's host
    uint8_t serial = 0;       // of its round: from 1, so that none matches at first
    uint8_t n = 0;
  };

  std::vector<Latest> latest_;
};

}  // namespace osprey::engine
