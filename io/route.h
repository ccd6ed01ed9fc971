// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a packet to an address leaves: interface, next hop, source address.
//
// A RouteTable is a snapshot of the kernel's IPv4 tables local, main and default, looked up in
// that order, each by longest prefix and then lowest metric, as the kernel does with its own
// three rules. Not modelled: further policy rules and tables (ignored_routes() counts what is
// left aside), VRFs, TOS routes, and the spreading of flows over multipath routes (the first live
// next hop serves).
//
// Each table is flattened into disjoint intervals sorted by start, so a lookup is one binary
// search per table and never allocates. Immutable: any thread may read it.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"
#include "io/link.h"

namespace osprey::io {

enum class RouteKind : uint8_t {
  kOnLink,       // ask ARP for the address itself (on Ethernet)
  kGateway,      // ask ARP for `gateway`
  kLocal,        // one of the machine's own addresses: raw IP only
  kBroadcast,    // broadcast or multicast: never a target
  kUnreachable,  // unreachable, blackhole, prohibit, or no route at all
};

struct Route {
  RouteKind kind = RouteKind::kUnreachable;
  int link_index = 0;  // kLocal: the loopback interface
  Ipv4Addr gateway;    // kGateway only
  Ipv4Addr source;     // what the kernel would put in packets of its own; 0 if there is none
};

// One line of a kernel table.
enum class RouteTableId : uint8_t { kLocal, kMain, kDefault };
enum class RouteType : uint8_t { kUnicast, kLocal, kBroadcast, kThrow, kUnreachable };
struct RouteEntry {
  RouteTableId table = RouteTableId::kMain;
  RouteType type = RouteType::kUnicast;
  Ipv4Addr prefix{};
  int prefix_length = 0;
  uint32_t metric = 0;
  int link_index = 0;
  bool has_gateway = false;
  Ipv4Addr gateway{};
  Ipv4Addr source{};  // 0: chosen from the interface's addresses
};

class RouteTable {
 public:
  // Reads the kernel's tables. `links` gives source addresses; it is not kept. If `only` is not
  // empty, routes that leave through links of other indexes count as if they were not there, as
  // for a socket that is bound to a link. Unavailable if netlink does not answer.
  static absl::StatusOr<RouteTable> Load(const LinkTable& links, std::span<const int> only = {});
  RouteTable(std::span<const RouteEntry> entries, const LinkTable& links);

  // Never fails: an address without a route is kUnreachable.
  Route Find(Ipv4Addr address) const;
  // As Find, for set-up: NotFound if unreachable (the message names the address),
  // InvalidArgument if broadcast or multicast.
  absl::StatusOr<Route> Lookup(Ipv4Addr address) const;

  // Where the answer of Find may change: between one of these addresses and the next it is the same
  // for all, but for the source of kLocal. Ascending, the first is 0.
  std::vector<Ipv4Addr> Boundaries() const;

  // Routes of tables that are not consulted, and live routes whose next hop is not IPv4.
  size_t ignored_routes() const { return ignored_; }

 private:
  // Covers addresses from `start` up to the next interval's start. choice < 0: no route here.
  struct Interval {
    uint32_t start = 0;
    int32_t choice = -1;
  };
  static constexpr size_t kTables = 3;

  void FillSources(const LinkTable& links);
  void Flatten(RouteTableId table, std::span<const RouteEntry> entries);

  std::vector<Interval> intervals_[kTables];
  std::vector<RouteEntry> entries_;  // by choice; sources filled in
  int loopback_index_ = 0;
  size_t ignored_ = 0;
};

// The address the kernel would choose on `link` for a packet to `next_hop`: a primary address in
// the same subnet, else the link's first primary address, else the first one of any link that is
// up and not loopback, else 0.
Ipv4Addr ChooseSource(const LinkTable& links, int link_index, Ipv4Addr next_hop);

}  // namespace osprey::io
