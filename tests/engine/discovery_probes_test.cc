// SPDX-License-Identifier: Apache-2.0
#include "engine/discovery_probes.h"

#include <gtest/gtest.h>

#include <array>
#include <span>

#include "io/wire/parse.h"
#include "tests/testing/frame_builder.h"

namespace osprey::engine {
namespace {

using io::LinkLayer;
using io::wire::Parse;
using io::wire::ParseOutcome;
using io::wire::Reply;
using io::wire::ReplyKind;
using osprey::testing::Addr;
using osprey::testing::Bytes;
using osprey::testing::FrameBuilder;
using osprey::testing::Mac;
using osprey::testing::SeenProbe;
using osprey::testing::ToHex;

const io::wire::SendPath kPath{.layer = LinkLayer::kEthernet,
                               .source_mac = Mac("02:00:00:00:00:01"),
                               .source = Addr("192.0.2.1")};
const io::wire::Destination kTo{.address = Addr("198.51.100.7"),
                                .next_hop = Mac("02:00:00:00:00:02")};
constexpr PacketNoise kNoise{.ip_id = 0x1234, .ttl = 45};

class DiscoveryProbesTest : public ::testing::Test {
 protected:
  // What `builder` gives must be what was written.
  void ExpectFrame(uint32_t length, const Bytes& want) {
    EXPECT_EQ(ToHex(std::span(frame_).first(length)), ToHex(want));
    EXPECT_TRUE(
        io::wire::TransportChecksumGood(std::span(frame_).first(length), LinkLayer::kEthernet));
  }
  FrameBuilder Begin(uint16_t ip_id = kNoise.ip_id) const {
    return FrameBuilder()
        .Eth(kPath.source_mac, kTo.next_hop)
        .Ipv4(kPath.source, kTo.address, {.id = ip_id, .ttl = kNoise.ttl});
  }

  DiscoveryProbes probes_{kPath};
  std::array<std::byte, io::wire::FrameTemplate::kMaxBytes> frame_;
};

TEST_F(DiscoveryProbesTest, SynCarriesTheCookieAndAnMss) {
  const TcpCookie cookie{.source_port = 65230, .seq = 0xDEADBEEF};
  ExpectFrame(probes_.WriteSyn(kTo, 443, cookie, kNoise, frame_.data()),
              Begin()
                  .Tcp(65230, 443, {.seq = 0xDEADBEEF, .flags = kTcpSyn, .window = 64240})
                  .Options({2, 4, 0x05, 0xB4})
                  .Build());
}

TEST_F(DiscoveryProbesTest, AckCarriesTheCookie) {
  const TcpCookie cookie{.source_port = 65230, .seq = 1, .ack = 0xFFFFFFFF};
  ExpectFrame(probes_.WriteAck(kTo, 80, cookie, kNoise, frame_.data()),
              Begin()
                  .Tcp(65230, 80, {.seq = 1, .ack = 0xFFFFFFFF, .flags = kTcpAck, .window = 1024})
                  .Build());
}

TEST_F(DiscoveryProbesTest, ResetHasOnlyASequenceNumber) {
  ExpectFrame(probes_.WriteReset(kTo, 443, 65230, 0xDEADBEF0, kNoise, frame_.data()),
              Begin().Tcp(65230, 443, {.seq = 0xDEADBEF0, .flags = kTcpRst}).Build());
}

TEST_F(DiscoveryProbesTest, EchoCarriesTheCookieInItsData) {
  const EchoCookie cookie{.id = 0xF001, .seq = 0xABCD, .payload = 0x0102030405060708};
  ExpectFrame(probes_.WriteEcho(kTo, cookie, kNoise, frame_.data()),
              Begin()
                  .Icmp(io::wire::kIcmpEchoRequest, 0, 0xF001ABCD)
                  .Data(osprey::testing::ToBytes({1, 2, 3, 4, 5, 6, 7, 8}))
                  .Build());
}

TEST_F(DiscoveryProbesTest, EchoReplyGivesTheCookieBack) {
  const EchoCookie cookie{.id = 0xF001, .seq = 0xABCD, .payload = 0x8102030405060708};
  const uint32_t length = probes_.WriteEcho(kTo, cookie, kNoise, frame_.data());
  const SeenProbe seen({frame_.data(), length}, LinkLayer::kEthernet);
  Reply reply;
  ASSERT_EQ(Parse(EchoReplyTo(seen, {}), LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  ASSERT_EQ(reply.kind, ReplyKind::kEcho);
  EXPECT_EQ(reply.echo.id, cookie.id);
  EXPECT_EQ(reply.echo.sequence, cookie.seq);
  ASSERT_TRUE(reply.echo.has_payload);
  EXPECT_EQ(reply.echo.payload, cookie.payload);
}

TEST_F(DiscoveryProbesTest, UdpCarriesTheCookieInItsIpId) {
  const UdpCookie cookie{.source_port = 65231, .ip_id = 0x4242};
  ExpectFrame(probes_.WriteUdp(kTo, 40125, cookie, kNoise, frame_.data()),
              Begin(0x4242).Udp(65231, 40125).Build());
}

TEST_F(DiscoveryProbesTest, ArpAsksEverybodyOnTheLink) {
  const uint32_t length = probes_.WriteArp(kTo.address, frame_.data());
  EXPECT_EQ(
      ToHex(std::span(frame_).first(length)),
      ToHex(
          FrameBuilder()
              .Eth(kPath.source_mac, io::wire::kBroadcastMac)
              .Arp({.sender_mac = kPath.source_mac, .sender = kPath.source, .target = kTo.address})
              .Build()));
  Reply reply;
  const Bytes answer = osprey::testing::ArpReplyTo(std::span(frame_).first(length), kTo.next_hop);
  ASSERT_EQ(Parse(answer, LinkLayer::kEthernet, reply), ParseOutcome::kAccepted);
  EXPECT_EQ(reply.source, kTo.address);
  EXPECT_EQ(reply.source_mac, kTo.next_hop);
  EXPECT_FALSE(reply.arp.is_request);
}

TEST(DiscoveryProbes, WriteNoLinkHeaderWhereThereIsNone) {
  const DiscoveryProbes probes({.layer = LinkLayer::kNone, .source = Addr("192.0.2.1")});
  std::array<std::byte, io::wire::FrameTemplate::kMaxBytes> frame;
  const uint32_t length = probes.WriteSyn(kTo, 443, {.source_port = 65230}, kNoise, frame.data());
  EXPECT_EQ(length, 44u);
  EXPECT_EQ(SeenProbe({frame.data(), length}, LinkLayer::kNone).tcp.destination_port, 443);
  EXPECT_EQ(probes.WriteArp(kTo.address, frame.data()), 0u);
}

TEST_F(DiscoveryProbesTest, ArpReplyTellsWhoAskedWhereWeAre) {
  const MacAddr asker = Mac("02:00:00:00:00:99");
  ExpectFrame(probes_.WriteArpReply(Addr("192.0.2.254"), asker, frame_.data()),
              FrameBuilder()
                  .Eth(kPath.source_mac, asker)
                  .Arp({.operation = io::wire::kArpReply,
                        .sender_mac = kPath.source_mac,
                        .sender = kPath.source,
                        .target_mac = asker,
                        .target = Addr("192.0.2.254")})
                  .Build());
  const DiscoveryProbes bare({.layer = LinkLayer::kNone, .source = kPath.source});
  EXPECT_EQ(bare.WriteArpReply(Addr("192.0.2.254"), asker, frame_.data()), 0U);
}

// Every frame with a tag is the frame without, and the tag in it.
TEST_F(DiscoveryProbesTest, ATagIsPutIntoEveryFrame) {
  io::wire::SendPath tagged_path = kPath;
  tagged_path.vlan = 0xABC;
  const DiscoveryProbes tagged(tagged_path);
  const TcpCookie cookie{.source_port = 65230, .seq = 1, .ack = 2};
  std::array<std::byte, io::wire::FrameTemplate::kMaxBytes> other;
  const auto expect_tag = [&](uint32_t length, uint32_t tagged_length) {
    ASSERT_EQ(tagged_length, length + 4);
    Bytes want(frame_.begin(), frame_.begin() + length);
    const Bytes tag = testing::ToBytes({0x81, 0x00, 0x0A, 0xBC});
    want.insert(want.begin() + 12, tag.begin(), tag.end());
    EXPECT_EQ(ToHex(std::span(other).first(tagged_length)), ToHex(want));
  };
  expect_tag(probes_.WriteSyn(kTo, 443, cookie, kNoise, frame_.data()),
             tagged.WriteSyn(kTo, 443, cookie, kNoise, other.data()));
  expect_tag(probes_.WriteAck(kTo, 443, cookie, kNoise, frame_.data()),
             tagged.WriteAck(kTo, 443, cookie, kNoise, other.data()));
  expect_tag(probes_.WriteReset(kTo, 443, 40000, 7, kNoise, frame_.data()),
             tagged.WriteReset(kTo, 443, 40000, 7, kNoise, other.data()));
  expect_tag(probes_.WriteUdp(kTo, 443, {40000, 7}, kNoise, frame_.data()),
             tagged.WriteUdp(kTo, 443, {40000, 7}, kNoise, other.data()));
  expect_tag(probes_.WriteEcho(kTo, {1, 2, 3}, kNoise, frame_.data()),
             tagged.WriteEcho(kTo, {1, 2, 3}, kNoise, other.data()));
  expect_tag(probes_.WriteArp(kTo.address, frame_.data()),
             tagged.WriteArp(kTo.address, other.data()));
  expect_tag(probes_.WriteArpReply(kTo.address, kTo.next_hop, frame_.data()),
             tagged.WriteArpReply(kTo.address, kTo.next_hop, other.data()));
}

}  // namespace
}  // namespace osprey::engine
