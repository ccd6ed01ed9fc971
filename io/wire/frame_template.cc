// SPDX-License-Identifier: Apache-2.0
#include "io/wire/frame_template.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "io/wire/checksum.h"
#include "io/wire/ethernet.h"
#include "io/wire/icmp.h"
#include "io/wire/ipv4.h"
#include "io/wire/tcp.h"
#include "io/wire/udp.h"

namespace osprey::io::wire {
namespace {

size_t TransportChecksumAt(uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return kTcpChecksumAt;
    case kProtocolUdp:
      return kUdpChecksumAt;
    default:
      return kIcmpChecksumAt;
  }
}

}  // namespace

FrameTemplate::FrameTemplate(const SendPath& path, ConstBytes packet)
    : ip_at_(static_cast<uint32_t>(HeaderBytes(path.layer, path.vlan != 0))) {
  OSPREY_CHECK(packet.size() >= kIpv4Bytes + kIcmpBytes);
  OSPREY_CHECK(ip_at_ + packet.size() <= kMaxBytes);
  length_ = static_cast<uint32_t>(ip_at_ + packet.size());
  if (path.layer == LinkLayer::kEthernet) {
    StoreEthernet({.source = path.source_mac, .type = kEtherTypeIpv4}, bytes_.data(), path.vlan);
  }
  std::byte* ip = bytes_.data() + ip_at_;
  std::copy(packet.begin(), packet.end(), ip);
  Ipv4Header header;
  OSPREY_CHECK(LoadIpv4(packet, header) && header.destination == Ipv4Addr{});
  Store16(ip + kIpv4ChecksumAt, 0);
  Store16(ip + kIpv4Bytes + TransportChecksumAt(header.protocol), 0);
  ip_sum_ = SumBytes(ConstBytes(ip, kIpv4Bytes));
  const ConstBytes transport(ip + kIpv4Bytes, packet.size() - kIpv4Bytes);
  transport_sum_ = SumBytes(transport);
  if (header.protocol != kProtocolIcmp) {
    transport_sum_ += SumPseudoHeader(path.source, Ipv4Addr{}, header.protocol, transport.size());
  }
}

uint16_t FrameTemplate::PatchUdp(HostOrderPort source_port, HostOrderPort destination_port,
                                 Ipv4Addr destination, std::byte* transport) const noexcept {
  Store16(transport, source_port);
  Store16(transport + 2, destination_port);
  const uint16_t checksum = FinishUdpChecksum(transport_sum_ + SumWords(destination.host_order) +
                                              source_port + destination_port);
  Store16(transport + kUdpChecksumAt, checksum);
  return checksum;
}

void FrameTemplate::PatchEcho(uint16_t id, uint16_t sequence, std::byte* transport) const noexcept {
  Store16(transport + kIcmpIdAt, id);
  Store16(transport + kIcmpSequenceAt, sequence);
  Store16(transport + kIcmpChecksumAt, FinishChecksum(transport_sum_ + id + sequence));
}

void FrameTemplate::PatchEcho(uint16_t id, uint16_t sequence, uint64_t payload,
                              std::byte* transport) const noexcept {
  Store16(transport + kIcmpIdAt, id);
  Store16(transport + kIcmpSequenceAt, sequence);
  Store64(transport + kIcmpBytes, payload);
  const uint64_t sum = transport_sum_ + id + sequence +
                       SumWords(static_cast<uint32_t>(payload >> 32)) +
                       SumWords(static_cast<uint32_t>(payload & 0xFFFFFFFFu));
  Store16(transport + kIcmpChecksumAt, FinishChecksum(sum));
}

}  // namespace osprey::io::wire
