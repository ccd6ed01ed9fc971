// SPDX-License-Identifier: Apache-2.0
#pragma once
// The machine's network interfaces and their IPv4 addresses, read once over netlink.
//
// A LinkTable is a snapshot of the calling thread's network namespace: immutable, so any thread
// may read it. Loading blocks for a moment and allocates.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "base/address.h"

namespace osprey::io {

enum class LinkKind : uint8_t {
  kEthernet,  // 14-byte header, ARP
  kLoopback,  // its packets are reached through raw IP only
  kLayer3,    // tun, wireguard, ipip: frames start with the IP header
  kOther,     // a header we do not write: raw IP through the kernel
};
std::string_view LinkKindName(LinkKind kind);

struct LinkAddress {
  Ipv4Addr address;
  int prefix_length = 32;
  bool secondary = false;  // never chosen as a source address on its own
};

struct Link {
  std::string name;
  int index = 0;
  LinkKind kind = LinkKind::kOther;
  MacAddr mac{};         // zero where the link has none
  int mtu = 0;           // bytes behind the link header
  bool up = false;       // administratively
  bool running = false;  // and with a carrier
  bool no_arp = false;
  bool plain = false;  // a device of its own or a veth: it looks at nothing but the frame
  std::vector<LinkAddress> addresses{};  // in the kernel's order
};

class LinkTable {
 public:
  // Unavailable if netlink does not answer.
  static absl::StatusOr<LinkTable> Load();
  explicit LinkTable(std::vector<Link> links);

  const std::vector<Link>& links() const { return links_; }
  // nullptr if there is none. Valid as long as the table.
  const Link* ByName(std::string_view name) const;
  const Link* ByIndex(int index) const;
  // As ByName; NotFound lists the interfaces that exist.
  absl::StatusOr<const Link*> Find(std::string_view name) const;

  // True for the machine's own addresses and all of 127.0.0.0/8.
  bool IsLocal(Ipv4Addr address) const;

 private:
  std::vector<Link> links_;
  absl::flat_hash_set<uint32_t> local_;  // host order
};

}  // namespace osprey::io
