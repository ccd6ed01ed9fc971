// SPDX-License-Identifier: Apache-2.0
#pragma once
// Frames for tests, written layer by layer, and the replies that hosts give to a frame. Built on
// io/wire/build; everything allocates and nothing is fast.
//
//   const Bytes frame = FrameBuilder()
//                           .Eth(kHost, kScanner)
//                           .Ipv4("192.0.2.9", "192.0.2.1", {.df = true, .ttl = 64})
//                           .Tcp(443, 40000, {.seq = 1, .flags = kTcpSyn | kTcpAck})
//                           .Options({2, 4, 5, 0xB4})
//                           .Build();

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/answers.h"
#include "io/wire/build.h"
#include "io/wire/link_layer.h"

namespace osprey::testing {

using Bytes = std::vector<std::byte>;

// From a list of numbers, or from hexadecimal digits. Both fail a CHECK on anything else.
Bytes ToBytes(std::initializer_list<int> values);
Bytes FromHex(std::string_view hex);
std::string ToHex(std::span<const std::byte> bytes);
Ipv4Addr Addr(std::string_view text);
MacAddr Mac(std::string_view text);

class FrameBuilder {
 public:
  // Without Eth the frame begins with the IP header.
  FrameBuilder& Eth(MacAddr source, MacAddr destination);
  // An 802.1Q tag behind the Ethernet header.
  FrameBuilder& Vlan(uint16_t id);
  FrameBuilder& Ipv4(std::string_view source, std::string_view destination,
                     io::wire::Ipv4Header header = {});
  FrameBuilder& Ipv4(Ipv4Addr source, Ipv4Addr destination, io::wire::Ipv4Header header = {});
  FrameBuilder& Tcp(HostOrderPort source, HostOrderPort destination,
                    io::wire::TcpHeader header = {});
  FrameBuilder& Udp(HostOrderPort source, HostOrderPort destination);
  FrameBuilder& Icmp(uint8_t type, uint8_t code, uint32_t rest = 0);
  FrameBuilder& Arp(const io::wire::ArpPacket& packet);
  FrameBuilder& Options(std::initializer_list<int> values);
  FrameBuilder& Data(Bytes data);
  // Bytes behind the IP packet, as short Ethernet frames have.
  FrameBuilder& Padding(size_t bytes);

  Bytes Build() const;

 private:
  Bytes BuildPacket() const;

  std::optional<io::wire::EthernetHeader> ethernet_;
  std::optional<uint16_t> vlan_;
  io::wire::Ipv4Header ip_;
  std::optional<io::wire::TcpHeader> tcp_;
  std::optional<io::wire::UdpHeader> udp_;
  std::optional<io::wire::IcmpHeader> icmp_;
  std::optional<io::wire::ArpPacket> arp_;
  Bytes options_;
  Bytes data_;
  size_t padding_ = 0;
};

// How a host answers. Fields that the probe decides (addresses, ports, numbers) are taken from it.
struct HostTraits {
  uint8_t ttl = 64;
  bool df = true;
  uint16_t ip_id = 0;
  uint16_t window = 64240;
  uint32_t isn = 1000;
};

// A probe as a host sees it. `layer` says how `frame` begins. Fails a CHECK if it is no IPv4
// packet.
struct SeenProbe {
  SeenProbe(std::span<const std::byte> frame, io::LinkLayer layer);

  std::optional<io::wire::EthernetHeader> ethernet;
  io::wire::Ipv4Header ip;
  Bytes packet;                          // from the IP header on
  std::span<const std::byte> transport;  // within packet
  io::wire::TcpHeader tcp;               // if ip.protocol says so; else zeros
  io::wire::UdpHeader udp;
  io::wire::IcmpHeader icmp;

  // A builder that has the link and IP layers of an answer.
  FrameBuilder Answer(const HostTraits& traits) const;
};

// Replies to `probe`, on the same link.
Bytes SynAckTo(const SeenProbe& probe, const HostTraits& traits,
               std::initializer_list<int> options = {2, 4, 0x05, 0xB4});
// As RFC 9293 wants it: with ACK for a SYN or a FIN, and without for a segment that has ACK.
Bytes ResetTo(const SeenProbe& probe, const HostTraits& traits);
Bytes EchoReplyTo(const SeenProbe& probe, const HostTraits& traits);
// Quotes the first `quoted_bytes` of the probe. `from` is the sender if it is not the target.
Bytes UnreachableTo(const SeenProbe& probe, const HostTraits& traits, uint8_t code,
                    size_t quoted_bytes = 548, std::optional<Ipv4Addr> from = std::nullopt);
// `request` is an ARP request with its Ethernet header.
Bytes ArpReplyTo(std::span<const std::byte> request, MacAddr answer);

}  // namespace osprey::testing
