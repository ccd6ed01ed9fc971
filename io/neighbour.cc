// SPDX-License-Identifier: Apache-2.0
#include "io/neighbour.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <netlink/addr.h>
#include <netlink/route/neighbour.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "io/file_descriptor.h"
#include "io/netlink.h"
#include "io/packet_socket.h"

namespace osprey::io {
namespace {

constexpr int kTries = 3;
constexpr MacAddr kBroadcastMac{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

uint64_t Key(int link_index, Ipv4Addr address) {
  return uint64_t{static_cast<uint32_t>(link_index)} << 32 | address.host_order;
}

struct ArpFrame {
  ether_header ethernet;
  ether_arp arp;
};
static_assert(sizeof(ArpFrame) == 42);

ArpFrame Request(const Link& link, Ipv4Addr source, Ipv4Addr target) {
  ArpFrame frame{};
  std::memcpy(frame.ethernet.ether_dhost, kBroadcastMac.bytes.data(), ETH_ALEN);
  std::memcpy(frame.ethernet.ether_shost, link.mac.bytes.data(), ETH_ALEN);
  frame.ethernet.ether_type = htons(ETHERTYPE_ARP);
  frame.arp.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
                      .ar_pro = htons(ETHERTYPE_IP),
                      .ar_hln = ETH_ALEN,
                      .ar_pln = sizeof(in_addr),
                      .ar_op = htons(ARPOP_REQUEST)};
  const uint32_t spa = htonl(source.host_order);
  const uint32_t tpa = htonl(target.host_order);
  std::memcpy(frame.arp.arp_sha, link.mac.bytes.data(), ETH_ALEN);
  std::memcpy(frame.arp.arp_spa, &spa, sizeof spa);
  std::memcpy(frame.arp.arp_tpa, &tpa, sizeof tpa);
  return frame;
}

// The sender's address of an ARP packet (reply, or request: both tell it) that comes from
// `target`.
std::optional<MacAddr> SenderIfFrom(Ipv4Addr target, const std::byte* data, size_t size) {
  ArpFrame frame;
  if (size < sizeof frame) return std::nullopt;
  std::memcpy(&frame, data, sizeof frame);
  uint32_t spa = 0;
  std::memcpy(&spa, frame.arp.arp_spa, sizeof spa);
  if (frame.ethernet.ether_type != htons(ETHERTYPE_ARP) ||
      frame.arp.ea_hdr.ar_pro != htons(ETHERTYPE_IP) || frame.arp.ea_hdr.ar_hln != ETH_ALEN ||
      frame.arp.ea_hdr.ar_pln != sizeof spa || ntohl(spa) != target.host_order) {
    return std::nullopt;
  }
  MacAddr mac;
  std::memcpy(mac.bytes.data(), frame.arp.arp_sha, ETH_ALEN);
  return mac;
}

// Reads until `deadline_ns`; only frames that came in count, not our own.
std::optional<MacAddr> AwaitReply(int fd, Ipv4Addr target, int64_t deadline_ns) {
  const Clock& clock = Clock::Real();
  for (int64_t now = clock.MonotonicNs(); now < deadline_ns; now = clock.MonotonicNs()) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    poll(&waiting, 1, static_cast<int>((deadline_ns - now + kNsPerMs - 1) / kNsPerMs));
    std::array<std::byte, 128> buffer;
    sockaddr_ll from{};
    socklen_t from_length = sizeof from;
    const ssize_t size = recvfrom(fd, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                  reinterpret_cast<sockaddr*>(&from), &from_length);
    if (size <= 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
    if (auto mac = SenderIfFrom(target, buffer.data(), static_cast<size_t>(size))) return mac;
  }
  return std::nullopt;
}

absl::StatusOr<FileDescriptor> OpenArpSocket(const Link& link) {
  OSPREY_ASSIGN_OR_RETURN(FileDescriptor fd, OpenPacketSender(link.name, link.index));
  // Bound again, now to the protocol it is to receive.
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ARP);
  address.sll_ifindex = link.index;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrFormat("%s: cannot listen for ARP", link.name));
  }
  return fd;
}

}  // namespace

absl::StatusOr<NeighbourTable> NeighbourTable::Load() {
  OSPREY_ASSIGN_OR_RETURN(NlCache cache, DumpTable("neighbours", rtnl_neigh_alloc_cache));
  NeighbourTable table;
  constexpr int kUsable =
      NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_NOARP;
  ForEachObject<rtnl_neigh>(cache.get(), [&](rtnl_neigh* entry) {
    Ipv4Addr address;
    nl_addr* mac = rtnl_neigh_get_lladdr(entry);
    if ((rtnl_neigh_get_state(entry) & kUsable) == 0 || mac == nullptr ||
        nl_addr_get_len(mac) != ETH_ALEN || !ToIpv4(rtnl_neigh_get_dst(entry), address)) {
      return;
    }
    MacAddr& slot = table.entries_[Key(rtnl_neigh_get_ifindex(entry), address)];
    std::memcpy(slot.bytes.data(), nl_addr_get_binary_addr(mac), ETH_ALEN);
  });
  return table;
}

std::optional<MacAddr> NeighbourTable::Find(int link_index, Ipv4Addr address) const {
  const auto found = entries_.find(Key(link_index, address));
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<MacAddr> ResolveMac(const Link& link, Ipv4Addr source, Ipv4Addr target,
                                   std::chrono::milliseconds timeout) {
  if (link.kind != LinkKind::kEthernet || link.no_arp) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: this interface has no ARP to ask for %s", link.name, target.ToString()));
  }
  OSPREY_ASSIGN_OR_RETURN(FileDescriptor fd, OpenArpSocket(link));
  const ArpFrame request = Request(link, source, target);
  const int64_t share_ns = std::max<int64_t>(timeout.count(), kTries) * kNsPerMs / kTries;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const int64_t deadline_ns = Clock::Real().MonotonicNs() + share_ns;
    if (send(fd.get(), &request, sizeof request, MSG_DONTWAIT) < 0 && errno != ENOBUFS &&
        errno != EAGAIN) {
      return absl::ErrnoToStatus(errno, absl::StrFormat("%s: cannot send ARP", link.name));
    }
    if (auto mac = AwaitReply(fd.get(), target, deadline_ns)) return *mac;
  }
  return absl::NotFoundError(absl::StrFormat("%s: no ARP reply from %s within %d ms", link.name,
                                             target.ToString(), timeout.count()));
}

}  // namespace osprey::io
