// SPDX-License-Identifier: Apache-2.0
#pragma once
// Round-trip time and the probe timeout derived from it, per host (docs/os-detection.md, 1.8: the
// smoothing of RFC 6298 with bounds of its own). A value type; microseconds throughout.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace osprey::engine {

struct RttParams {
  int32_t initial_us = 1'000'000;
  int32_t min_us = 100'000;
  int32_t max_us = 10'000'000;
};

struct RttState {
  int32_t srtt_us = -1;  // negative: no sample yet
  int32_t var_us = 0;
  int32_t timeout_us = 1'000'000;

  void Reset(const RttParams& params) { *this = {-1, 0, params.initial_us}; }

  // Takes one measured round trip. Samples that the rules call implausible change nothing.
  void Add(int64_t rtt_us, const RttParams& params) {
    if (rtt_us < 0 && rtt_us > -50'000) rtt_us = 10'000;
    if (rtt_us < 0 || rtt_us >= 8'000'000) return;
    const auto rtt = static_cast<int32_t>(rtt_us);
    if (srtt_us < 0) {
      srtt_us = rtt;
      var_us = std::clamp(rtt, 5'000, 2'000'000);
    } else {
      const int32_t delta = rtt - srtt_us;
      if (delta > 1'500'000 && delta > 3 * srtt_us + 2 * var_us) return;
      srtt_us += delta >> 3;
      var_us += (std::abs(delta) - var_us) >> 2;
    }
    if (var_us > 2'300'000) var_us = 2'000'000;
    timeout_us = std::clamp(srtt_us + 4 * var_us, params.min_us, params.max_us);
  }
};

}  // namespace osprey::engine
