// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which source ports and ICMP identifiers belong to discovery and which to the OS probes. The two
// are disjoint, so that a reply says by its destination port which machine it is for, and a late
// discovery reply is never taken for an OS reply.
//
//   first                                                 last
//   |---- OS blocks: bases b, ports [b, b+19] ----|- discovery -|
//
// A host's OS probes of round r use the TCP ports base .. base+19 (docs/os-detection.md 1.3) and
// its U1 probe the UDP port of a second, independent base; bases step by 256 each round, modulo
// the number of possible bases, so a four-tuple comes back only after rounds_before_reuse()
// rounds. Different hosts may share ports: replies are told apart by address first.
//
// The default, 33000..65259, is the range in which Nmap's own probes lie, so firewalls and rate
// limiters treat Osprey's probes as they treat Nmap's. It overlaps Linux's default range for
// outgoing connections (32768..60999): on a machine that has other connections, reserve it
// (net.ipv4.ip_local_reserved_ports) or use OutsideEphemeral(), whose 4,536 ports last for 17
// rounds.
//
// A value; any thread.

#include <cstdint>

#include "absl/status/status.h"
#include "base/address.h"

namespace osprey {

// OS probes use identifier icmpid and icmpid+1 with icmpid in [0, kOsIcmpIds); discovery uses the
// identifiers from kFirstDiscoveryIcmpId to 65535.
inline constexpr uint32_t kOsIcmpIds = 0xEFFF;
inline constexpr uint16_t kFirstDiscoveryIcmpId = 0xF000;
inline constexpr uint32_t kDiscoveryIcmpIds = 0x10000 - kFirstDiscoveryIcmpId;

// Ports of one round of one host, and the distance between rounds.
inline constexpr uint16_t kOsBlockPorts = 20;
inline constexpr uint32_t kRoundStep = 256;

struct PortPlan {
  HostOrderPort first = 33000;
  HostOrderPort last = 65259;  // included
  uint16_t discovery_ports = 32;

  // All ports from 61000 up, which Linux does not give to outgoing connections by default.
  static constexpr PortPlan OutsideEphemeral() { return {.first = 61000, .last = 65535}; }

  // InvalidArgument if the range is reversed, below 1024, or too small for discovery and one block
  // in each of two rounds, or if discovery_ports is not in 2..256. All else REQUIRES it to be ok.
  absl::Status Validate() const;

  constexpr HostOrderPort discovery_first() const {
    return static_cast<HostOrderPort>(last + 1 - discovery_ports);
  }
  constexpr bool IsDiscoveryPort(HostOrderPort port) const {
    return port >= discovery_first() && port <= last;
  }
  constexpr bool IsOsPort(HostOrderPort port) const {
    return port >= first && port < discovery_first();
  }
  // Possible values of a base: first .. first + bases() - 1.
  constexpr uint32_t bases() const {
    return uint32_t{discovery_first()} - kOsBlockPorts - first + 1;
  }
  // The base of `round` for a host whose base of round 0 is first + start. REQUIRES: start <
  // bases()
  constexpr HostOrderPort BaseOf(uint32_t start, uint32_t round) const {
    return static_cast<HostOrderPort>(first + (start + uint64_t{round} * kRoundStep) % bases());
  }
  // Rounds in a row whose blocks are certain not to overlap.
  constexpr uint32_t rounds_before_reuse() const { return bases() / kRoundStep; }
  // Whether any port of the plan lies in [low, high], e.g. net.ipv4.ip_local_port_range.
  constexpr bool Overlaps(HostOrderPort low, HostOrderPort high) const {
    return first <= high && low <= last;
  }

  friend bool operator==(const PortPlan&, const PortPlan&) = default;
};

}  // namespace osprey
