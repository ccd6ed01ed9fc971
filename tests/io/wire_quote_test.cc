// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "io/wire/parse.h"
#include "io/wire/quote.h"
#include "tests/testing/frame_builder.h"

namespace osprey::io::wire {
namespace {

using osprey::testing::Addr;
using osprey::testing::Bytes;
using osprey::testing::FrameBuilder;
using osprey::testing::SeenProbe;

constexpr size_t kQuoteAt = kIpv4Bytes + kIcmpBytes;
constexpr size_t kQuotedUdpAt = kQuoteAt + kIpv4Bytes;

SeenProbe U1() {
  const Bytes frame = FrameBuilder()
                          .Ipv4("192.0.2.1", "198.51.100.7", {.id = 0x1042, .ttl = 57})
                          .Udp(40000, 31000)
                          .Data(Bytes(300, kUdpProbePattern))
                          .Build();
  return SeenProbe(frame, LinkLayer::kNone);
}
// The host's port unreachable; tests change its bytes.
Bytes Unreachable(size_t quoted_bytes = 328) {
  return UnreachableTo(U1(), {.ttl = 60, .df = false, .ip_id = 5}, kIcmpPortUnreachable,
                       quoted_bytes);
}
IcmpError Parsed(const Bytes& packet) {
  Reply reply;
  EXPECT_EQ(Parse(packet, LinkLayer::kNone, reply), ParseOutcome::kAccepted);
  EXPECT_EQ(reply.kind, ReplyKind::kIcmpError);
  return reply.icmp;
}

TEST(Quote, GivesBackTheProbe) {
  const IcmpError error = Parsed(Unreachable());
  EXPECT_EQ(error.type, kIcmpUnreachable);
  EXPECT_EQ(error.code, kIcmpPortUnreachable);
  EXPECT_EQ(error.quoted_protocol, kProtocolUdp);
  EXPECT_TRUE(error.has_quoted_ports);
  EXPECT_TRUE(error.quotes_udp_header);
  EXPECT_EQ(error.quoted_source, Addr("192.0.2.1"));
  EXPECT_EQ(error.quoted_destination, Addr("198.51.100.7"));
  EXPECT_EQ(error.quoted_source_port, 40000);
  EXPECT_EQ(error.quoted_destination_port, 31000);
  const UnreachableAnswer& answer = error.answer;
  EXPECT_EQ(answer.unused, 0u);
  EXPECT_EQ(answer.total_length, 356);
  EXPECT_EQ(answer.ttl, 60);
  EXPECT_FALSE(answer.df);
  EXPECT_EQ(answer.quoted_total_length, 328);
  EXPECT_EQ(answer.quoted_ip_id, 0x1042);
  EXPECT_EQ(answer.quoted_ttl, 57);
  EXPECT_EQ(answer.quoted_udp_checksum, U1().udp.checksum);
  EXPECT_EQ(answer.quoted_ip_checksum, QuotedChecksum::kGood);
  EXPECT_TRUE(answer.quoted_data_intact);
}

TEST(Quote, KeepsTheUnusedFieldWhole) {
  Bytes packet = Unreachable();
  Store32(packet.data() + kIpv4Bytes + 4, 0x12345678);
  EXPECT_EQ(Parsed(packet).answer.unused, 0x12345678u);
}

// A router on the way lowers the TTL; not updating the checksum shows.
TEST(Quote, JudgesTheChecksumOfTheQuotedHeader) {
  Bytes packet = Unreachable();
  Store8(packet.data() + kQuoteAt + kIpv4TtlAt, 50);
  EXPECT_EQ(Parsed(packet).answer.quoted_ip_checksum, QuotedChecksum::kBad);
  const uint16_t sent = Load16(packet.data() + kQuoteAt + kIpv4ChecksumAt);
  Store16(packet.data() + kQuoteAt + kIpv4ChecksumAt,
          UpdateChecksum(sent, static_cast<uint16_t>(57 << 8 | kProtocolUdp),
                         static_cast<uint16_t>(50 << 8 | kProtocolUdp)));
  EXPECT_EQ(Parsed(packet).answer.quoted_ip_checksum, QuotedChecksum::kGood);
  Store16(packet.data() + kQuoteAt + kIpv4ChecksumAt, 0);
  EXPECT_EQ(Parsed(packet).answer.quoted_ip_checksum, QuotedChecksum::kZero);
}

TEST(Quote, NoticesEveryChangedByteOfTheData) {
  for (size_t at = kQuotedUdpAt + kUdpBytes; at < 356; at += 13) {
    Bytes packet = Unreachable();
    packet[at] = std::byte{0x44};
    EXPECT_FALSE(Parsed(packet).answer.quoted_data_intact) << at;
  }
  EXPECT_TRUE(Parsed(Unreachable(28)).answer.quoted_data_intact);
}

// Bytes behind the packet are none of its data, as those of a padded Ethernet frame.
TEST(Quote, LeavesLinkPaddingOut) {
  Bytes packet = Unreachable(28);
  packet.resize(packet.size() + 4);
  EXPECT_TRUE(Parsed(packet).answer.quoted_data_intact);
}

TEST(Quote, MayBeShortButNotShorterThanItsIpHeader) {
  for (size_t quoted = 0; quoted < 20; ++quoted) {
    Reply reply;
    EXPECT_EQ(Parse(Unreachable(quoted), LinkLayer::kNone, reply), ParseOutcome::kBadQuote);
  }
  EXPECT_FALSE(Parsed(Unreachable(23)).has_quoted_ports);
  const IcmpError ports = Parsed(Unreachable(24));
  EXPECT_TRUE(ports.has_quoted_ports);
  EXPECT_EQ(ports.quoted_destination_port, 31000);
  EXPECT_FALSE(Parsed(Unreachable(27)).quotes_udp_header);
  EXPECT_TRUE(Parsed(Unreachable(28)).quotes_udp_header);
}

TEST(Quote, HeaderLengthDecidesWhereThePortsAre) {
  Bytes packet = Unreachable();
  Reply reply;
  packet[kQuoteAt] = std::byte{0x44};
  EXPECT_EQ(Parse(packet, LinkLayer::kNone, reply), ParseOutcome::kBadQuote);
  packet[kQuoteAt] = std::byte{0x46};
  EXPECT_EQ(Parsed(packet).quoted_destination_port, Load16(packet.data() + kQuotedUdpAt + 6));
  packet = Unreachable(30);
  packet[kQuoteAt] = std::byte{0x4F};
  EXPECT_EQ(Parse(packet, LinkLayer::kNone, reply), ParseOutcome::kBadQuote);
}

TEST(Quote, OfOtherProbesNamesThem) {
  const Bytes syn = FrameBuilder()
                        .Ipv4("192.0.2.1", "198.51.100.7")
                        .Tcp(40000, 443, {.seq = 0xDEADBEEF, .flags = kTcpSyn})
                        .Build();
  const IcmpError tcp = Parsed(UnreachableTo(SeenProbe(syn, LinkLayer::kNone), {}, 13, 28));
  EXPECT_EQ(tcp.code, 13);
  EXPECT_EQ(tcp.quoted_protocol, kProtocolTcp);
  EXPECT_EQ(tcp.quoted_destination_port, 443);
  EXPECT_EQ(tcp.quoted_tcp_seq, 0xDEADBEEFu);
  const Bytes echo = FrameBuilder()
                         .Ipv4("192.0.2.1", "198.51.100.7")
                         .Icmp(kIcmpEchoRequest, 0, 0xF0010002)
                         .Build();
  const IcmpError icmp = Parsed(UnreachableTo(SeenProbe(echo, LinkLayer::kNone), {}, 1));
  EXPECT_EQ(icmp.quoted_protocol, kProtocolIcmp);
  EXPECT_EQ(icmp.quoted_icmp_id, 0xF001);
  EXPECT_EQ(icmp.quoted_icmp_sequence, 2);
}

}  // namespace
}  // namespace osprey::io::wire
