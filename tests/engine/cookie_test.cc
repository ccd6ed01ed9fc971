// SPDX-License-Identifier: Apache-2.0
#include "engine/cookie.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

class CookieJarTest : public testing::Test {
 protected:
  const uint64_t seed_ = TestSeed();
  const testing::ScopedTrace trace_{__FILE__, __LINE__, seed_};
  const PortPlan plan_{};
  const CookieJar jar_{seed_, plan_};
  const Ipv4Addr host_{0xC0000207};
};

TEST_F(CookieJarTest, SynReplyIsRecognisedWithItsPass) {
  for (uint32_t pass = 0; pass < jar_.distinct_passes(); ++pass) {
    const TcpCookie cookie = jar_.ForSyn(host_, 443, pass);
    ASSERT_TRUE(plan_.IsDiscoveryPort(cookie.source_port));
    EXPECT_EQ(jar_.CheckSynReply(host_, 443, cookie.source_port, cookie.seq + 1),
              CookieMatch{pass});
  }
}

TEST_F(CookieJarTest, PassesUseDifferentPorts) {
  std::set<HostOrderPort> ports;
  for (uint32_t pass = 0; pass < jar_.distinct_passes(); ++pass) {
    ports.insert(jar_.ForSyn(host_, 443, pass).source_port);
  }
  EXPECT_EQ(ports.size(), jar_.distinct_passes());
}

TEST_F(CookieJarTest, AlteredSynRepliesAreRefused) {
  const TcpCookie cookie = jar_.ForSyn(host_, 443, 0);
  const HostOrderPort port = cookie.source_port;
  EXPECT_FALSE(jar_.CheckSynReply(host_, 443, port, cookie.seq));
  EXPECT_FALSE(jar_.CheckSynReply(host_, 443, port, cookie.seq + 2));
  EXPECT_FALSE(jar_.CheckSynReply(host_, 444, port, cookie.seq + 1));
  EXPECT_FALSE(jar_.CheckSynReply(Ipv4Addr{0xC0000208}, 443, port, cookie.seq + 1));
  EXPECT_FALSE(jar_.CheckSynReply(host_, 443, plan_.first, cookie.seq + 1));
  const CookieJar other(seed_ + 1, plan_);
  EXPECT_FALSE(other.CheckSynReply(host_, 443, port, cookie.seq + 1));
}

TEST_F(CookieJarTest, ResetOfAnAckProbeCarriesOurAck) {
  const TcpCookie cookie = jar_.ForAck(host_, 80, 2);
  EXPECT_EQ(jar_.CheckAckReply(host_, 80, cookie.source_port, cookie.ack), CookieMatch{2});
  EXPECT_FALSE(jar_.CheckAckReply(host_, 80, cookie.source_port, cookie.ack + 1));
  EXPECT_FALSE(jar_.CheckAckReply(host_, 80, cookie.source_port, cookie.seq));
  EXPECT_NE(cookie.seq, jar_.ForSyn(host_, 80, 2).seq);
}

TEST_F(CookieJarTest, EchoRepliesAreRecognised) {
  for (uint32_t pass = 0; pass < jar_.distinct_passes(); ++pass) {
    const EchoCookie cookie = jar_.ForEcho(host_, pass);
    ASSERT_GE(cookie.id, kFirstDiscoveryIcmpId);
    EXPECT_EQ(jar_.CheckEchoReply(host_, cookie.id, cookie.seq), CookieMatch{pass});
    EXPECT_EQ(jar_.CheckEchoReply(host_, cookie.id, cookie.seq, cookie.payload), CookieMatch{pass});
    EXPECT_FALSE(jar_.CheckEchoReply(host_, cookie.id, cookie.seq, cookie.payload ^ 1));
    const auto beyond = static_cast<uint16_t>(cookie.seq + jar_.distinct_passes());
    EXPECT_FALSE(jar_.CheckEchoReply(host_, cookie.id, beyond));
    EXPECT_FALSE(jar_.CheckEchoReply(host_, static_cast<uint16_t>(cookie.id ^ 1), cookie.seq));
    EXPECT_FALSE(jar_.CheckEchoReply(host_, static_cast<uint16_t>(cookie.id & 0x0FFF), cookie.seq));
  }
}

TEST_F(CookieJarTest, QuotedProbesAreRecognised) {
  const UdpCookie udp = jar_.ForUdp(host_, 53, 1);
  const auto swapped = static_cast<uint16_t>(udp.ip_id << 8 | udp.ip_id >> 8);
  EXPECT_NE(udp.ip_id, 0);
  EXPECT_EQ(jar_.CheckQuotedUdp(host_, 53, udp.source_port, udp.ip_id), CookieMatch{1});
  EXPECT_EQ(jar_.CheckQuotedUdp(host_, 53, udp.source_port, swapped), CookieMatch{1});
  EXPECT_FALSE(jar_.CheckQuotedUdp(host_, 54, udp.source_port, udp.ip_id));
  EXPECT_FALSE(jar_.CheckQuotedUdp(host_, 53, plan_.first, udp.ip_id));
  EXPECT_EQ(jar_.CheckUdpReply(host_, 53, udp.source_port), CookieMatch{1});
  EXPECT_FALSE(jar_.CheckUdpReply(host_, 53, 12345));
  const TcpCookie syn = jar_.ForSyn(host_, 80, 3), ack = jar_.ForAck(host_, 80, 4);
  EXPECT_EQ(jar_.CheckQuotedTcp(host_, 80, syn.source_port, syn.seq), CookieMatch{3});
  EXPECT_EQ(jar_.CheckQuotedTcp(host_, 80, ack.source_port, ack.seq), CookieMatch{4});
  EXPECT_FALSE(jar_.CheckQuotedTcp(host_, 80, syn.source_port, syn.seq + 1));
}

TEST_F(CookieJarTest, RandomForgeriesDoNotPass) {
  std::mt19937_64 random(seed_);
  for (int i = 0; i < 1'000'000; ++i) {
    const uint64_t r = random();
    const Ipv4Addr host{static_cast<uint32_t>(r)};
    const auto port = static_cast<HostOrderPort>(plan_.discovery_first() + i % 32);
    const auto number = static_cast<uint32_t>(r >> 32);
    ASSERT_FALSE(jar_.CheckSynReply(host, 443, port, number));
    ASSERT_FALSE(jar_.CheckAckReply(host, 443, port, number));
    ASSERT_FALSE(jar_.CheckEchoReply(host, static_cast<uint16_t>(number),
                                     static_cast<uint16_t>(number >> 16), random()));
  }
}

TEST(CookieJar, ASeedReproducesTheNumbers) {
  const CookieJar jar(42, PortPlan{});
  const TcpCookie syn = jar.ForSyn(Ipv4Addr{0xC0000207}, 443, 0);
  EXPECT_EQ(syn.source_port, 65239);
  EXPECT_EQ(syn.seq, 3019954719u);
}

}  // namespace
}  // namespace osprey
