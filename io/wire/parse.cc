// SPDX-License-Identifier: Apache-2.0
#include "io/wire/parse.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>

#include "base/tcp_options.h"
#include "io/wire/arp.h"
#include "io/wire/ethernet.h"
#include "io/wire/icmp.h"
#include "io/wire/ipv4.h"
#include "io/wire/quote.h"
#include "io/wire/tcp.h"
#include "io/wire/udp.h"

namespace osprey::io::wire {
namespace {

// Makes `member` the union's live member.
template <typename T>
T& Activate(T& member) {
  return *std::construct_at(&member);
}

// The IP packet of a frame without link-layer padding, and its header. `packet` begins with the IP
// header and ends at its total length or where the capture ends.
struct IpPacket {
  Ipv4Header header;
  ConstBytes packet;
  ConstBytes payload() const { return packet.subspan(header.header_bytes); }
  bool is_complete() const { return packet.size() == header.total_length; }
};

// Rules 1 and 2 of 1.6.
ParseOutcome LoadIpPacket(ConstBytes bytes, IpPacket& out) {
  if (bytes.empty()) return ParseOutcome::kTruncated;
  if (Load8(bytes.data()) >> 4 != 4) return ParseOutcome::kNotIpv4;
  if (!LoadIpv4(bytes, out.header)) return ParseOutcome::kTruncated;
  const Ipv4Header& ip = out.header;
  if (ip.header_bytes < kIpv4Bytes) return ParseOutcome::kBadHeaderLength;
  if (ip.header_bytes > bytes.size()) return ParseOutcome::kBadHeaderLength;
  if (ip.total_length < ip.header_bytes) return ParseOutcome::kBadTotalLength;
  if (ip.fragment_offset != 0) return ParseOutcome::kFragment;
  out.packet = bytes.first(std::min<size_t>(bytes.size(), ip.total_length));
  return ParseOutcome::kAccepted;
}

// RD covers the data of resets only: others are not worth the time.
void LoadTcpData(ConstBytes data, TcpAnswer& out) {
  out.data_bytes = static_cast<uint32_t>(data.size());
  if ((out.flags & kTcpRst) == 0 || data.empty()) return;
  // Bytes as bytes: zlib's name for unsigned char.
  const auto* bytes = reinterpret_cast<const Bytef*>(data.data());
  const uLong crc = crc32(crc32(0, nullptr, 0), bytes, static_cast<uInt>(data.size()));
  out.data_crc32 = static_cast<uint32_t>(crc);
}

ParseOutcome ParseTcp(const IpPacket& ip, Reply& out) {
  TcpHeader header;
  const ConstBytes segment = ip.payload();
  if (!LoadTcp(segment, header)) return ParseOutcome::kTruncated;
  if (header.header_bytes < kTcpBytes) return ParseOutcome::kBadTcpHeader;
  if (header.header_bytes > segment.size()) return ParseOutcome::kBadTcpHeader;
  out.kind = ReplyKind::kTcp;
  TcpReply& tcp = Activate(out.tcp);
  TcpAnswer& answer = tcp.answer;
  answer.options_length = static_cast<uint8_t>(header.header_bytes - kTcpBytes);
  std::memcpy(answer.options.data(), segment.data() + kTcpBytes, answer.options_length);
  if (!AcceptOptions({answer.options.data(), answer.options_length})) {
    return ParseOutcome::kBadTcpOptions;
  }
  tcp.source_port = header.source_port;
  tcp.destination_port = header.destination_port;
  answer.seq = header.seq;
  answer.ack = header.ack;
  answer.window = header.window;
  answer.urgent = header.urgent;
  answer.ip_id = ip.header.id;
  answer.ttl = ip.header.ttl;
  answer.flags = header.flags;
  answer.reserved = header.reserved;
  answer.df = ip.header.df;
  LoadTcpData(segment.subspan(header.header_bytes), answer);
  return ParseOutcome::kAccepted;
}

ParseOutcome ParseUdp(const IpPacket& ip, Reply& out) {
  UdpHeader header;
  if (!LoadUdp(ip.payload(), header)) return ParseOutcome::kTruncated;
  out.kind = ReplyKind::kUdp;
  Activate(out.udp) = {.source_port = header.source_port,
                       .destination_port = header.destination_port,
                       .data_bytes = static_cast<uint16_t>(ip.payload().size() - kUdpBytes)};
  return ParseOutcome::kAccepted;
}

ParseOutcome ParseIcmpError(const IpPacket& ip, const IcmpHeader& header, Reply& out) {
  out.kind = ReplyKind::kIcmpError;
  IcmpError& error = Activate(out.icmp);
  error.type = header.type;
  error.code = header.code;
  error.answer.unused = header.rest;
  error.answer.total_length = ip.header.total_length;
  error.answer.ttl = ip.header.ttl;
  error.answer.df = ip.header.df;
  return LoadQuote(ip.payload().subspan(kIcmpBytes), error) ? ParseOutcome::kAccepted
                                                            : ParseOutcome::kBadQuote;
}

ParseOutcome ParseIcmp(const IpPacket& ip, Reply& out) {
  IcmpHeader header;
  if (!LoadIcmp(ip.payload(), header)) return ParseOutcome::kTruncated;
  if (QuotesPacket(header.type)) return ParseIcmpError(ip, header, out);
  if (header.type != kIcmpEchoReply) return ParseOutcome::kUnhandledIcmpType;
  out.kind = ReplyKind::kEcho;
  EchoReply& echo = Activate(out.echo);
  echo.id = header.id();
  echo.sequence = header.sequence();
  const ConstBytes data = ip.payload().subspan(kIcmpBytes);
  echo.has_payload = data.size() >= sizeof echo.payload;
  if (echo.has_payload) echo.payload = Load64(data.data());
  echo.answer.ip_id = ip.header.id;
  echo.answer.ttl = ip.header.ttl;
  echo.answer.code = header.code;
  echo.answer.df = ip.header.df;
  return ParseOutcome::kAccepted;
}

ParseOutcome ParseArp(ConstBytes bytes, Reply& out) {
  ArpPacket arp;
  if (bytes.size() < kArpBytes) return ParseOutcome::kTruncated;
  if (!LoadArp(bytes, arp)) return ParseOutcome::kBadArp;
  if (arp.operation != kArpRequest && arp.operation != kArpReply) return ParseOutcome::kBadArp;
  out.kind = ReplyKind::kArp;
  out.source = arp.sender;
  out.source_mac = arp.sender_mac;
  out.destination = arp.target;
  out.total_length = 0;
  Activate(out.arp) = {.is_request = arp.operation == kArpRequest};
  return ParseOutcome::kAccepted;
}

ParseOutcome ParseTransport(const IpPacket& ip, Reply& out) {
  switch (ip.header.protocol) {
    case kProtocolTcp:
      return ParseTcp(ip, out);
    case kProtocolIcmp:
      return ParseIcmp(ip, out);
    case kProtocolUdp:
      return ParseUdp(ip, out);
    default:
      return ParseOutcome::kUnhandledProtocol;
  }
}

ChecksumState JudgeSum(uint16_t field, uint64_t pseudo, ConstBytes bytes) {
  if (FoldSum(pseudo + SumBytes(bytes)) == 0xFFFF) return ChecksumState::kGood;
  if (pseudo != 0 && field == FoldSum(pseudo)) return ChecksumState::kPartial;
  return ChecksumState::kBad;
}

ChecksumState JudgeUdp(ConstBytes bytes, const Ipv4Header& ip) {
  UdpHeader header;
  if (!LoadUdp(bytes, header) || header.length < kUdpBytes || header.length > bytes.size()) {
    return ChecksumState::kUnknown;
  }
  if (header.checksum == 0) return ChecksumState::kAbsent;
  const uint64_t pseudo = SumPseudoHeader(ip.source, ip.destination, ip.protocol, header.length);
  return JudgeSum(header.checksum, pseudo, bytes.first(header.length));
}

ChecksumState JudgeTransport(const IpPacket& ip) {
  const ConstBytes bytes = ip.payload();
  if (!ip.is_complete() || ip.header.mf) return ChecksumState::kUnknown;
  switch (ip.header.protocol) {
    case kProtocolTcp:
      if (bytes.size() < kTcpBytes) return ChecksumState::kUnknown;
      return JudgeSum(
          Load16(bytes.data() + kTcpChecksumAt),
          SumPseudoHeader(ip.header.source, ip.header.destination, kProtocolTcp, bytes.size()),
          bytes);
    case kProtocolIcmp:
      if (bytes.size() < kIcmpBytes) return ChecksumState::kUnknown;
      return JudgeSum(0, 0, bytes);
    case kProtocolUdp:
      return JudgeUdp(bytes, ip.header);
    default:
      return ChecksumState::kUnknown;
  }
}

// The payload of the link: fills out.source_mac. `type` is an EtherType.
ParseOutcome StripLink(ConstBytes frame, LinkLayer layer, MacAddr& source_mac, uint16_t& type,
                       ConstBytes& payload) {
  type = kEtherTypeIpv4;
  payload = frame;
  source_mac = MacAddr{};
  if (layer == LinkLayer::kNone) return ParseOutcome::kAccepted;
  EthernetHeader ethernet;
  const size_t header_bytes = LoadEthernet(frame, ethernet);
  if (header_bytes == 0) return ParseOutcome::kTruncated;
  type = ethernet.type;
  source_mac = ethernet.source;
  payload = frame.subspan(header_bytes);
  return ParseOutcome::kAccepted;
}

ParseOutcome CheckChecksums(const IpPacket& ip) {
  if (FoldSum(SumBytes(ip.packet.first(ip.header.header_bytes))) != 0xFFFF) {
    return ParseOutcome::kBadIpChecksum;
  }
  return JudgeTransport(ip) == ChecksumState::kBad ? ParseOutcome::kBadTransportChecksum
                                                   : ParseOutcome::kAccepted;
}

}  // namespace

ParseOutcome Parse(std::span<const std::byte> frame, LinkLayer layer, Reply& out,
                   ChecksumPolicy checksums) noexcept {
  uint16_t type;
  ConstBytes payload;
  ParseOutcome outcome = StripLink(frame, layer, out.source_mac, type, payload);
  if (outcome != ParseOutcome::kAccepted) return outcome;
  if (type == kEtherTypeArp) return ParseArp(payload, out);
  if (type != kEtherTypeIpv4) return ParseOutcome::kNotIpv4;
  IpPacket ip;
  outcome = LoadIpPacket(payload, ip);
  if (outcome != ParseOutcome::kAccepted) return outcome;
  out.source = ip.header.source;
  out.destination = ip.header.destination;
  out.total_length = ip.header.total_length;
  outcome = ParseTransport(ip, out);
  if (outcome == ParseOutcome::kAccepted && checksums == ChecksumPolicy::kDropBad) {
    outcome = CheckChecksums(ip);
  }
  return outcome;
}

ChecksumState TransportChecksum(std::span<const std::byte> frame, LinkLayer layer) noexcept {
  uint16_t type;
  MacAddr source_mac;
  IpPacket ip;
  ConstBytes payload;
  if (StripLink(frame, layer, source_mac, type, payload) != ParseOutcome::kAccepted ||
      type != kEtherTypeIpv4 || LoadIpPacket(payload, ip) != ParseOutcome::kAccepted) {
    return ChecksumState::kUnknown;
  }
  return JudgeTransport(ip);
}

std::string_view ParseOutcomeName(ParseOutcome outcome) {
  static constexpr std::string_view kNames[] = {"accepted",           "truncated",
                                                "not_ipv4",           "bad_header_length",
                                                "bad_total_length",   "fragment",
                                                "bad_tcp_header",     "bad_tcp_options",
                                                "unhandled_protocol", "unhandled_icmp_type",
                                                "bad_quote",          "bad_arp",
                                                "bad_ip_checksum",    "bad_transport_checksum"};
  static_assert(std::size(kNames) == static_cast<size_t>(ParseOutcome::kCount));
  const auto index = static_cast<size_t>(outcome);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

}  // namespace osprey::io::wire
