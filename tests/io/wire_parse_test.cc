// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "io/wire/parse.h"
#include "tests/testing/frame_builder.h"

namespace osprey::io::wire {
namespace {

using osprey::testing::Addr;
using osprey::testing::Bytes;
using osprey::testing::FrameBuilder;
using osprey::testing::FromHex;
using osprey::testing::Mac;
using osprey::testing::SeenProbe;
using osprey::testing::ToBytes;

const MacAddr kHost = Mac("02:00:00:00:00:02");
const MacAddr kScanner = Mac("02:00:00:00:00:01");

FrameBuilder FromHost(Ipv4Header ip = {}) {
  return FrameBuilder().Eth(kHost, kScanner).Ipv4("198.51.100.7", "192.0.2.1", ip);
}
Bytes SynAck() {
  return FromHost({.id = 77, .df = true, .ttl = 63})
      .Tcp(443, 40000,
           {.seq = 0x01020304,
            .ack = 0xFFFFFFFF,
            .reserved = 5,
            .flags = kTcpSyn | kTcpAck | kTcpEce,
            .window = 29200,
            .urgent = 9})
      .Options({2, 4, 5, 0xB4, 4, 2})
      .Build();
}
ParseOutcome OutcomeOf(const Bytes& frame) {
  Reply reply;
  return Parse(frame, LinkLayer::kEthernet, reply);
}
constexpr size_t kIpAt = kEthernetBytes;
constexpr size_t kTcpAt = kIpAt + kIpv4Bytes;

TEST(Parse, ReadsEveryFieldOfATcpReply) {
  Reply reply;
  ASSERT_EQ(Parse(SynAck(), LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  EXPECT_EQ(reply.kind, ReplyKind::kTcp);
  EXPECT_EQ(reply.source, Addr("198.51.100.7"));
  EXPECT_EQ(reply.destination, Addr("192.0.2.1"));
  EXPECT_EQ(reply.source_mac, kHost);
  EXPECT_EQ(reply.total_length, 48);
  EXPECT_EQ(reply.tcp.source_port, 443);
  EXPECT_EQ(reply.tcp.destination_port, 40000);
  const TcpAnswer& answer = reply.tcp.answer;
  EXPECT_EQ(answer.seq, 0x01020304u);
  EXPECT_EQ(answer.ack, 0xFFFFFFFFu);
  EXPECT_EQ(answer.window, 29200);
  EXPECT_EQ(answer.urgent, 9);
  EXPECT_EQ(answer.ip_id, 77);
  EXPECT_EQ(answer.ttl, 63);
  EXPECT_EQ(answer.flags, kTcpSyn | kTcpAck | kTcpEce);
  EXPECT_EQ(answer.reserved, 5);
  EXPECT_TRUE(answer.df);
  EXPECT_EQ(answer.data_bytes, 0u);
  ASSERT_EQ(answer.options_length, 8);
  EXPECT_EQ(answer.options[2], 5);
  EXPECT_EQ(answer.options[5], 2);
}

TEST(Parse, EveryShorterFrameIsRefusedOrHasLessData) {
  const Bytes whole = SynAck();
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(OutcomeOf(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length))),
              ParseOutcome::kAccepted)
        << length;
  }
  EXPECT_EQ(OutcomeOf({}), ParseOutcome::kTruncated);
}

TEST(Parse, ReusedReplyKeepsNothing) {
  Reply reply;
  ASSERT_EQ(Parse(SynAck(), LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  const Bytes echo =
      FrameBuilder().Ipv4("198.51.100.7", "192.0.2.1").Icmp(kIcmpEchoReply, 9, 0x00010002).Build();
  ASSERT_EQ(Parse(echo, LinkLayer::kNone, reply), ParseOutcome::kAccepted);
  EXPECT_TRUE(reply.source_mac.is_zero());
  EXPECT_EQ(reply.echo.answer.code, 9);
  EXPECT_EQ(reply.echo.id, 1);
  EXPECT_EQ(reply.echo.sequence, 2);
  EXPECT_FALSE(reply.echo.has_payload);
  EXPECT_FALSE(reply.echo.answer.df);
}

TEST(Parse, SkipsVlanTags) {
  const Bytes tagged = FromHost().Vlan(5).Tcp(1, 2, {.flags = kTcpRst}).Build();
  EXPECT_EQ(OutcomeOf(tagged), ParseOutcome::kAccepted);
  // Three tags are one too many.
  Bytes nested = tagged;
  for (int i = 0; i < 2; ++i) {
    const Bytes tag = FromHex("81000005");
    nested.insert(nested.begin() + 12, tag.begin(), tag.end());
  }
  EXPECT_EQ(OutcomeOf(nested), ParseOutcome::kNotIpv4);
}

TEST(Parse, RefusesOtherProtocols) {
  Bytes frame = SynAck();
  Store16(frame.data() + 12, 0x86DD);
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kNotIpv4);
  frame = SynAck();
  frame[kIpAt] = std::byte{0x65};
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kNotIpv4);
  frame = SynAck();
  frame[kIpAt + 9] = std::byte{132};
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kUnhandledProtocol);
}

TEST(Parse, RefusesBadIpLengths) {
  Bytes frame = SynAck();
  frame[kIpAt] = std::byte{0x44};
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kBadHeaderLength);
  frame = FromHost().Icmp(kIcmpEchoReply, 0).Build();
  frame[kIpAt] = std::byte{0x4F};
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kBadHeaderLength);
  frame = SynAck();
  Store16(frame.data() + kIpAt + 2, 19);
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kBadTotalLength);
  Store16(frame.data() + kIpAt + 2, 39);
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kTruncated);
}

// Also when more follows than was captured.
TEST(Parse, ATotalLengthBeyondTheFrameIsCutToTheFrame) {
  Bytes frame = FromHost().Tcp(1, 2, {.flags = kTcpRst}).Data(ToBytes({1, 2, 3})).Build();
  Store16(frame.data() + kIpAt + 2, 1500);
  Reply reply;
  ASSERT_EQ(Parse(frame, LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  EXPECT_EQ(reply.tcp.answer.data_bytes, 3u);
  EXPECT_EQ(reply.total_length, 1500);
}

TEST(Parse, AcceptsOnlyFirstFragments) {
  EXPECT_EQ(OutcomeOf(FromHost({.mf = true}).Tcp(1, 2).Build()), ParseOutcome::kAccepted);
  EXPECT_EQ(OutcomeOf(FromHost({.fragment_offset = 1}).Tcp(1, 2).Build()), ParseOutcome::kFragment);
}

TEST(Parse, SkipsIpOptions) {
  Bytes frame = SynAck();
  const Bytes options = FromHex("01010101");
  frame.insert(frame.begin() + kTcpAt, options.begin(), options.end());
  frame[kIpAt] = std::byte{0x46};
  Store16(frame.data() + kIpAt + 2, 52);
  Reply reply;
  ASSERT_EQ(Parse(frame, LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  EXPECT_EQ(reply.tcp.source_port, 443);
  EXPECT_EQ(reply.tcp.answer.data_bytes, 0u);
}

TEST(Parse, RefusesBadTcpHeaders) {
  Bytes frame = SynAck();
  frame[kTcpAt + 12] = std::byte{0x45};
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kBadTcpHeader);
  frame[kTcpAt + 12] = std::byte{0x80};
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kBadTcpHeader);
  frame = FromHost().Tcp(1, 2).Options({2, 3, 5, 0}).Build();
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kBadTcpOptions);
  frame = FromHost().Tcp(1, 2).Options({30, 0, 0, 0}).Build();
  EXPECT_EQ(OutcomeOf(frame), ParseOutcome::kBadTcpOptions);
}

TEST(Parse, CrcOfResetDataLeavesPaddingOut) {
  const std::string text = "123456789";
  Bytes data(text.size());
  std::transform(text.begin(), text.end(), data.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  Reply reply;
  ASSERT_EQ(Parse(FromHost().Tcp(1, 2, {.flags = kTcpRst}).Data(data).Padding(6).Build(),
                  LinkLayer::kEthernet, reply),
            ParseOutcome::kAccepted);
  EXPECT_EQ(reply.tcp.answer.data_bytes, 9u);
  EXPECT_EQ(reply.tcp.answer.data_crc32, 0xCBF43926u);
  ASSERT_EQ(Parse(FromHost().Tcp(1, 2, {.flags = kTcpRst}).Padding(6).Build(), LinkLayer::kEthernet,
                  reply),
            ParseOutcome::kAccepted);
  EXPECT_EQ(reply.tcp.answer.data_bytes, 0u);
  EXPECT_EQ(reply.tcp.answer.data_crc32, 0u);
  ASSERT_EQ(Parse(FromHost().Tcp(1, 2, {.flags = kTcpAck}).Data(data).Build(), LinkLayer::kEthernet,
                  reply),
            ParseOutcome::kAccepted);
  EXPECT_EQ(reply.tcp.answer.data_bytes, 9u);
  EXPECT_EQ(reply.tcp.answer.data_crc32, 0u);
}

TEST(Parse, ReadsUdpAndRefusesShortOnes) {
  Reply reply;
  const Bytes frame = FromHost().Udp(53, 40000).Data(ToBytes({1, 2, 3})).Build();
  ASSERT_EQ(Parse(frame, LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  EXPECT_EQ(reply.kind, ReplyKind::kUdp);
  EXPECT_EQ(reply.udp.source_port, 53);
  EXPECT_EQ(reply.udp.destination_port, 40000);
  EXPECT_EQ(reply.udp.data_bytes, 3);
  EXPECT_EQ(OutcomeOf(Bytes(frame.begin(), frame.begin() + kTcpAt + 7)), ParseOutcome::kTruncated);
}

TEST(Parse, RefusesIcmpTypesWithoutAUse) {
  for (const int type : {5, 8, 13, 14, 17, 30}) {
    EXPECT_EQ(OutcomeOf(FromHost().Icmp(static_cast<uint8_t>(type), 0).Build()),
              ParseOutcome::kUnhandledIcmpType);
  }
}

TEST(Parse, ReadsArpRepliesAndRequests) {
  const Bytes request =
      FrameBuilder()
          .Eth(kScanner, kBroadcastMac)
          .Arp({.sender_mac = kScanner, .sender = Addr("192.0.2.1"), .target = Addr("192.0.2.9")})
          .Build();
  Reply reply;
  ASSERT_EQ(Parse(request, LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  EXPECT_EQ(reply.kind, ReplyKind::kArp);
  EXPECT_TRUE(reply.arp.is_request);
  EXPECT_EQ(reply.destination, Addr("192.0.2.9"));
  ASSERT_EQ(Parse(osprey::testing::ArpReplyTo(request, kHost), LinkLayer::kEthernet, reply),
            ParseOutcome::kAccepted);
  EXPECT_FALSE(reply.arp.is_request);
  EXPECT_EQ(reply.source, Addr("192.0.2.9"));
  EXPECT_EQ(reply.source_mac, kHost);
  Bytes odd = request;
  Store16(odd.data() + kIpAt + 2, 0x86DD);
  EXPECT_EQ(OutcomeOf(odd), ParseOutcome::kBadArp);
  EXPECT_EQ(OutcomeOf(Bytes(request.begin(), request.end() - 1)), ParseOutcome::kTruncated);
}

TEST(ParseOutcome, HasDistinctNames) {
  std::set<std::string_view> names;
  for (int i = 0; i < static_cast<int>(ParseOutcome::kCount); ++i) {
    names.insert(ParseOutcomeName(static_cast<ParseOutcome>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(ParseOutcome::kCount));
  EXPECT_EQ(ParseOutcomeName(ParseOutcome::kBadQuote), "bad_quote");
  EXPECT_EQ(ParseOutcomeName(ParseOutcome::kBadTcpOptions), "bad_tcp_options");
  EXPECT_EQ(ParseOutcomeName(ParseOutcome::kBadTransportChecksum), "bad_transport_checksum");
}

TEST(Checksums, AreLookedAtOnlyWhenAsked) {
  for (const size_t broken_at : {kIpAt + kIpv4ChecksumAt, kTcpAt + kTcpChecksumAt}) {
    Bytes frame = SynAck();
    frame[broken_at] ^= std::byte{0x55};
    Reply reply;
    EXPECT_EQ(Parse(frame, LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
    EXPECT_EQ(
        Parse(frame, LinkLayer::kEthernet, reply, ChecksumPolicy::kDropBad),
        broken_at < kTcpAt ? ParseOutcome::kBadIpChecksum : ParseOutcome::kBadTransportChecksum);
  }
  Reply reply;
  EXPECT_EQ(Parse(SynAck(), LinkLayer::kEthernet, reply, ChecksumPolicy::kDropBad),
            ParseOutcome::kAccepted);
}

TEST(Checksums, PartialOnesAreKnownByTheirValue) {
  Bytes frame = SynAck();
  Store16(frame.data() + kTcpAt + kTcpChecksumAt,
          FoldSum(SumPseudoHeader(Addr("198.51.100.7"), Addr("192.0.2.1"), kProtocolTcp, 28)));
  EXPECT_EQ(TransportChecksum(frame, LinkLayer::kEthernet), ChecksumState::kPartial);
  EXPECT_TRUE(TransportChecksumGood(frame, LinkLayer::kEthernet));
}

TEST(Checksums, OfUdpMayBeAbsentAndOfCutPacketsAreUnknown) {
  Bytes frame = FromHost().Udp(53, 40000).Data(ToBytes({1, 2, 3})).Build();
  EXPECT_EQ(TransportChecksum(frame, LinkLayer::kEthernet), ChecksumState::kGood);
  const Bytes cut(frame.begin(), frame.end() - 1);
  EXPECT_EQ(TransportChecksum(cut, LinkLayer::kEthernet), ChecksumState::kUnknown);
  Store16(frame.data() + kTcpAt + kUdpChecksumAt, 0);
  EXPECT_EQ(TransportChecksum(frame, LinkLayer::kEthernet), ChecksumState::kAbsent);
  Store16(frame.data() + kTcpAt + kUdpChecksumAt, 0x1234);
  EXPECT_EQ(TransportChecksum(frame, LinkLayer::kEthernet), ChecksumState::kBad);
  EXPECT_FALSE(TransportChecksumGood(frame, LinkLayer::kEthernet));
  EXPECT_EQ(TransportChecksum({}, LinkLayer::kEthernet), ChecksumState::kUnknown);
}

}  // namespace
}  // namespace osprey::io::wire
