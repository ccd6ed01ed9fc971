// SPDX-License-Identifier: Apache-2.0
// Links, routes and neighbours as the kernel has them, in namespaces of our own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "io/link.h"
#include "io/neighbour.h"
#include "io/route.h"
#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Ipv4Addr Ip(std::string_view text) { return *Ipv4Addr::Parse(text); }

TEST(LinkNetns, ListsWhatIpShows) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(netns
                ->NearCommand("ip link set osp0 address 02:00:00:00:00:aa mtu 1400;"
                              "ip addr add 10.99.0.7/24 dev osp0;"
                              "ip tuntap add mode tun name tun7;"
                              "ip link add br7 type bridge;"
                              "ip addr add 10.77.0.1 peer 10.77.0.2/32 dev tun7")
                .exit_status,
            0);
  netns->Near([] {
    const auto links = LinkTable::Load();
    ASSERT_TRUE(links.ok()) << links.status();
    const Link* veth = links->ByName("osp0");
    ASSERT_NE(veth, nullptr);
    EXPECT_EQ(veth->kind, LinkKind::kEthernet);
    EXPECT_EQ(veth->mac.ToString(), "02:00:00:00:00:AA");
    EXPECT_EQ(veth->mtu, 1400);
    EXPECT_TRUE(veth->up);
    EXPECT_TRUE(veth->running);
    EXPECT_FALSE(veth->no_arp);
    EXPECT_TRUE(veth->plain);
    EXPECT_FALSE(links->ByName("br7")->plain);
    ASSERT_EQ(veth->addresses.size(), 2u);
    EXPECT_EQ(veth->addresses[0].address, Ip("10.99.0.1"));
    EXPECT_EQ(veth->addresses[0].prefix_length, 24);
    EXPECT_FALSE(veth->addresses[0].secondary);
    EXPECT_TRUE(veth->addresses[1].secondary);
    EXPECT_EQ(links->ByIndex(veth->index), veth);

    const Link* tun = links->ByName("tun7");
    ASSERT_NE(tun, nullptr);
    EXPECT_EQ(tun->kind, LinkKind::kLayer3);
    EXPECT_FALSE(tun->up);
    ASSERT_EQ(tun->addresses.size(), 1u);
    EXPECT_EQ(tun->addresses[0].address, Ip("10.77.0.1")) << "ours, not the peer's";
    EXPECT_EQ(links->ByName("lo")->kind, LinkKind::kLoopback);

    EXPECT_TRUE(links->IsLocal(Ip("10.99.0.7")));
    EXPECT_TRUE(links->IsLocal(Ip("127.3.2.1")));
    EXPECT_FALSE(links->IsLocal(Ip("10.99.0.2")));
    const auto missing = links->Find("eth99");
    EXPECT_TRUE(absl::IsNotFound(missing.status()));
    EXPECT_THAT(std::string(missing.status().message()), HasSubstr("osp0"));
  });
}

// What `ip route get` says, in its words: "via A dev D src S", without what we do not model.
std::string KernelRoute(const osprey::testing::ScopedNetns& netns, const std::string& address) {
  const auto result = netns.NearCommand("ip -4 -o route get " + address + " 2>&1");
  return result.exit_status == 0 ? result.output : "unreachable";
}

std::string OurRoute(const RouteTable& table, const LinkTable& links, Ipv4Addr address) {
  const auto route = table.Lookup(address);
  if (!route.ok()) return "unreachable";
  std::string text = address.ToString() + " ";
  if (route->kind == RouteKind::kLocal) text = "local " + text;
  if (route->kind == RouteKind::kGateway) text += "via " + route->gateway.ToString() + " ";
  const Link* link = links.ByIndex(route->link_index);
  return text + "dev " + (link != nullptr ? link->name : "?") + " src " + route->source.ToString() +
         " ";
}

TEST(RouteNetns, AgreesWithIpRouteGet) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  const auto setup = netns->NearCommand(
      "set -e; ip addr add 10.98.0.1/24 dev osp0; ip addr add 10.98.0.9/24 dev osp0;"
      "ip tuntap add mode tun name tun7; ip link set tun7 up;"
      "ip addr add 10.77.0.1 peer 10.77.0.2/32 dev tun7;"
      "ip route add default via 10.99.0.2 metric 50; ip route add default via 10.98.0.2 metric 40;"
      "ip route add 20.0.0.0/8 via 10.99.0.2 src 10.98.0.9;"
      "ip route add 20.1.0.0/16 via 10.98.0.3; ip route add unreachable 20.1.2.0/24;"
      "ip route add blackhole 20.1.3.0/24; ip route add prohibit 20.1.4.0/24;"
      "ip route add 20.1.5.0/24 dev osp0; ip route add 30.0.0.0/8 nexthop via 10.99.0.3;"
      "ip route add 40.0.0.0/8 via 10.55.0.1 dev osp0 onlink;"
      "ip route add 50.0.0.0/8 dev tun7 scope link");
  ASSERT_EQ(setup.exit_status, 0) << setup.output;
  netns->Near([&] {
    const auto links = LinkTable::Load();
    ASSERT_TRUE(links.ok()) << links.status();
    const auto table = RouteTable::Load(*links);
    ASSERT_TRUE(table.ok()) << table.status();
    for (const char* address :
         {"8.8.8.8", "10.99.0.2", "10.98.0.77", "10.99.0.1", "10.98.0.9", "127.0.0.1", "127.0.0.53",
          "20.0.0.1", "20.1.0.1", "20.1.2.1", "20.1.3.1", "20.1.4.1", "20.1.5.1", "30.1.1.1",
          "40.1.1.1", "50.1.1.1", "10.77.0.2", "10.77.0.1", "20.255.255.255"}) {
      EXPECT_THAT(KernelRoute(*netns, address),
                  ::testing::StartsWith(OurRoute(*table, *links, Ip(address))));
    }
  });
}

TEST(RouteNetns, RoutesOverADeadLinkDoNotCount) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(netns->NearCommand("ip route add 20.0.0.0/8 via 10.99.0.2").exit_status, 0);
  ASSERT_EQ(netns->NearCommand("ip link set osp0 down").exit_status, 0);
  netns->Near([] {
    const auto links = LinkTable::Load();
    ASSERT_TRUE(links.ok()) << links.status();
    EXPECT_FALSE(links->ByName("osp0")->up);
    const auto table = RouteTable::Load(*links);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_TRUE(absl::IsNotFound(table->Lookup(Ip("20.1.1.1")).status()));
  });
}

TEST(NeighbourNetns, ReadsTheKernelsTable) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(
      netns->NearCommand("ip neigh add 10.99.0.50 lladdr 02:11:22:33:44:55 dev osp0").exit_status,
      0);
  netns->Near([] {
    const auto links = LinkTable::Load();
    ASSERT_TRUE(links.ok()) << links.status();
    const int index = links->ByName("osp0")->index;
    const auto table = NeighbourTable::Load();
    ASSERT_TRUE(table.ok()) << table.status();
    const auto mac = table->Find(index, Ip("10.99.0.50"));
    ASSERT_TRUE(mac.has_value());
    EXPECT_EQ(mac->ToString(), "02:11:22:33:44:55");
    EXPECT_FALSE(table->Find(index + 1, Ip("10.99.0.50")).has_value());
    EXPECT_FALSE(table->Find(index, Ip("10.99.0.51")).has_value());
  });
}

TEST(NeighbourNetns, ResolvesANeighbourAndGivesUpOnNobody) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(netns->FarCommand("ip link set osp1 address 02:00:00:00:00:bb").exit_status, 0);
  netns->Near([] {
    const auto links = LinkTable::Load();
    ASSERT_TRUE(links.ok()) << links.status();
    const Link& veth = *links->ByName("osp0");
    for (const char* source : {"10.99.0.1", "0.0.0.0"}) {
      const auto mac = ResolveMac(veth, Ip(source), Ip("10.99.0.2"), milliseconds(3000));
      ASSERT_TRUE(mac.ok()) << mac.status();
      EXPECT_EQ(mac->ToString(), "02:00:00:00:00:BB");
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto nobody = ResolveMac(veth, Ip("10.99.0.1"), Ip("10.99.0.3"), milliseconds(150));
    EXPECT_TRUE(absl::IsNotFound(nobody.status())) << nobody.status();
    EXPECT_THAT(std::string(nobody.status().message()), HasSubstr("10.99.0.3"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(2000));
    const auto no_arp = ResolveMac(*links->ByName("lo"), {}, Ip("10.99.0.2"), milliseconds(50));
    EXPECT_TRUE(absl::IsFailedPrecondition(no_arp.status())) << no_arp.status();
  });
}

TEST(RouteNetns, OnlyRoutesThroughTheGivenLinksCount) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(netns
                ->NearCommand("set -e; ip link add two type veth peer name other;"
                              "ip link set other up;"
                              "ip addr add 10.97.0.1/24 dev two; ip link set two up;"
                              "ip route add 10.50.0.0/16 via 10.99.0.2 metric 1;"
                              "ip route add 10.50.0.0/16 via 10.97.0.2 metric 5;"
                              "ip route add 10.60.0.0/16 nexthop via 10.99.0.2 nexthop via "
                              "10.97.0.2;"
                              "ip route add blackhole 10.70.0.0/16")
                .exit_status,
            0);
  netns->Near([] {
    const auto links = LinkTable::Load();
    ASSERT_TRUE(links.ok()) << links.status();
    const int first = links->ByName("osp0")->index;
    const int second = links->ByName("two")->index;
    const auto through = [&](std::vector<int> only, const char* address) {
      const auto routes = RouteTable::Load(*links, only);
      EXPECT_TRUE(routes.ok()) << routes.status();
      return routes->Find(Ip(address));
    };
    EXPECT_EQ(through({}, "10.50.0.1").link_index, first);
    EXPECT_EQ(through({second}, "10.50.0.1").link_index, second);
    EXPECT_EQ(through({second}, "10.50.0.1").gateway, Ip("10.97.0.2"));
    EXPECT_EQ(through({second}, "10.50.0.1").source, Ip("10.97.0.1"));
    EXPECT_EQ(through({second, first}, "10.50.0.1").link_index, first) << "the better route";
    EXPECT_EQ(through({first}, "10.60.0.1").gateway, Ip("10.99.0.2"));
    EXPECT_EQ(through({second}, "10.60.0.1").gateway, Ip("10.97.0.2"));
    EXPECT_EQ(through({second}, "10.99.0.2").kind, RouteKind::kUnreachable);
    EXPECT_EQ(through({second}, "10.70.0.1").kind, RouteKind::kUnreachable);
    EXPECT_EQ(through({second}, "10.99.0.1").kind, RouteKind::kLocal);
  });
}

TEST(NeighbourNetns, WhoHasFindsAllThatAnswer) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(netns
                ->FarCommand("ip link set osp1 address 02:00:00:00:00:bb;"
                             "for i in 10 11 12; do ip addr add 10.99.0.$i/24 dev osp1; done")
                .exit_status,
            0);
  netns->Near([] {
    const auto links = LinkTable::Load();
    ASSERT_TRUE(links.ok()) << links.status();
    const Link& link = *links->ByName("osp0");
    const std::vector<Ipv4Addr> asked = {Ip("10.99.0.9"), Ip("10.99.0.10"), Ip("10.99.0.11"),
                                         Ip("10.99.0.12"), Ip("10.99.0.13")};
    const auto found = WhoHas(link, asked, milliseconds(300));
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->size(), 3U);
    for (const char* address : {"10.99.0.10", "10.99.0.11", "10.99.0.12"}) {
      const auto entry = found->find(Ip(address).host_order);
      ASSERT_NE(entry, found->end()) << address;
      EXPECT_EQ(entry->second.ToString(), "02:00:00:00:00:BB");
    }
    EXPECT_TRUE(WhoHas(link, {}, milliseconds(300))->empty());
    // Nobody has the tag, and answers without it do not count.
    EXPECT_TRUE(WhoHas(link, asked, milliseconds(300), 5)->empty());
    EXPECT_TRUE(absl::IsFailedPrecondition(
        WhoHas(*links->ByName("lo"), asked, milliseconds(300)).status()));
  });
}

}  // namespace
}  // namespace osprey::io
