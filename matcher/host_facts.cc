// SPDX-License-Identifier: Apache-2.0
#include "matcher/host_facts.h"

#include <algorithm>

namespace osprey::matcher {

void HostFacts::AbsorbRound(const Observation& round, HostOrderPort u1_port) {
  max_seq_span_ms = std::max(max_seq_span_ms, round.seq_span_ms());
  if (!round.U1Filled()) return;
  if (hop_distance == kUnknownDistance) hop_distance = HopDistance(round);
  if (!closed_udp_port) closed_udp_port = u1_port;
}

int16_t HopDistance(const Observation& round) {
  if (!round.U1Filled()) return kUnknownDistance;
  return static_cast<int16_t>(round.context().u1_ttl - round.u1().quoted_ttl + 1);
}

Distance ReportedDistance(const HostFacts& facts) {
  if (facts.is_localhost) return {DistanceMethod::kLocal, 0};
  if (facts.mac_known) return {DistanceMethod::kDirect, 1};
  if (facts.hop_distance != kUnknownDistance) return {DistanceMethod::kIcmp, facts.hop_distance};
  return {};
}

}  // namespace osprey::matcher
