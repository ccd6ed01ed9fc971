// SPDX-License-Identifier: Apache-2.0
#include "io/wire/build.h"

#include <algorithm>

#include "base/tcp_options.h"

namespace osprey::io::wire {
namespace {

// Writes the IP header for `payload_bytes` bytes behind it. Returns the packet's length, or 0 if
// it does not fit.
size_t BeginPacket(Ipv4Header& ip, uint8_t protocol, size_t payload_bytes,
                   std::span<std::byte> out) {
  const size_t total = kIpv4Bytes + payload_bytes;
  if (total > 0xFFFF || total > out.size()) return 0;
  ip.protocol = protocol;
  ip.total_length = static_cast<uint16_t>(total);
  StoreIpv4(ip, out.data());
  return total;
}

uint64_t SumTransport(const Ipv4Header& ip, ConstBytes transport) {
  return SumPseudoHeader(ip.source, ip.destination, ip.protocol, transport.size()) +
         SumBytes(transport);
}

}  // namespace

size_t BuildTcp(Ipv4Header ip, TcpHeader tcp, ConstBytes options, ConstBytes data,
                std::span<std::byte> out) noexcept {
  if (options.size() > kMaxTcpOptionBytes || options.size() % 4 != 0) return 0;
  const size_t header_bytes = kTcpBytes + options.size();
  const size_t total = BeginPacket(ip, kProtocolTcp, header_bytes + data.size(), out);
  if (total == 0) return 0;
  const std::span<std::byte> segment = out.subspan(kIpv4Bytes, total - kIpv4Bytes);
  tcp.header_bytes = static_cast<uint8_t>(header_bytes);
  tcp.checksum = 0;
  StoreTcp(tcp, segment.data());
  std::copy(options.begin(), options.end(), segment.begin() + kTcpBytes);
  std::copy(data.begin(), data.end(), segment.begin() + static_cast<ptrdiff_t>(header_bytes));
  Store16(segment.data() + kTcpChecksumAt, FinishChecksum(SumTransport(ip, segment)));
  return total;
}

size_t BuildUdp(Ipv4Header ip, UdpHeader udp, ConstBytes data, std::span<std::byte> out) noexcept {
  const size_t total = BeginPacket(ip, kProtocolUdp, kUdpBytes + data.size(), out);
  if (total == 0) return 0;
  const std::span<std::byte> datagram = out.subspan(kIpv4Bytes, total - kIpv4Bytes);
  udp.length = static_cast<uint16_t>(datagram.size());
  udp.checksum = 0;
  StoreUdp(udp, datagram.data());
  std::copy(data.begin(), data.end(), datagram.begin() + kUdpBytes);
  Store16(datagram.data() + kUdpChecksumAt, FinishUdpChecksum(SumTransport(ip, datagram)));
  return total;
}

size_t BuildIcmp(Ipv4Header ip, IcmpHeader icmp, ConstBytes data,
                 std::span<std::byte> out) noexcept {
  const size_t total = BeginPacket(ip, kProtocolIcmp, kIcmpBytes + data.size(), out);
  if (total == 0) return 0;
  const std::span<std::byte> message = out.subspan(kIpv4Bytes, total - kIpv4Bytes);
  icmp.checksum = 0;
  StoreIcmp(icmp, message.data());
  std::copy(data.begin(), data.end(), message.begin() + kIcmpBytes);
  Store16(message.data() + kIcmpChecksumAt, FinishChecksum(SumBytes(message)));
  return total;
}

}  // namespace osprey::io::wire
