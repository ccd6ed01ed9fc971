// SPDX-License-Identifier: Apache-2.0
#include "engine/discovery_probes.h"

#include <cstring>
#include <span>

#include "base/answers.h"
#include "base/check.h"
#include "io/wire/build.h"

namespace osprey::engine {
namespace {

namespace wire = io::wire;

using wire::ConstBytes;
using wire::Destination;
using wire::FrameTemplate;
using wire::SendPath;
using PacketBuffer = std::array<std::byte, FrameTemplate::kMaxBytes>;

constexpr std::array<uint8_t, 4> kMss1460{2, 4, 0x05, 0xB4};

FrameTemplate MakeTcp(const SendPath& path, uint8_t flags, uint16_t window,
                      std::span<const uint8_t> options) {
  PacketBuffer packet;
  const size_t length =
      wire::BuildTcp({.ttl = 0, .source = path.source}, {.flags = flags, .window = window},
                     std::as_bytes(options), {}, packet);
  OSPREY_CHECK(length > 0);
  return FrameTemplate(path, std::span(packet).first(length));
}

FrameTemplate MakeEcho(const SendPath& path) {
  PacketBuffer packet;
  const std::array<std::byte, 8> data{};
  const size_t length = wire::BuildIcmp({.ttl = 0, .source = path.source},
                                        {.type = wire::kIcmpEchoRequest}, data, packet);
  OSPREY_CHECK(length > 0);
  return FrameTemplate(path, std::span(packet).first(length));
}

FrameTemplate MakeUdp(const SendPath& path) {
  PacketBuffer packet;
  const size_t length = wire::BuildUdp({.ttl = 0, .source = path.source}, {}, {}, packet);
  OSPREY_CHECK(length > 0);
  return FrameTemplate(path, std::span(packet).first(length));
}

}  // namespace

DiscoveryProbes::DiscoveryProbes(const wire::SendPath& path)
    : syn_(MakeTcp(path, kTcpSyn, 64240, kMss1460)),
      ack_(MakeTcp(path, kTcpAck, 1024, {})),
      reset_(MakeTcp(path, kTcpRst, 0, {})),
      echo_(MakeEcho(path)),
      udp_(MakeUdp(path)) {
  if (path.layer != io::LinkLayer::kEthernet) return;
  static_assert(sizeof arp_ == wire::kEthernetBytes + wire::kVlanBytes + wire::kArpBytes);
  arp_at_ = static_cast<uint32_t>(wire::StoreEthernet(
      {.destination = wire::kBroadcastMac, .source = path.source_mac, .type = wire::kEtherTypeArp},
      arp_.data(), path.vlan));
  wire::StoreArp(
      {.operation = wire::kArpRequest, .sender_mac = path.source_mac, .sender = path.source},
      arp_.data() + arp_at_);
  arp_length_ = arp_at_ + wire::kArpBytes;
}

uint32_t DiscoveryProbes::WriteReset(const Destination& to, HostOrderPort port, HostOrderPort from,
                                     uint32_t seq, const PacketNoise& noise,
                                     std::byte* frame) const noexcept {
  return WriteTcp(reset_, to, {from, port, seq, 0}, noise, frame);
}

uint32_t DiscoveryProbes::WriteEcho(const Destination& to, const EchoCookie& cookie,
                                    const PacketNoise& noise, std::byte* frame) const noexcept {
  std::byte* transport = echo_.Write(to, noise.ip_id, noise.ttl, frame);
  echo_.PatchEcho(cookie.id, cookie.seq, cookie.payload, transport);
  return echo_.length();
}

uint32_t DiscoveryProbes::WriteUdp(const Destination& to, HostOrderPort port,
                                   const UdpCookie& cookie, const PacketNoise& noise,
                                   std::byte* frame) const noexcept {
  std::byte* transport = udp_.Write(to, cookie.ip_id, noise.ttl, frame);
  udp_.PatchUdp(cookie.source_port, port, to.address, transport);
  return udp_.length();
}

uint32_t DiscoveryProbes::WriteArp(Ipv4Addr host, std::byte* frame) const noexcept {
  std::memcpy(frame, arp_.data(), arp_length_);
  if (arp_length_ != 0) wire::StoreAddr(frame + arp_at_ + wire::kArpTargetAt, host);
  return arp_length_;
}

uint32_t DiscoveryProbes::WriteArpReply(Ipv4Addr host, const MacAddr& to,
                                        std::byte* frame) const noexcept {
  if (WriteArp(host, frame) == 0) return 0;
  wire::StoreMac(frame, to);
  std::byte* arp = frame + arp_at_;
  wire::Store16(arp + wire::kArpOperationAt, wire::kArpReply);
  wire::StoreMac(arp + wire::kArpTargetMacAt, to);
  return arp_length_;
}

}  // namespace osprey::engine
