// SPDX-License-Identifier: Apache-2.0
#include "engine/messages.h"

#include <algorithm>

namespace osprey::engine {
namespace {

std::optional<HostOrderPort> PortOrNone(HostOrderPort port) {
  return port == 0 ? std::nullopt : std::optional<HostOrderPort>(port);
}

}  // namespace

matcher::HostFacts FactsOf(const HostState& s, const HostConfig& config) {
  matcher::HostFacts facts;
  facts.open_tcp_port = PortOrNone(s.open_port);
  facts.closed_tcp_port = PortOrNone(s.closed_port);
  facts.closed_udp_port = PortOrNone(s.udp_closed);
  facts.hop_distance = s.distance_known ? s.hop_distance : matcher::kUnknownDistance;
  facts.max_seq_span_ms = s.max_span_ms;
  facts.is_localhost = s.local;
  facts.udp_scan_requested = config.udp_scan_requested;
  facts.scan_delay_ms = config.scan_delay_ms;
  facts.timing_template = config.timing_template;
  facts.mac_known = s.on_link && !s.next_hop.is_zero();
  std::copy_n(s.next_hop.bytes.begin(), 3, facts.mac_prefix.begin());
  return facts;
}

}  // namespace osprey::engine
