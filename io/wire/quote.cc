// SPDX-License-Identifier: Apache-2.0
#include "io/wire/quote.h"

#include <cstring>

#include "io/wire/icmp.h"
#include "io/wire/ipv4.h"
#include "io/wire/udp.h"

namespace osprey::io::wire {
namespace {

// Over the first 20 quoted bytes as they are: options do not count, a TTL that was lowered without
// updating the checksum does.
QuotedChecksum JudgeChecksum(ConstBytes quote, uint16_t checksum) {
  if (checksum == 0) return QuotedChecksum::kZero;
  const uint64_t without_field =
      uint64_t{SumBytes(quote.first(kIpv4ChecksumAt))} + SumBytes(quote.subspan(kIpv4SourceAt, 8));
  return FinishChecksum(without_field) == checksum ? QuotedChecksum::kGood : QuotedChecksum::kBad;
}

// Data whose first byte is right and whose every byte equals the next one: one vectorised call.
bool IsProbePattern(ConstBytes data) {
  if (data.empty()) return true;
  return data[0] == kUdpProbePattern &&
         std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0;
}

void LoadQuotedTransport(ConstBytes transport, IcmpError& out) {
  out.has_quoted_ports = transport.size() >= 4;
  out.quotes_udp_header = transport.size() >= kUdpBytes;
  if (out.has_quoted_ports) {
    out.quoted_source_port = Load16(transport.data());
    out.quoted_destination_port = Load16(transport.data() + 2);
  }
  if (!out.quotes_udp_header) return;
  out.quoted_tcp_seq = Load32(transport.data() + 4);
  out.quoted_icmp_id = Load16(transport.data() + kIcmpIdAt);
  out.quoted_icmp_sequence = Load16(transport.data() + kIcmpSequenceAt);
  out.answer.quoted_udp_checksum = Load16(transport.data() + kUdpChecksumAt);
  out.answer.quoted_data_intact = IsProbePattern(transport.subspan(kUdpBytes));
}

}  // namespace

bool LoadQuote(std::span<const std::byte> quote, IcmpError& out) noexcept {
  Ipv4Header ip;
  if (!LoadIpv4(quote, ip)) return false;
  if (ip.header_bytes < kIpv4Bytes || ip.header_bytes > quote.size()) return false;
  out.quoted_protocol = ip.protocol;
  out.quoted_source = ip.source;
  out.quoted_destination = ip.destination;
  out.answer.quoted_total_length = ip.total_length;
  out.answer.quoted_ip_id = ip.id;
  out.answer.quoted_ttl = ip.ttl;
  out.answer.quoted_ip_checksum = JudgeChecksum(quote, ip.checksum);
  LoadQuotedTransport(quote.subspan(ip.header_bytes), out);
  return true;
}

}  // namespace osprey::io::wire
