// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is known of a host beyond the replies of one round: it decides which lines a fingerprint
// has, its T values, the distance that is shown, and whether the fingerprint is fit for
// submission. Kept between rounds by the owner of the host (docs/os-detection.md, 1.10); a plain
// value without heap use. Host byte order.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/address.h"
#include "matcher/observation.h"

namespace osprey::matcher {

// The mark of "not known" in hop_distance. A path that raises TTLs by two gives the same number;
// it counts as unknown everywhere (8.1).
inline constexpr int16_t kUnknownDistance = -1;

struct HostFacts {
  // Ports with a known state, as remembered from round to round (2.1). A port that was only
  // guessed or unfiltered is not remembered, even if probes went to it.
  std::optional<HostOrderPort> open_tcp_port;
  std::optional<HostOrderPort> closed_tcp_port;
  std::optional<HostOrderPort> closed_udp_port;

  int16_t hop_distance = kUnknownDistance;  // D of 8.1, from the first U1 answer of the scan
  uint32_t max_seq_span_ms = 0;             // largest Observation::seq_span_ms of any round
  uint32_t scan_delay_ms = 0;
  uint8_t timing_template = 3;  // -T0 to -T5
  bool is_localhost = false;    // the target is an address of this machine
  bool udp_scan_requested = false;
  bool probes_failed_to_send = false;
  bool mac_known = false;               // the target is on the same link
  std::array<uint8_t, 3> mac_prefix{};  // valid if mac_known

  // Takes from a round what outlives it: the hop distance if still unknown, the largest span, and
  // `u1_port`, to which the round's U1 went, as a closed UDP port if U1 was answered.
  void AbsorbRound(const Observation& round, HostOrderPort u1_port);

  double max_timing_ratio() const { return max_seq_span_ms / 500.0; }
};
static_assert(std::is_trivially_copyable_v<HostFacts>);

// Hops by the TTL that U1 quotes (8.1): may be 0 or negative. kUnknownDistance without U1.
int16_t HopDistance(const Observation& round);

enum class DistanceMethod : char { kUnknown = '\0', kLocal = 'L', kDirect = 'D', kIcmp = 'I' };

// The distance as reported (8.1), which may differ from the one behind the T values.
struct Distance {
  DistanceMethod method = DistanceMethod::kUnknown;
  int hops = 0;  // valid unless unknown
  bool known() const { return method != DistanceMethod::kUnknown; }
};
Distance ReportedDistance(const HostFacts& facts);

}  // namespace osprey::matcher
