// SPDX-License-Identifier: Apache-2.0
#include "engine/identity.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace osprey {
namespace {

TEST(IdentitySource, IsAFunctionOfSeedHostAndRound) {
  const IdentitySource a(1, PortPlan{}), same(1, PortPlan{}), other(2, PortPlan{});
  const Ipv4Addr host{0x0A000001};
  EXPECT_EQ(a.For(host, 3), same.For(host, 3));
  EXPECT_NE(a.For(host, 3).seq0, other.For(host, 3).seq0);
  EXPECT_NE(a.For(host, 3).seq0, a.For(host, 4).seq0);
  EXPECT_NE(a.For(host, 3).seq0, a.For(Ipv4Addr{0x0A000002}, 3).seq0);
  EXPECT_EQ(a.NoiseFor(host, 0, 5, 1), same.NoiseFor(host, 0, 5, 1));
}

// A scan that is resumed by a newer release must go on as it began.
TEST(IdentitySource, ASeedReproducesTheNumbers) {
  const IdentitySource source(42, PortPlan{});
  const OsIdentity identity = source.For(Ipv4Addr{0xC0000207}, 1);
  EXPECT_EQ(identity, (OsIdentity{.seq0 = 2262005022u,
                                  .ack0 = 3611947667u,
                                  .icmpid = 31918,
                                  .tcp_base = 36423,
                                  .udp_base = 46107,
                                  .u1_ttl = 51}));
}

TEST(IdentitySource, AllValuesAreInTheRangesOfTheSpecification) {
  const PortPlan plan;
  const IdentitySource source(7, plan);
  std::set<int> u1_ttls, ttls;
  for (uint32_t host = 0; host < 20'000; ++host) {
    const OsIdentity identity = source.For(Ipv4Addr{host * 7919}, host % 5);
    ASSERT_LT(identity.icmpid, kOsIcmpIds);
    ASSERT_LT(identity.icmpid + 1, kFirstDiscoveryIcmpId);
    ASSERT_TRUE(plan.IsOsPort(identity.tcp_base) && plan.IsOsPort(identity.udp_base));
    ASSERT_TRUE(plan.IsOsPort(static_cast<HostOrderPort>(identity.tcp_base + 19)));
    u1_ttls.insert(identity.u1_ttl);
    const PacketNoise noise = source.NoiseFor(Ipv4Addr{host}, 0, host % 16, 0);
    ASSERT_NE(noise.ip_id, 0);
    ttls.insert(noise.ttl);
  }
  EXPECT_EQ(*u1_ttls.begin(), 51);
  EXPECT_EQ(*u1_ttls.rbegin(), 64);
  EXPECT_EQ(u1_ttls.size(), 14u);
  EXPECT_EQ(*ttls.begin(), 37);
  EXPECT_EQ(*ttls.rbegin(), 59);
  EXPECT_EQ(ttls.size(), 23u);
}

TEST(IdentitySource, RoundsStepThePortsBy256) {
  const PortPlan plan;
  const IdentitySource source(7, plan);
  for (uint32_t host = 1; host < 1000; ++host) {
    for (uint32_t round = 0; round < 5; ++round) {
      const OsIdentity now = source.For(Ipv4Addr{host}, round);
      const OsIdentity next = source.For(Ipv4Addr{host}, round + 1);
      const uint32_t tcp = (now.tcp_base - plan.first + kRoundStep) % plan.bases();
      const uint32_t udp = (now.udp_base - plan.first + kRoundStep) % plan.bases();
      ASSERT_EQ(next.tcp_base, plan.first + tcp);
      ASSERT_EQ(next.udp_base, plan.first + udp);
      HostOrderPort tcp_base = 0, udp_base = 0;
      source.BasePorts(Ipv4Addr{host}, round, tcp_base, udp_base);
      ASSERT_EQ(tcp_base, now.tcp_base);
      ASSERT_EQ(udp_base, now.udp_base);
    }
  }
}

TEST(IdentitySource, EveryPacketHasItsOwnNoise) {
  const IdentitySource source(7, PortPlan{});
  std::set<uint32_t> ip_ids;
  for (uint32_t round = 0; round < 3; ++round) {
    for (uint32_t probe = 0; probe < 16; ++probe) {
      for (uint32_t transmission = 0; transmission < 4; ++transmission) {
        ip_ids.insert(source.NoiseFor(Ipv4Addr{9}, round, probe, transmission).ip_id);
      }
    }
  }
  EXPECT_GT(ip_ids.size(), 180u);  // of 192; a few random repeats are right
}

}  // namespace
}  // namespace osprey
