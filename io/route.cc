// SPDX-License-Identifier: Apache-2.0
#include "io/route.h"

#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "io/netlink.h"

namespace osprey::io {
namespace {

uint32_t Mask(int prefix_length) {
  return prefix_length <= 0 ? 0 : ~uint32_t{0} << (32 - prefix_length);
}

bool InPrefix(Ipv4Addr address, const LinkAddress& entry) {
  return ((address.host_order ^ entry.address.host_order) & Mask(entry.prefix_length)) == 0;
}

// --- kernel to RouteEntry ---

bool ToTable(uint32_t kernel_table, RouteTableId& out) {
  switch (kernel_table) {
    case RT_TABLE_LOCAL:
      out = RouteTableId::kLocal;
      return true;
    case RT_TABLE_MAIN:
      out = RouteTableId::kMain;
      return true;
    case RT_TABLE_DEFAULT:
      out = RouteTableId::kDefault;
      return true;
    default:
      return false;
  }
}

RouteType ToType(uint8_t kernel_type) {
  switch (kernel_type) {
    case RTN_UNICAST:
      return RouteType::kUnicast;
    case RTN_LOCAL:
      return RouteType::kLocal;
    case RTN_BROADCAST:
    case RTN_ANYCAST:
    case RTN_MULTICAST:
      return RouteType::kBroadcast;
    case RTN_THROW:
      return RouteType::kThrow;
    default:
      return RouteType::kUnreachable;
  }
}

// Without a carrier (RTNH_F_LINKDOWN) a route still counts, unless the interface is set to
// ignore_routes_with_linkdown, and then the kernel says dead too.
bool IsDead(rtnl_nexthop* hop) { return (rtnl_route_nh_get_flags(hop) & RTNH_F_DEAD) != 0; }

enum class Conversion : uint8_t { kTaken, kDead, kIgnored };

// Fills link and gateway from the first live next hop, on one of the links `only` if there are any.
Conversion TakeNextHop(rtnl_route* source, std::span<const int> only, RouteEntry& entry) {
  const bool any = only.empty() || entry.type != RouteType::kUnicast;

  const int hops = rtnl_route_get_nnexthops(source);
  for (int i = 0; i < hops; ++i) {
    rtnl_nexthop* hop = rtnl_route_nexthop_n(source, i);
    if (hop == nullptr || IsDead(hop)) continue;
    const int link = rtnl_route_nh_get_ifindex(hop);
    if (!any && std::find(only.begin(), only.end(), link) == only.end()) continue;
    if (rtnl_route_nh_get_via(hop) != nullptr) return Conversion::kIgnored;
    entry.link_index = link;
    entry.has_gateway = ToIpv4(rtnl_route_nh_get_gateway(hop), entry.gateway);
    return Conversion::kTaken;
  }
  return Conversion::kDead;
}

Conversion Convert(rtnl_route* source, std::span<const int> only, RouteEntry& entry) {
  if (!ToTable(rtnl_route_get_table(source), entry.table) || rtnl_route_get_tos(source) != 0) {
    return Conversion::kIgnored;
  }
  nl_addr* prefix = rtnl_route_get_dst(source);
  if (!ToIpv4(prefix, entry.prefix)) return Conversion::kIgnored;
  entry.prefix_length = static_cast<int>(nl_addr_get_prefixlen(prefix));
  entry.metric = rtnl_route_get_priority(source);
  entry.type = ToType(rtnl_route_get_type(source));
  ToIpv4(rtnl_route_get_pref_src(source), entry.source);
  const bool has_hop = entry.type == RouteType::kUnicast || entry.type == RouteType::kLocal ||
                       entry.type == RouteType::kBroadcast;
  return has_hop ? TakeNextHop(source, only, entry) : Conversion::kTaken;
}

// --- order ---

// Prefixes in the order of their first address, outer ones first, the best of equal ones first.
bool Before(const RouteEntry& a, const RouteEntry& b) {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  if (a.prefix_length != b.prefix_length) return a.prefix_length < b.prefix_length;
  return a.metric < b.metric;
}

bool SamePrefix(const RouteEntry& a, const RouteEntry& b) {
  return a.prefix == b.prefix && a.prefix_length == b.prefix_length;
}

uint64_t End(const RouteEntry& entry) {
  return uint64_t{entry.prefix.host_order} + (uint64_t{1} << (32 - entry.prefix_length));
}

}  // namespace

Ipv4Addr ChooseSource(const LinkTable& links, int link_index, Ipv4Addr next_hop) {
  const auto first_primary = [](const Link& link) -> const LinkAddress* {
    const auto found = std::find_if(link.addresses.begin(), link.addresses.end(),
                                    [](const LinkAddress& a) { return !a.secondary; });
    return found != link.addresses.end() ? &*found : nullptr;
  };
  if (const Link* link = links.ByIndex(link_index); link != nullptr) {
    for (const LinkAddress& entry : link->addresses) {
      if (!entry.secondary && InPrefix(next_hop, entry)) return entry.address;
    }
    if (const LinkAddress* entry = first_primary(*link); entry != nullptr) return entry->address;
  }
  for (const Link& link : links.links()) {
    if (!link.up || link.kind == LinkKind::kLoopback) continue;
    if (const LinkAddress* entry = first_primary(link); entry != nullptr) return entry->address;
  }
  return {};
}

absl::StatusOr<RouteTable> RouteTable::Load(const LinkTable& links, std::span<const int> only) {
  OSPREY_ASSIGN_OR_RETURN(NlCache cache, DumpTable("routes", [](nl_sock* socket, nl_cache** out) {
                            return rtnl_route_alloc_cache(socket, AF_INET, 0, out);
                          }));
  std::vector<RouteEntry> entries;
  size_t ignored = 0;
  ForEachObject<rtnl_route>(cache.get(), [&](rtnl_route* source) {
    RouteEntry entry;
    switch (Convert(source, only, entry)) {
      case Conversion::kTaken:
        entries.push_back(entry);
        break;
      case Conversion::kIgnored:
        ++ignored;
        break;
      case Conversion::kDead:
        break;
    }
  });
  RouteTable table(entries, links);
  table.ignored_ = ignored;
  return table;
}

RouteTable::RouteTable(std::span<const RouteEntry> entries, const LinkTable& links)
    : entries_(entries.begin(), entries.end()) {
  for (RouteEntry& entry : entries_) {
    OSPREY_CHECK(entry.prefix_length >= 0 && entry.prefix_length <= 32);
    entry.prefix.host_order &= Mask(entry.prefix_length);
  }
  std::stable_sort(entries_.begin(), entries_.end(), [](const RouteEntry& a, const RouteEntry& b) {
    return a.table != b.table ? a.table < b.table : Before(a, b);
  });
  // Equal prefixes: the first, with the lowest metric, is the one that counts.
  entries_.erase(std::unique(entries_.begin(), entries_.end(),
                             [](const RouteEntry& a, const RouteEntry& b) {
                               return a.table == b.table && SamePrefix(a, b);
                             }),
                 entries_.end());
  for (size_t table = 0; table < kTables; ++table) {
    Flatten(static_cast<RouteTableId>(table), entries_);
  }
  FillSources(links);
}

// As the kernel does when a route carries no hint of its own (fib_info_update_nhc_saddr).
void RouteTable::FillSources(const LinkTable& links) {
  for (RouteEntry& entry : entries_) {
    if (entry.type != RouteType::kUnicast || entry.source.host_order != 0) continue;
    entry.source =
        ChooseSource(links, entry.link_index, entry.has_gateway ? entry.gateway : Ipv4Addr{});
  }
  for (const Link& link : links.links()) {
    if (link.kind == LinkKind::kLoopback) loopback_index_ = link.index;
  }
}

// One pass over prefixes that are nested or disjoint, with a stack of those still open.
void RouteTable::Flatten(RouteTableId table, std::span<const RouteEntry> entries) {
  std::vector<Interval>& out = intervals_[static_cast<size_t>(table)];
  std::vector<int32_t> open;
  uint64_t position = 0;
  const auto cover_until = [&](uint64_t end, int32_t choice) {
    if (end <= position) return;
    out.push_back({.start = static_cast<uint32_t>(position), .choice = choice});
    position = end;
  };
  const auto close_until = [&](uint64_t start) {
    while (!open.empty() && End(entries[static_cast<size_t>(open.back())]) <= start) {
      cover_until(End(entries[static_cast<size_t>(open.back())]), open.back());
      open.pop_back();
    }
    cover_until(start, open.empty() ? -1 : open.back());
  };
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].table != table) continue;
    close_until(entries[i].prefix.host_order);
    open.push_back(static_cast<int32_t>(i));
  }
  close_until(uint64_t{1} << 32);
}

Route RouteTable::Find(Ipv4Addr address) const {
  for (const std::vector<Interval>& table : intervals_) {
    const auto behind =
        std::upper_bound(table.begin(), table.end(), address.host_order,
                         [](uint32_t value, const Interval& i) { return value < i.start; });
    OSPREY_DCHECK(behind != table.begin());
    const int32_t choice = std::prev(behind)->choice;
    if (choice < 0) continue;
    const RouteEntry& entry = entries_[static_cast<size_t>(choice)];
    Route route{.kind = RouteKind::kUnreachable,
                .link_index = entry.link_index,
                .gateway = entry.gateway,
                .source = entry.source};
    switch (entry.type) {
      case RouteType::kThrow:
        continue;
      case RouteType::kUnicast:
        route.kind = entry.has_gateway ? RouteKind::kGateway : RouteKind::kOnLink;
        break;
      case RouteType::kLocal:
        route.kind = RouteKind::kLocal;
        route.link_index = loopback_index_;
        if (entry.source.host_order == 0) route.source = address;
        break;
      case RouteType::kBroadcast:
        route.kind = RouteKind::kBroadcast;
        break;
      case RouteType::kUnreachable:
        break;
    }
    if ((address.host_order >> 28) == 0xE) route.kind = RouteKind::kBroadcast;
    return route;
  }
  return {};
}

std::vector<Ipv4Addr> RouteTable::Boundaries() const {
  std::vector<Ipv4Addr> out = {Ipv4Addr{0}, Ipv4Addr{0xE0000000}, Ipv4Addr{0xF0000000}};
  for (const std::vector<Interval>& table : intervals_) {
    for (const Interval& interval : table) out.push_back(Ipv4Addr{interval.start});
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

absl::StatusOr<Route> RouteTable::Lookup(Ipv4Addr address) const {
  const Route route = Find(address);
  if (route.kind == RouteKind::kUnreachable) {
    return absl::NotFoundError(absl::StrFormat("%s: no route to this address", address.ToString()));
  }
  if (route.kind == RouteKind::kBroadcast) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: a broadcast or multicast address", address.ToString()));
  }
  return route;
}

}  // namespace osprey::io
