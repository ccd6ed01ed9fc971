// SPDX-License-Identifier: Apache-2.0
#include "io/neighbour.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
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
#include "io/wire/arp.h"
#include "io/wire/ethernet.h"

namespace osprey::io {
namespace {

constexpr int kTries = 3;

uint64_t Key(int link_index, Ipv4Addr address) {
  return uint64_t{static_cast<uint32_t>(link_index)} << 32 | address.host_order;
}

// ARP on one link, without the kernel's neighbour table.
class ArpSocket {
 public:
  static absl::StatusOr<ArpSocket> Open(const Link& link, uint16_t vlan);

  // `source` 0 gives no address of ours.
  absl::Status Ask(Ipv4Addr source, Ipv4Addr target) const;
  // The next message that comes in before the deadline: a reply or a request, both tell who sent
  // it.
  std::optional<wire::ArpPacket> Await(int64_t deadline_ns) const;

 private:
  ArpSocket(const Link& link, uint16_t vlan, FileDescriptor fd)
      : name_(link.name), mac_(link.mac), vlan_(vlan), fd_(std::move(fd)) {}
  std::optional<wire::ArpPacket> Read() const;

  std::string name_;
  MacAddr mac_;
  uint16_t vlan_;
  FileDescriptor fd_;
};

absl::StatusOr<ArpSocket> ArpSocket::Open(const Link& link, uint16_t vlan) {
  OSPREY_ASSIGN_OR_RETURN(FileDescriptor fd, OpenPacketSender(link.name, link.index));
  const int on = 1;
  setsockopt(fd.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
  // Bound again, now to the protocol it is to receive. Of tagged frames only those who see all see
  // the tag.
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(vlan == 0 ? ETH_P_ARP : ETH_P_ALL);
  address.sll_ifindex = link.index;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrFormat("%s: cannot listen for ARP", link.name));
  }
  if (vlan != 0) {
    // Network cards drop tags that no interface has asked for, unless they take everything. Best
    // effort: not all have such a filter.
    packet_mreq everything{};
    everything.mr_ifindex = link.index;
    everything.mr_type = PACKET_MR_PROMISC;
    setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything);
  }
  return ArpSocket(link, vlan, std::move(fd));
}

absl::Status ArpSocket::Ask(Ipv4Addr source, Ipv4Addr target) const {
  std::array<std::byte, wire::kEthernetBytes + wire::kVlanBytes + wire::kArpBytes> frame{};
  const size_t at = wire::StoreEthernet(
      {.destination = wire::kBroadcastMac, .source = mac_, .type = wire::kEtherTypeArp},
      frame.data(), vlan_);
  wire::StoreArp({.sender_mac = mac_, .sender = source, .target = target}, frame.data() + at);
  if (send(fd_.get(), frame.data(), at + wire::kArpBytes, MSG_DONTWAIT) < 0 && errno != ENOBUFS &&
      errno != EAGAIN) {
    return absl::ErrnoToStatus(errno, absl::StrFormat("%s: cannot send ARP", name_));
  }
  return absl::OkStatus();
}

// The kernel takes the tag out of a frame and puts it beside it.
uint16_t TagBeside(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata data;
    std::memcpy(&data, CMSG_DATA(c), sizeof data);
    if ((data.tp_status & TP_STATUS_VLAN_VALID) != 0) return data.tp_vlan_tci & 0xFFF;
  }
  return 0;
}

std::optional<wire::ArpPacket> ArpSocket::Read() const {
  std::array<std::byte, 128> buffer;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(tpacket_auxdata))> control;
  sockaddr_ll from{};
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd_.get(), &message, MSG_DONTWAIT);
  // Only frames that came in count, not our own.
  if (size <= 0 || from.sll_pkttype == PACKET_OUTGOING) return std::nullopt;
  const std::span<const std::byte> frame(buffer.data(), static_cast<size_t>(size));
  wire::EthernetHeader ethernet;
  const size_t at = wire::LoadEthernet(frame, ethernet);
  wire::ArpPacket arp;
  if (at == 0 || ethernet.type != wire::kEtherTypeArp || !LoadArp(frame.subspan(at), arp)) {
    return std::nullopt;
  }
  const bool inside = at > wire::kEthernetBytes;
  const uint16_t tag = inside ? wire::Load16(frame.data() + 14) & 0xFFF : TagBeside(message);
  if (vlan_ != 0 && tag != vlan_) return std::nullopt;
  return arp;
}

std::optional<wire::ArpPacket> ArpSocket::Await(int64_t deadline_ns) const {
  const Clock& clock = Clock::Real();
  for (int64_t now = clock.MonotonicNs(); now < deadline_ns; now = clock.MonotonicNs()) {
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    poll(&waiting, 1, static_cast<int>((deadline_ns - now + kNsPerMs - 1) / kNsPerMs));
    if (const auto arp = Read()) return arp;
  }
  return std::nullopt;
}

absl::Status CheckArp(const Link& link, std::string_view target) {
  if (link.kind == LinkKind::kEthernet && !link.no_arp) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrFormat("%s: this interface has no ARP to ask for %s", link.name, target));
}

// When each of the kTries ends, `timeout` being shared among them.
int64_t EndOfTry(std::chrono::milliseconds timeout) {
  return Clock::Real().MonotonicNs() +
         std::max<int64_t>(timeout.count(), kTries) * kNsPerMs / kTries;
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
                                   std::chrono::milliseconds timeout, uint16_t vlan) {
  OSPREY_RETURN_IF_ERROR(CheckArp(link, target.ToString()));
  OSPREY_ASSIGN_OR_RETURN(const ArpSocket socket, ArpSocket::Open(link, vlan));
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const int64_t end = EndOfTry(timeout);
    OSPREY_RETURN_IF_ERROR(socket.Ask(source, target));
    while (const auto arp = socket.Await(end)) {
      if (arp->sender == target) return arp->sender_mac;
    }
  }
  return absl::NotFoundError(absl::StrFormat("%s: no ARP reply from %s within %d ms", link.name,
                                             target.ToString(), timeout.count()));
}

absl::StatusOr<absl::flat_hash_map<uint32_t, MacAddr>> WhoHas(const Link& link,
                                                              std::span<const Ipv4Addr> addresses,
                                                              std::chrono::milliseconds timeout,
                                                              uint16_t vlan) {
  absl::flat_hash_map<uint32_t, MacAddr> found;
  if (addresses.empty()) return found;
  OSPREY_RETURN_IF_ERROR(CheckArp(link, addresses.front().ToString()));
  OSPREY_ASSIGN_OR_RETURN(const ArpSocket socket, ArpSocket::Open(link, vlan));
  for (int attempt = 0; attempt < kTries && found.size() < addresses.size(); ++attempt) {
    const int64_t end = EndOfTry(timeout);
    for (const Ipv4Addr address : addresses) {
      if (found.contains(address.host_order)) continue;
      OSPREY_RETURN_IF_ERROR(socket.Ask(Ipv4Addr{}, address));
    }
    while (found.size() < addresses.size()) {
      const auto arp = socket.Await(end);
      if (!arp) break;
      const bool asked =
          std::find(addresses.begin(), addresses.end(), arp->sender) != addresses.end();
      if (asked) found.emplace(arp->sender.host_order, arp->sender_mac);
    }
  }
  return found;
}

}  // namespace osprey::io
