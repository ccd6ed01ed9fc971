// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/frame_builder.h"

#include <algorithm>

#include "base/check.h"

namespace osprey::testing {
namespace {

namespace wire = io::wire;

constexpr size_t kVlanTagBytes = 4;

void Append(Bytes& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

Bytes ToBytes(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) {
    OSPREY_CHECK(value >= 0 && value <= 0xFF);
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

Bytes FromHex(std::string_view hex) {
  OSPREY_CHECK(hex.size() % 2 == 0);
  const auto digit = [](char c) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const size_t value = kDigits.find(c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c);
    OSPREY_CHECK(value != std::string_view::npos);
    return value;
  };
  Bytes bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

std::string ToHex(std::span<const std::byte> bytes) {
  std::string hex;
  for (const std::byte byte : bytes) {
    hex += "0123456789ABCDEF"[static_cast<size_t>(byte) >> 4];
    hex += "0123456789ABCDEF"[static_cast<size_t>(byte) & 0xF];
  }
  return hex;
}

Ipv4Addr Addr(std::string_view text) {
  const auto address = Ipv4Addr::Parse(text);
  OSPREY_CHECK(address.ok());
  return *address;
}

MacAddr Mac(std::string_view text) {
  const auto mac = MacAddr::Parse(text);
  OSPREY_CHECK(mac.ok());
  return *mac;
}

FrameBuilder& FrameBuilder::Eth(MacAddr source, MacAddr destination) {
  ethernet_ = wire::EthernetHeader{
      .destination = destination, .source = source, .type = wire::kEtherTypeIpv4};
  return *this;
}

FrameBuilder& FrameBuilder::Vlan(uint16_t id) {
  vlan_ = id;
  return *this;
}

FrameBuilder& FrameBuilder::Ipv4(std::string_view source, std::string_view destination,
                                 wire::Ipv4Header header) {
  return Ipv4(Addr(source), Addr(destination), header);
}

FrameBuilder& FrameBuilder::Ipv4(Ipv4Addr source, Ipv4Addr destination, wire::Ipv4Header header) {
  ip_ = header;
  ip_.source = source;
  ip_.destination = destination;
  return *this;
}

FrameBuilder& FrameBuilder::Tcp(HostOrderPort source, HostOrderPort destination,
                                wire::TcpHeader header) {
  header.source_port = source;
  header.destination_port = destination;
  tcp_ = header;
  return *this;
}

FrameBuilder& FrameBuilder::Udp(HostOrderPort source, HostOrderPort destination) {
  udp_ = wire::UdpHeader{.source_port = source, .destination_port = destination};
  return *this;
}

FrameBuilder& FrameBuilder::Icmp(uint8_t type, uint8_t code, uint32_t rest) {
  icmp_ = wire::IcmpHeader{.type = type, .code = code, .rest = rest};
  return *this;
}

FrameBuilder& FrameBuilder::Arp(const wire::ArpPacket& packet) {
  arp_ = packet;
  return *this;
}

FrameBuilder& FrameBuilder::Options(std::initializer_list<int> values) {
  options_ = ToBytes(values);
  options_.resize((options_.size() + 3) / 4 * 4);
  return *this;
}

FrameBuilder& FrameBuilder::Data(Bytes data) {
  data_ = std::move(data);
  return *this;
}

FrameBuilder& FrameBuilder::Padding(size_t bytes) {
  padding_ = bytes;
  return *this;
}

Bytes FrameBuilder::BuildPacket() const {
  if (arp_) {
    Bytes packet(wire::kArpBytes);
    StoreArp(*arp_, packet.data());
    return packet;
  }
  Bytes packet(65535);
  size_t length = 0;
  if (tcp_) length = BuildTcp(ip_, *tcp_, options_, data_, packet);
  if (udp_) length = BuildUdp(ip_, *udp_, data_, packet);
  if (icmp_) length = BuildIcmp(ip_, *icmp_, data_, packet);
  OSPREY_CHECK(length > 0);
  packet.resize(length);
  return packet;
}

Bytes FrameBuilder::Build() const {
  Bytes frame;
  if (ethernet_) {
    frame.resize(wire::kEthernetBytes);
    wire::EthernetHeader header = *ethernet_;
    if (arp_) header.type = wire::kEtherTypeArp;
    const uint16_t inner_type = header.type;
    if (vlan_) header.type = wire::kEtherTypeVlan;
    StoreEthernet(header, frame.data());
    if (vlan_) {
      frame.resize(frame.size() + kVlanTagBytes);
      wire::Store16(frame.data() + wire::kEthernetBytes, *vlan_);
      wire::Store16(frame.data() + wire::kEthernetBytes + 2, inner_type);
    }
  }
  Append(frame, BuildPacket());
  frame.resize(frame.size() + padding_);
  return frame;
}

SeenProbe::SeenProbe(std::span<const std::byte> frame, io::LinkLayer layer) {
  size_t ip_at = 0;
  if (layer == io::LinkLayer::kEthernet) {
    ip_at = LoadEthernet(frame, ethernet.emplace());
    OSPREY_CHECK(ip_at != 0 && ethernet->type == wire::kEtherTypeIpv4);
  }
  OSPREY_CHECK(LoadIpv4(frame.subspan(ip_at), ip));
  OSPREY_CHECK(ip.version == 4 && ip.header_bytes >= wire::kIpv4Bytes);
  OSPREY_CHECK(ip.total_length >= ip.header_bytes && ip_at + ip.total_length <= frame.size());
  const auto bytes = frame.subspan(ip_at, ip.total_length);
  packet.assign(bytes.begin(), bytes.end());
  transport = std::span(packet).subspan(ip.header_bytes);
  if (ip.protocol == wire::kProtocolTcp) OSPREY_CHECK(LoadTcp(transport, tcp));
  if (ip.protocol == wire::kProtocolUdp) OSPREY_CHECK(LoadUdp(transport, udp));
  if (ip.protocol == wire::kProtocolIcmp) OSPREY_CHECK(LoadIcmp(transport, icmp));
}

FrameBuilder SeenProbe::Answer(const HostTraits& traits) const {
  FrameBuilder builder;
  if (ethernet) builder.Eth(ethernet->destination, ethernet->source);
  builder.Ipv4(ip.destination, ip.source, {.id = traits.ip_id, .df = traits.df, .ttl = traits.ttl});
  return builder;
}

Bytes SynAckTo(const SeenProbe& probe, const HostTraits& traits,
               std::initializer_list<int> options) {
  return probe.Answer(traits)
      .Tcp(probe.tcp.destination_port, probe.tcp.source_port,
           {.seq = traits.isn,
            .ack = probe.tcp.seq + 1,
            .flags = kTcpSyn | kTcpAck,
            .window = traits.window})
      .Options(options)
      .Build();
}

Bytes ResetTo(const SeenProbe& probe, const HostTraits& traits) {
  wire::TcpHeader reset{.flags = kTcpRst};
  if ((probe.tcp.flags & kTcpAck) != 0) {
    reset.seq = probe.tcp.ack;
  } else {
    const size_t data = probe.transport.size() - probe.tcp.header_bytes;
    const uint32_t syn_and_fin =
        ((probe.tcp.flags & kTcpSyn) != 0 ? 1u : 0u) + ((probe.tcp.flags & kTcpFin) != 0 ? 1u : 0u);
    reset.ack = probe.tcp.seq + static_cast<uint32_t>(data) + syn_and_fin;
    reset.flags = kTcpRst | kTcpAck;
  }
  return probe.Answer(traits).Tcp(probe.tcp.destination_port, probe.tcp.source_port, reset).Build();
}

Bytes EchoReplyTo(const SeenProbe& probe, const HostTraits& traits) {
  const auto data = probe.transport.subspan(wire::kIcmpBytes);
  return probe.Answer(traits)
      .Icmp(wire::kIcmpEchoReply, probe.icmp.code, probe.icmp.rest)
      .Data(Bytes(data.begin(), data.end()))
      .Build();
}

Bytes UnreachableTo(const SeenProbe& probe, const HostTraits& traits, uint8_t code,
                    size_t quoted_bytes, std::optional<Ipv4Addr> from) {
  const auto quote = std::span(probe.packet).first(std::min(quoted_bytes, probe.packet.size()));
  FrameBuilder builder = probe.Answer(traits);
  if (from) {
    builder.Ipv4(*from, probe.ip.source, {.id = traits.ip_id, .df = traits.df, .ttl = traits.ttl});
  }
  return builder.Icmp(wire::kIcmpUnreachable, code).Data(Bytes(quote.begin(), quote.end())).Build();
}

Bytes ArpReplyTo(std::span<const std::byte> request, MacAddr answer) {
  wire::EthernetHeader ethernet;
  wire::ArpPacket arp;
  const size_t arp_at = LoadEthernet(request, ethernet);
  OSPREY_CHECK(arp_at != 0 && ethernet.type == wire::kEtherTypeArp);
  OSPREY_CHECK(LoadArp(request.subspan(arp_at), arp) && arp.operation == wire::kArpRequest);
  return FrameBuilder()
      .Eth(answer, ethernet.source)
      .Arp({.operation = wire::kArpReply,
            .sender_mac = answer,
            .sender = arp.target,
            .target_mac = arp.sender_mac,
            .target = arp.sender})
      .Build();
}

}  // namespace osprey::testing
