// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/host_stack.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/answers.h"
#include "db/text_parser.h"
#include "tests/tools/lab/small_world.h"

namespace osprey::lab {
namespace {

constexpr Ipv4Addr kHost{0x0A000001};

class HostStackTest : public ::testing::Test {
 protected:
  HostStackTest() : world_(MakeSmallWorld()), stack_(world_->spec().network, kStartNs) {
    EXPECT_TRUE(world_->Find(kHost, host_));
  }

  Reply Ask(const Packet& packet, int64_t after_ns = 0) {
    Probe probe;
    EXPECT_EQ(ReadProbe(packet, kStartNs + after_ns, probe), ReadResult::kOk);
    Reply reply;
    stack_.Answer(host_, probe, reply);
    return reply;
  }

  std::unique_ptr<World> world_;
  HostStack stack_;
  Host host_;
};

TEST_F(HostStackTest, OpenPortAcceptsAndEchoesTheTimestamp) {
  const Reply reply = Ask(MakeSyn(kHost, kOpenPort, 0));
  ASSERT_EQ(reply.kind, Reply::Kind::kTcp);
  EXPECT_EQ(reply.tcp.flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(reply.tcp.ack, kProbeSeq + 1);
  EXPECT_EQ(reply.tcp.window, 0x16A0);
  EXPECT_TRUE(reply.ip.df);
  ASSERT_NE(reply.options.tsecr_at, 0);
  EXPECT_EQ(wire::Load32(reply.options.bytes.data() + reply.options.tsecr_at), 0xFFFFFFFF);
}

TEST_F(HostStackTest, TimestampsRunAtTheClocksRate) {
  const auto stamp = [&](int64_t after_ns) {
    const Reply reply = Ask(MakeSyn(kHost, kOpenPort, 0), after_ns);
    return wire::Load32(reply.options.bytes.data() + reply.options.tsval_at);
  };
  const uint32_t first = stamp(0);
  EXPECT_NEAR(stamp(10'000'000'000) - first, 1000, 1);  // 100 Hz
}

TEST_F(HostStackTest, TimestampsBeginAtTheUptime) {
  const Reply reply = Ask(MakeSyn(kHost, kOpenPort, 0));
  const uint32_t stamp = wire::Load32(reply.options.bytes.data() + reply.options.tsval_at);
  const double uptime_s = static_cast<double>(host_.uptime_ns) * 1e-9;
  EXPECT_GE(uptime_s, 86'400);                               // a day at least: GroupSpec's default
  EXPECT_NEAR(stamp, std::fmod(uptime_s * 100, 0x1p32), 1);  // 100 Hz
}

TEST_F(HostStackTest, EveryHopButTheLastCostsATtl) {
  ASSERT_EQ(host_.hops, 3);
  EXPECT_EQ(Ask(MakeSyn(kHost, kOpenPort, 0)).ip.ttl, 62);
  EXPECT_EQ(Ask(MakeSyn(kHost, kClosedPort, 0)).ip.ttl, 62);
  EXPECT_EQ(Ask(MakeUdp(kHost)).ip.ttl, 62);
  EXPECT_EQ(Ask(MakeEcho(kHost, 9)).ip.ttl, 62);
}

TEST_F(HostStackTest, ClosedPortResets) {
  const Reply reply = Ask(MakeSyn(kHost, kClosedPort, 0));
  ASSERT_EQ(reply.kind, Reply::Kind::kTcp);
  EXPECT_EQ(reply.tcp.flags, kTcpRst | kTcpAck);
  EXPECT_EQ(reply.tcp.seq, 0u);
  EXPECT_EQ(reply.tcp.ack, kProbeSeq + 1);
}

TEST_F(HostStackTest, ResetsAreNotAnswered) {
  EXPECT_EQ(Ask(MakeTcp(kHost, kClosedPort, kTcpRst)).kind, Reply::Kind::kNone);
  EXPECT_EQ(Ask(MakeTcp(kHost, kOpenPort, kTcpRst)).kind, Reply::Kind::kNone);
}

TEST_F(HostStackTest, PlainSynGetsOnlyWhatItOffers) {
  const Reply reply = Ask(MakeTcp(kHost, kOpenPort, kTcpSyn));
  ASSERT_EQ(reply.kind, Reply::Kind::kTcp);
  EXPECT_EQ(reply.tcp.flags, kTcpSyn | kTcpAck);
  EXPECT_FALSE(reply.options.has_timestamp);
}

TEST_F(HostStackTest, ServicesKeepAcceptedConnections) {
  const Reply accepted = Ask(MakeTcp(kHost, kOpenPort, kTcpSyn));
  Packet ack = MakeTcp(kHost, kOpenPort, kTcpAck);
  EXPECT_EQ(Ask(ack).tcp.flags, kTcpRst);  // of no connection
  wire::Store32(ack.data() + wire::kIpv4Bytes + wire::kTcpAckAt, accepted.tcp.seq + 1);
  EXPECT_EQ(Ask(ack).kind, Reply::Kind::kNone);
}

TEST_F(HostStackTest, IpIdsOfClosedPortsCount) {
  const uint16_t first = Ask(MakeTcp(kHost, kClosedPort, kTcpAck)).ip.id;
  EXPECT_EQ(Ask(MakeTcp(kHost, kClosedPort, kTcpAck)).ip.id, first + 1);
  EXPECT_EQ(Ask(MakeSyn(kHost, kOpenPort, 0)).ip.id, 0);  // TI=Z
}

TEST_F(HostStackTest, UdpIsUnreachableWithTheQuoteOfItsDistance) {
  const Reply reply = Ask(MakeUdp(kHost));
  ASSERT_EQ(reply.kind, Reply::Kind::kIcmp);
  EXPECT_EQ(reply.icmp.type, wire::kIcmpUnreachable);
  EXPECT_EQ(reply.icmp.code, wire::kIcmpPortUnreachable);
  EXPECT_EQ(reply.payload_size, 328u);
  wire::Ipv4Header quoted;
  ASSERT_TRUE(wire::LoadIpv4(reply.data(), quoted));
  EXPECT_EQ(quoted.ttl, kProbeTtl - (host_.hops - 1));
  EXPECT_EQ(wire::SumBytes(reply.data().first(20)), 0xFFFF);  // a correct checksum
}

TEST_F(HostStackTest, EchoKeepsIdentifierAndData) {
  const Reply reply = Ask(MakeEcho(kHost, 9));
  ASSERT_EQ(reply.kind, Reply::Kind::kIcmp);
  EXPECT_EQ(reply.icmp.type, wire::kIcmpEchoReply);
  EXPECT_EQ(reply.icmp.code, 9);  // CD=S
  EXPECT_EQ(reply.icmp.rest, kEchoRest);
  EXPECT_EQ(reply.payload_size, kEchoBytes);
}

TEST(IcmpLimit, LetsABurstThroughAndThenTheRate) {
  WorldSpec spec = SmallSpec();
  spec.network.icmp_per_second = 1;
  spec.network.icmp_burst = 3;
  const auto world = MakeWorld(spec);
  const HostStack stack(world->spec().network, kStartNs);
  Host host;
  ASSERT_TRUE(world->Find(kHost, host));
  const Packet packet = MakeUdp(kHost);
  const auto answers = [&](int64_t at_ns) {
    Probe probe;
    EXPECT_EQ(ReadProbe(packet, kStartNs + at_ns, probe), ReadResult::kOk);
    Reply reply;
    stack.Answer(host, probe, reply);
    return reply.kind != Reply::Kind::kNone;
  };
  int burst = 0;
  for (int i = 0; i < 10; ++i) burst += answers(0) ? 1 : 0;
  EXPECT_EQ(burst, 3);
  EXPECT_FALSE(answers(500'000'000));
  EXPECT_TRUE(answers(1'100'000'000));
}

TEST(NextIpId, PlansWithOneCounterShareItAndOthersDoNot) {
  const auto world = MakeSmallWorld();
  Host host;
  ASSERT_TRUE(world->Find(kHost, host));
  const IpIdPlan tcp{.kind = IpIdKind::kIncrement, .counter = 0, .floor = 0x400};
  const IpIdPlan icmp_shared{.kind = IpIdKind::kIncrement, .counter = 0, .floor = 0x400};
  const IpIdPlan icmp_own{.kind = IpIdKind::kIncrement, .counter = 2, .floor = 0xB000};
  const uint16_t first = NextIpId(tcp, host, true);
  EXPECT_EQ(NextIpId(icmp_shared, host, false), first + 1);
  EXPECT_EQ(NextIpId(tcp, host, false), first + 2);
  EXPECT_GT(NextIpId(icmp_own, host, false), 0xB000);
  EXPECT_EQ(NextIpId(tcp, host, false), first + 3);
  // Another host has counters of its own.
  Host other;
  ASSERT_TRUE(world->Find(Ipv4Addr{kHost.host_order + 1}, other));
  static_cast<void>(NextIpId(tcp, other, true));
  EXPECT_EQ(NextIpId(tcp, host, false), first + 4);
}

TEST(NextIpId, RandomNumbersNeverLookPositive) {
  const auto world = MakeSmallWorld();
  Host host;
  ASSERT_TRUE(world->Find(kHost, host));
  const IpIdPlan plan{.kind = IpIdKind::kRandom};
  for (int i = 0; i < 100; ++i) {
    const uint32_t a = NextIpId(plan, host, false);
    const uint32_t b = NextIpId(plan, host, false);
    const uint32_t c = NextIpId(plan, host, false);
    EXPECT_TRUE(b - a > 20'000 || c - b > 20'000) << a << " " << b << " " << c;
  }
}

TEST(NextIpId, PositiveStepsStayWithinASeries) {
  const auto world = MakeSmallWorld();
  Host host;
  ASSERT_TRUE(world->Find(kHost, host));
  const IpIdPlan plan{.kind = IpIdKind::kRandomPositive, .floor = 0x400};
  for (int series = 0; series < 200; ++series) {
    uint32_t last = NextIpId(plan, host, true);
    for (int i = 0; i < 5; ++i) {
      const uint32_t next = NextIpId(plan, host, false);
      EXPECT_GT(next - last, 1000u);
      EXPECT_LE(next - last, 20'000u);
      last = next;
    }
  }
}

}  // namespace
}  // namespace osprey::lab
