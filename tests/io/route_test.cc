// SPDX-License-Identifier: Apache-2.0
#include "io/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

namespace osprey::io {
namespace {

Ipv4Addr Ip(std::string_view text) { return *Ipv4Addr::Parse(text); }

RouteEntry Via(std::string_view prefix, int length, std::string_view gateway, int link,
               uint32_t metric = 0) {
  return {.prefix = Ip(prefix),
          .prefix_length = length,
          .metric = metric,
          .link_index = link,
          .has_gateway = true,
          .gateway = Ip(gateway),
          .source = {}};
}

RouteEntry OnLink(std::string_view prefix, int length, int link, uint32_t metric = 0) {
  return {.prefix = Ip(prefix),
          .prefix_length = length,
          .metric = metric,
          .link_index = link,
          .gateway = {},
          .source = {}};
}

RouteEntry Special(RouteTableId table, RouteType type, std::string_view prefix, int length) {
  return {.table = table,
          .type = type,
          .prefix = Ip(prefix),
          .prefix_length = length,
          .gateway = {},
          .source = {}};
}

LinkTable TwoLinks() {
  Link lo{.name = "lo",
          .index = 1,
          .kind = LinkKind::kLoopback,
          .up = true,
          .addresses = {{Ip("127.0.0.1"), 8, false}}};
  Link eth{
      .name = "eth0",
      .index = 2,
      .kind = LinkKind::kEthernet,
      .up = true,
      .addresses = {
          {Ip("10.0.0.5"), 24, false}, {Ip("10.0.0.6"), 24, true}, {Ip("192.168.7.5"), 24, false}}};
  Link bare{.name = "tun0", .index = 3, .kind = LinkKind::kLayer3, .up = true, .addresses = {}};
  return LinkTable({lo, eth, bare});
}

TEST(RouteTable, LongestPrefixWins) {
  const std::vector<RouteEntry> entries = {Via("0.0.0.0", 0, "10.0.0.1", 2),
                                           OnLink("10.0.0.0", 24, 2), OnLink("10.0.0.128", 25, 3),
                                           Via("10.0.0.200", 32, "10.0.0.9", 2)};
  const RouteTable table(entries, TwoLinks());
  EXPECT_EQ(table.Find(Ip("8.8.8.8")).gateway, Ip("10.0.0.1"));
  EXPECT_EQ(table.Find(Ip("10.0.0.127")).kind, RouteKind::kOnLink);
  EXPECT_EQ(table.Find(Ip("10.0.0.127")).link_index, 2);
  EXPECT_EQ(table.Find(Ip("10.0.0.128")).link_index, 3);
  EXPECT_EQ(table.Find(Ip("10.0.0.200")).gateway, Ip("10.0.0.9"));
  EXPECT_EQ(table.Find(Ip("10.0.0.201")).link_index, 3);
  EXPECT_EQ(table.Find(Ip("255.255.255.254")).kind, RouteKind::kGateway);
  EXPECT_EQ(table.Find(Ip("0.0.0.0")).kind, RouteKind::kGateway);
}

TEST(RouteTable, LowestMetricOfEqualPrefixesWins) {
  const std::vector<RouteEntry> entries = {Via("0.0.0.0", 0, "10.0.0.1", 2, 200),
                                           Via("0.0.0.0", 0, "10.0.0.2", 2, 100)};
  EXPECT_EQ(RouteTable(entries, TwoLinks()).Find(Ip("1.1.1.1")).gateway, Ip("10.0.0.2"));
}

TEST(RouteTable, LocalTableComesFirstEvenWithAShorterPrefix) {
  const std::vector<RouteEntry> entries = {
      OnLink("127.1.0.0", 16, 2), Special(RouteTableId::kLocal, RouteType::kLocal, "127.0.0.0", 8)};
  const Route route = RouteTable(entries, TwoLinks()).Find(Ip("127.1.2.3"));
  EXPECT_EQ(route.kind, RouteKind::kLocal);
  EXPECT_EQ(route.link_index, 1) << "own addresses are reached through loopback";
}

TEST(RouteTable, ThrowGoesOnWithTheNextTable) {
  std::vector<RouteEntry> entries = {
      Via("0.0.0.0", 0, "10.0.0.1", 2),
      Special(RouteTableId::kMain, RouteType::kThrow, "20.0.0.0", 8)};
  EXPECT_EQ(RouteTable(entries, TwoLinks()).Find(Ip("20.1.1.1")).kind, RouteKind::kUnreachable);
  RouteEntry last = Via("0.0.0.0", 0, "10.0.0.3", 2);
  last.table = RouteTableId::kDefault;
  entries.push_back(last);
  EXPECT_EQ(RouteTable(entries, TwoLinks()).Find(Ip("20.1.1.1")).gateway, Ip("10.0.0.3"));
  EXPECT_EQ(RouteTable(entries, TwoLinks()).Find(Ip("21.1.1.1")).gateway, Ip("10.0.0.1"));
}

TEST(RouteTable, UnreachableAndMissingRoutesAreNotFoundAndNamed) {
  const std::vector<RouteEntry> entries = {
      OnLink("10.0.0.0", 8, 2),
      Special(RouteTableId::kMain, RouteType::kUnreachable, "10.9.0.0", 16)};
  const RouteTable table(entries, TwoLinks());
  for (const char* address : {"10.9.1.1", "11.0.0.1"}) {
    const auto route = table.Lookup(Ip(address));
    EXPECT_EQ(route.status().code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(route.status().message()), testing::HasSubstr(address));
  }
  EXPECT_TRUE(table.Lookup(Ip("10.8.1.1")).ok());
}

TEST(RouteTable, BroadcastAndMulticastAreRefused) {
  const std::vector<RouteEntry> entries = {
      Via("0.0.0.0", 0, "10.0.0.1", 2),
      Special(RouteTableId::kLocal, RouteType::kBroadcast, "10.0.0.255", 32)};
  const RouteTable table(entries, TwoLinks());
  EXPECT_TRUE(absl::IsInvalidArgument(table.Lookup(Ip("10.0.0.255")).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(table.Lookup(Ip("224.0.0.1")).status()));
}

TEST(RouteTable, SourceIsTheHintElseThePrimaryAddressOfTheGatewaysSubnet) {
  std::vector<RouteEntry> entries = {Via("0.0.0.0", 0, "192.168.7.1", 2), OnLink("10.0.0.0", 24, 2),
                                     OnLink("172.16.0.0", 12, 3)};
  entries[1].source = Ip("10.0.0.6");
  const RouteTable table(entries, TwoLinks());
  EXPECT_EQ(table.Find(Ip("8.8.8.8")).source, Ip("192.168.7.5"));
  EXPECT_EQ(table.Find(Ip("10.0.0.9")).source, Ip("10.0.0.6"));
  EXPECT_EQ(table.Find(Ip("172.16.0.1")).source, Ip("10.0.0.5")) << "another link's, as the kernel";
}

TEST(RouteTable, NoRoutesMeansUnreachableEverywhere) {
  const RouteTable table({}, TwoLinks());
  EXPECT_EQ(table.Find(Ip("0.0.0.0")).kind, RouteKind::kUnreachable);
  EXPECT_EQ(table.Find(Ip("255.255.255.255")).kind, RouteKind::kUnreachable);
}

// The slow, obvious twin: the longest prefix of all that match.
std::optional<size_t> Slow(const std::vector<RouteEntry>& entries, Ipv4Addr address) {
  std::optional<size_t> best;
  for (size_t i = 0; i < entries.size(); ++i) {
    const int length = entries[i].prefix_length;
    const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
    if (((entries[i].prefix.host_order ^ address.host_order) & mask) != 0) continue;
    if (!best || length > entries[*best].prefix_length) best = i;
  }
  return best;
}

TEST(RouteTable, AgreesWithTheSlowTwinOnRandomTables) {
  std::mt19937 random(20250101);
  for (int round = 0; round < 50; ++round) {
    std::vector<RouteEntry> entries;
    for (uint32_t i = 0; i < 60; ++i) {
      const int length = static_cast<int>(random() % 33);
      // Few distinct high bits, so that prefixes nest.
      const auto prefix =
          static_cast<uint32_t>((random() & 0x8181'00FFu) | (random() % 4 == 0 ? 0xFFFF'0000u : 0));
      RouteEntry entry{.prefix = {prefix},
                       .prefix_length = length,
                       .metric = i,
                       .has_gateway = true,
                       .gateway = {i},
                       .source = {1}};
      entries.push_back(entry);
    }
    const RouteTable table(entries, TwoLinks());
    for (int i = 0; i < 2'000; ++i) {
      const RouteEntry& near = entries[random() % entries.size()];
      const auto flips = static_cast<uint32_t>(random() & 0x0101'0103u);
      const Ipv4Addr address{(near.prefix.host_order ^ flips) % 0xE000'0000u};
      const auto want = Slow(entries, address);
      const Route got = table.Find(address);
      ASSERT_EQ(got.kind == RouteKind::kGateway, want.has_value()) << address.ToString();
      if (want) {
        ASSERT_EQ(got.gateway.host_order, static_cast<uint32_t>(*want)) << address.ToString();
      }
    }
  }
}

}  // namespace
}  // namespace osprey::io
