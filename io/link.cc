// SPDX-License-Identifier: Apache-2.0
#include "io/link.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/addr.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "io/netlink.h"

namespace osprey::io {
namespace {

LinkKind KindOf(unsigned arp_type) {
  switch (arp_type) {
    case ARPHRD_ETHER:
      return LinkKind::kEthernet;
    case ARPHRD_LOOPBACK:
      return LinkKind::kLoopback;
    case 0xFFFE:  // ARPHRD_NONE: tun, wireguard
    case 519:     // ARPHRD_RAWIP: cellular modems
    case ARPHRD_TUNNEL:
    case ARPHRD_SIT:
      return LinkKind::kLayer3;
    default:
      return LinkKind::kOther;
  }
}

Link ToLink(rtnl_link* source) {
  Link link;
  const char* name = rtnl_link_get_name(source);
  link.name = name != nullptr ? name : "";
  link.index = rtnl_link_get_ifindex(source);
  link.kind = KindOf(rtnl_link_get_arptype(source));
  link.mtu = static_cast<int>(rtnl_link_get_mtu(source));
  const unsigned flags = rtnl_link_get_flags(source);
  link.up = (flags & IFF_UP) != 0;
  link.running = (flags & IFF_RUNNING) != 0;
  link.no_arp = (flags & IFF_NOARP) != 0;
  const char* const type = rtnl_link_get_type(source);  // of virtual devices
  link.plain = type == nullptr || std::strcmp(type, "veth") == 0;
  nl_addr* mac = rtnl_link_get_addr(source);
  if (link.kind == LinkKind::kEthernet && mac != nullptr &&
      nl_addr_get_len(mac) == link.mac.bytes.size()) {
    std::memcpy(link.mac.bytes.data(), nl_addr_get_binary_addr(mac), link.mac.bytes.size());
  }
  return link;
}

void AddAddress(rtnl_addr* source, std::vector<Link>& links) {
  nl_addr* local = rtnl_addr_get_local(source);
  LinkAddress entry;
  if (!ToIpv4(local, entry.address)) return;
  entry.prefix_length = rtnl_addr_get_prefixlen(source);
  entry.secondary = (rtnl_addr_get_flags(source) & IFA_F_SECONDARY) != 0;
  const int index = rtnl_addr_get_ifindex(source);
  const auto link =
      std::find_if(links.begin(), links.end(), [&](const Link& l) { return l.index == index; });
  if (link != links.end()) link->addresses.push_back(entry);
}

}  // namespace

std::string_view LinkKindName(LinkKind kind) {
  switch (kind) {
    case LinkKind::kEthernet:
      return "ethernet";
    case LinkKind::kLoopback:
      return "loopback";
    case LinkKind::kLayer3:
      return "layer3";
    case LinkKind::kOther:
      break;
  }
  return "other";
}

absl::StatusOr<LinkTable> LinkTable::Load() {
  OSPREY_ASSIGN_OR_RETURN(NlCache link_cache,
                          DumpTable("interfaces", [](nl_sock* socket, nl_cache** out) {
                            return rtnl_link_alloc_cache(socket, AF_UNSPEC, out);
                          }));
  OSPREY_ASSIGN_OR_RETURN(NlCache address_cache, DumpTable("addresses", rtnl_addr_alloc_cache));
  std::vector<Link> links;
  ForEachObject<rtnl_link>(link_cache.get(),
                           [&](rtnl_link* link) { links.push_back(ToLink(link)); });
  ForEachObject<rtnl_addr>(address_cache.get(),
                           [&](rtnl_addr* address) { AddAddress(address, links); });
  return LinkTable(std::move(links));
}

LinkTable::LinkTable(std::vector<Link> links) : links_(std::move(links)) {
  for (const Link& link : links_) {
    for (const LinkAddress& entry : link.addresses) local_.insert(entry.address.host_order);
  }
}

const Link* LinkTable::ByName(std::string_view name) const {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const Link& l) { return l.name == name; });
  return found != links_.end() ? &*found : nullptr;
}

const Link* LinkTable::ByIndex(int index) const {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const Link& l) { return l.index == index; });
  return found != links_.end() ? &*found : nullptr;
}

absl::StatusOr<const Link*> LinkTable::Find(std::string_view name) const {
  if (const Link* link = ByName(name); link != nullptr) return link;
  return absl::NotFoundError(absl::StrFormat(
      "%s: no such interface; there are: %s", std::string(name),
      absl::StrJoin(links_, ", ",
                    [](std::string* out, const Link& link) { out->append(link.name); })));
}

bool LinkTable::IsLocal(Ipv4Addr address) const {
  return address.is_loopback() || local_.contains(address.host_order);
}

}  // namespace osprey::io
