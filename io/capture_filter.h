// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which packets a scan wants to see, said without the words of any capture library.
//
// The filter is narrow on purpose: what the kernel drops here costs neither room in the ring nor a
// wake-up. It passes IPv4 packets to our addresses that are ICMP, or TCP/UDP to one of our ports,
// and ARP. Fragments behind the first never pass a port test.

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "io/wire/link_layer.h"

namespace osprey::io {

struct PortRange {
  HostOrderPort first = 0;
  HostOrderPort last = 65535;  // inclusive
};

struct CaptureFilter {
  std::vector<Ipv4Addr> destinations;  // our addresses; empty: any, as where they are too scattered
  std::vector<PortRange> tcp_ports;    // our ports; empty: no TCP
  std::vector<PortRange> udp_ports;    // empty: no UDP
  bool icmp = true;
  bool arp = false;   // Ethernet only; to any address
  uint16_t vlan = 0;  // only frames with this 802.1Q tag; 0: whatever tag they have, or none
};

// The filter in libpcap's language, e.g.
//   (arp) or (ip and (dst host 10.0.0.1) and (icmp or tcp dst portrange 33000-65535)).
std::string ToPcapExpression(const CaptureFilter& filter, LinkLayer layer);

}  // namespace osprey::io
