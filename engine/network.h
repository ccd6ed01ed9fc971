// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the engine sees of the network: links with their rings, and which way leads to an address.
// The real one (system_network.h) asks the kernel over netlink once, at the start of a scan; tests
// give one that lives in memory.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"
#include "io/capture_ring.h"
#include "io/send_ring.h"

namespace osprey::engine {

struct LinkInfo {
  std::string name;
  io::LinkLayer layer = io::LinkLayer::kEthernet;
  MacAddr mac;                    // ours; zero without Ethernet
  std::vector<Ipv4Addr> sources;  // our addresses that packets on this link may come from
  bool local = false;             // the raw-IP way to our own addresses
  uint16_t vlan = 0;              // 802.1Q tag of all frames; 0: none
  // Those of `sources` that the kernel does not own, ascending: we answer ARP for them.
  std::vector<Ipv4Addr> foreign{};
  bool own_resets = false;  // SYN-ACKs are answered by the lanes, not by the kernel
  bool can_reset = false;   // they could be, if the kernel's resets turn out to be of no use
};

// How to reach one address.
struct Path {
  uint8_t link = 0;        // index into links
  bool reachable = false;  // false: no route, or the next hop did not answer
  bool on_link = false;    // needs ARP for the address itself
  bool local = false;      // one of our own addresses
  uint8_t source = 0;      // index into the link's sources
  MacAddr next_hop;        // the gateway's, unless on_link or without Ethernet

  friend bool operator==(const Path&, const Path&) = default;
};

// A path, and addresses that all have it: first .. last, both included.
struct PathRange {
  Path path;
  Ipv4Addr first;
  Ipv4Addr last;

  bool Contains(Ipv4Addr address) const {
    return address.host_order - first.host_order <= last.host_order - first.host_order;
  }
};

class Network {
 public:
  virtual ~Network() = default;

  virtual size_t link_count() const = 0;
  virtual const LinkInfo& link(size_t index) const = 0;

  // Any thread. Does not block or allocate.
  virtual Path PathTo(Ipv4Addr address) const noexcept = 0;
  // The same with addresses around it, for who asks about many. Holds `address` at least.
  virtual PathRange PathAround(Ipv4Addr address) const noexcept {
    return {PathTo(address), address, address};
  }

  // One send ring for each lane and link; one capture ring for each link, or as many as there are
  // capture threads, which then share its packets by host. Before the scan starts.
  virtual absl::StatusOr<std::unique_ptr<io::SendRing>> MakeSendRing(size_t link, size_t lane) = 0;
  virtual absl::StatusOr<std::unique_ptr<io::CaptureRing>> MakeCaptureRing(size_t link) = 0;
};

}  // namespace osprey::engine
