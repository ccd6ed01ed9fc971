// SPDX-License-Identifier: Apache-2.0
// What surveys need of the network around them, on real links: whose resets end the half-open
// connections, pools of source addresses, VLAN tags, several interfaces, and manners.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/programs.h"
#include "tests/integration/scan_results.h"
#include "tests/integration/test_network.h"
#include "tests/integration/tun_pipe.h"
#include "tests/integration/vlan_pipe.h"

namespace osprey::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

#define OSPREY_NETWORK_OR_SKIP(name, ...)                                               \
  auto name##_or = TestNetwork::Create(TestNetwork::Options __VA_ARGS__);               \
  if (absl::IsPermissionDenied(name##_or.status())) GTEST_SKIP() << name##_or.status(); \
  ASSERT_TRUE(name##_or.ok()) << name##_or.status();                                    \
  const std::unique_ptr<TestNetwork> name = *std::move(name##_or)

// The host counts resets by who sent them: the kernel's have a TTL of 64, ours one of 37 to 59.
constexpr const char* kCountResets =
    "sysctl -qw net.ipv4.icmp_ratelimit=0\n"
    "nft -f - <<END\n"
    "table ip count {\n"
    "  counter kernel { }\n"
    "  counter ours { }\n"
    "  chain in {\n"
    "    type filter hook input priority 0;\n"
    "    tcp flags & rst == rst ip ttl 64 counter name kernel\n"
    "    tcp flags & rst == rst ip ttl < 64 counter name ours\n"
    "  }\n"
    "}\n"
    "END";

uint64_t Packets(const TestNetwork& network, const std::string& counter) {
  const CommandResult result = network.HostCommand("nft list counter ip count " + counter +
                                                   " | sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'");
  uint64_t packets = 0;
  EXPECT_TRUE(absl::SimpleAtoi(result.output, &packets)) << result.output;
  return packets;
}

uint64_t SumOfLanes(const std::string& counters_file, const char* name) {
  const auto counters = ReadCounters(counters_file);
  uint64_t sum = 0;
  for (const auto& lane : counters["lanes"].GetArray()) sum += lane[name].GetUint64();
  return sum;
}

uint64_t SentResets(const std::string& counters_file) {
  return SumOfLanes(counters_file, "sent_resets");
}

std::string HalfOpen(const TestNetwork& network) {
  return network.HostCommand("ss -Htn state syn-recv").output;
}

std::string TablesOf(const TestNetwork& network) {
  return network.ScannerCommand("nft list tables").output;
}

struct ResetCase {
  const char* name;
  const char* mode;
  const char* scanner_setup;
  bool tun = false;
  bool ours = false;
};

class Resets : public ::testing::TestWithParam<ResetCase> {};

// The first two SEQ probes of a round alone open two connections.
constexpr uint64_t kSomeConnections = 6;

TEST_P(Resets, EndEveryConnectionOnce) {
  if (!ProgramExists("nft") || !ProgramExists("ss")) GTEST_SKIP() << "needs nft and ss";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = kCountResets});
  std::unique_ptr<TunPipe> pipe;
  std::string target = network->target();
  if (GetParam().tun) {
    pipe = std::make_unique<TunPipe>(network->scanner_side(), "10.88.0.1/24", "10.88.0.2/24");
    if (!pipe->error().empty()) GTEST_SKIP() << pipe->error();
    target = "10.88.0.2";
  }
  ASSERT_EQ(network->ScannerCommand(GetParam().scanner_setup).exit_status, 0);
  const ScopedFolder folder;
  const std::string counters = folder.File("counters.json");
  const CommandResult result = network->ScannerCommand(
      absl::StrCat(OspreyPath(), " scan -p 80,81 --max-os-tries 1 --resets ", GetParam().mode,
                   " --counters ", counters, " -oJ ", folder.File("found.ndjson"), " ", target));
  if (result.output.find("without nftables") != std::string::npos) {
    GTEST_SKIP() << result.output;
  }
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(folder.File("found.ndjson")).count(target), 1U);
  EXPECT_EQ(HalfOpen(*network), "");
  EXPECT_EQ(Packets(*network, "ours"), SentResets(counters));
  EXPECT_EQ(Packets(*network, "kernel"), SumOfLanes(counters, "kernel_resets"));
  if (GetParam().ours) {
    EXPECT_GE(SentResets(counters), kSomeConnections);
    EXPECT_EQ(Packets(*network, "kernel"), 0U);
  } else {
    EXPECT_EQ(SentResets(counters), 0U);
    EXPECT_GE(Packets(*network, "kernel"), kSomeConnections);
  }
  EXPECT_EQ(TablesOf(*network), "") << "nothing stays";
}

constexpr const char* kPortsApart = "sysctl -qw net.ipv4.ip_local_port_range='20000 30000'";

INSTANTIATE_TEST_SUITE_P(
    Modes, Resets,
    ::testing::Values(ResetCase{.name = "Kernel", .mode = "kernel", .scanner_setup = "true"},
                      ResetCase{.name = "Auto", .mode = "auto", .scanner_setup = "true"},
                      ResetCase{.name = "OwnBesideOtherConnections",
                                .mode = "own",
                                .scanner_setup = "true",
                                .ours = true},
                      ResetCase{.name = "OwnWithPortsOfItsOwn",
                                .mode = "own",
                                .scanner_setup = kPortsApart,
                                .ours = true},
                      ResetCase{.name = "OwnOverATunDevice",
                                .mode = "own",
                                .scanner_setup = kPortsApart,
                                .tun = true,
                                .ours = true},
                      ResetCase{.name = "OwnOverATunDeviceBesideOtherConnections",
                                .mode = "own",
                                .scanner_setup = "true",
                                .tun = true,
                                .ours = true}),
    [](const auto& test) { return std::string(test.param.name); });

class ResetRules : public ::testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(Ports, ResetRules, ::testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "OfItsOwn" : "SharedWithOtherConnections");
});

TEST_P(ResetRules, AreGoneWhenTheScanIsKilled) {
  if (!ProgramExists("nft")) GTEST_SKIP() << "needs nft";
  OSPREY_NETWORK_OR_SKIP(network, {});
  if (GetParam()) {
    ASSERT_EQ(network->ScannerCommand(kPortsApart).exit_status, 0);
  }
  // Ten packets a second to 252 silent addresses: it runs until it is killed.
  const CommandResult result = network->ScannerCommand(
      OspreyPath() +
      " scan 10.77.0.3-254 -q --resets own --max-rate 10 & pid=$!\n"
      "for i in $(seq 100); do nft list tables | grep -q osprey_ && break; sleep 0.1; done\n"
      "nft list ruleset; kill -9 $pid; wait $pid\n"
      "for i in $(seq 50); do [ -z \"$(nft list tables)\" ] && break; sleep 0.1; done\n"
      "echo left: $(nft list tables)");
  if (result.output.find("without nftables") != std::string::npos) {
    GTEST_SKIP() << result.output;
  }
  EXPECT_THAT(result.output, HasSubstr("flags owner"));
  EXPECT_THAT(result.output, HasSubstr(GetParam() ? "hook ingress device" : "hook output"));
  EXPECT_THAT(result.output, HasSubstr("10.77.0.1"));
  EXPECT_THAT(result.output, HasSubstr("left:\n"));
}

// Rules that drop what connection tracking calls invalid are common.
constexpr const char* kDropResets =
    "nft 'add table ip fw; add chain ip fw out { type filter hook output priority 0; }; "
    "add rule ip fw out tcp flags & (rst | ack) == rst drop'; ";

TEST(ScanResets, AFirewallThatSwallowsTheKernelsResetsIsNoticedAndOwnOnesPassIt) {
  if (!ProgramExists("nft") || !ProgramExists("ss")) GTEST_SKIP() << "needs nft and ss";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = "sysctl -qw net.ipv4.icmp_ratelimit=0"});
  const std::string scan =
      kDropResets + OspreyPath() + " scan -q -p 80,81 --max-os-tries 2 --resets kernel 10.77.0.2";
  const CommandResult kernel = network->ScannerCommand(scan);
  ASSERT_EQ(kernel.exit_status, 0) << kernel.output;
  EXPECT_THAT(kernel.output, HasSubstr("use --resets own"));
  EXPECT_NE(HalfOpen(*network), "");

  OSPREY_NETWORK_OR_SKIP(other, {.host_setup = "sysctl -qw net.ipv4.icmp_ratelimit=0"});
  const CommandResult own = other->ScannerCommand(
      kDropResets + OspreyPath() + " scan -q -p 80,81 --max-os-tries 2 --resets own 10.77.0.2");
  if (own.output.find("without nftables") != std::string::npos) GTEST_SKIP() << own.output;
  ASSERT_EQ(own.exit_status, 0) << own.output;
  EXPECT_THAT(own.output, Not(HasSubstr("repeat their SYN-ACKs")));
  EXPECT_EQ(HalfOpen(*other), "");
}

TEST(ScanResets, WhereTheKernelsDoNotLeaveAutoTakesThemOverDuringTheScan) {
  if (!ProgramExists("nft") || !ProgramExists("ss")) GTEST_SKIP() << "needs nft and ss";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = "sysctl -qw net.ipv4.icmp_ratelimit=0"});
  const ScopedFolder folder;
  const std::string counters = folder.File("counters.json");
  const CommandResult result = network->ScannerCommand(
      absl::StrCat(kDropResets, OspreyPath(), " scan -q -p 80,81 --max-os-tries 3 --counters ",
                   counters, " -oJ ", folder.File("found.ndjson"), " 10.77.0.2"));
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(folder.File("found.ndjson")).count("10.77.0.2"), 1U);
  EXPECT_THAT(result.output, HasSubstr("from here on the scan sends its own"));
  EXPECT_GE(SentResets(counters), kSomeConnections);
  EXPECT_EQ(HalfOpen(*network), "");
}

TEST(ScanResets, WithoutTheCapabilityOwnIsRefusedAndAutoGoesOn) {
  if (!ProgramExists("setpriv")) GTEST_SKIP() << "setpriv is not installed";
  OSPREY_NETWORK_OR_SKIP(network, {});
  const std::string scan = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin " +
                           OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 10.77.0.2";
  const CommandResult own = network->ScannerCommand(scan + " --resets own");
  EXPECT_EQ(own.exit_status, 3) << own.output;
  if (own.output.find("without nftables") == std::string::npos) {
    EXPECT_THAT(own.output, HasSubstr("CAP_NET_ADMIN"));
  }
  EXPECT_EQ(network->ScannerCommand(scan).exit_status, 0);
}

// --- Source addresses ------------------------------------------------------------------------

// The host counts the addresses that SYNs come from.
constexpr const char* kCountSources =
    "sysctl -qw net.ipv4.icmp_ratelimit=0\n"
    "nft -f - <<END\n"
    "table ip count {\n"
    "  set seen { type ipv4_addr; flags dynamic; size 4096; }\n"
    "  set pairs { type ipv4_addr . ipv4_addr; flags dynamic; size 4096; }\n"
    "  chain in {\n"
    "    type filter hook prerouting priority 0;\n"
    "    tcp flags & (syn | ack) == syn add @seen { ip saddr }\n"
    "    ip protocol != 2 add @pairs { ip saddr . ip daddr }\n"
    "  }\n"
    "}\n"
    "END";

int Elements(const TestNetwork& network, const std::string& set) {
  const CommandResult result = network.HostCommand("nft list set ip count " + set +
                                                   " | grep -o '10[.]77[.]0[.][0-9]*' | wc -l");
  int count = 0;
  EXPECT_TRUE(absl::SimpleAtoi(result.output, &count)) << result.output;
  return count;
}

// Sixteen addresses of the host; all of them are alive.
constexpr const char* kManyHosts =
    "for i in $(seq 129 144); do ip addr add 10.77.0.$i/32 dev lo; done\n"
    "sysctl -qw net.ipv4.conf.all.arp_ignore=0\n";

TEST(ScanSources, APoolThatTheKernelDoesNotOwnIsUsedAndAnswered) {
  if (!ProgramExists("nft") || !ProgramExists("ss")) GTEST_SKIP() << "needs nft and ss";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = std::string(kManyHosts) + kCountSources});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  const std::string counters = folder.File("counters.json");
  const CommandResult result = network->ScannerCommand(
      OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 -S 10.77.0.32/29 --counters " + counters +
      " -oJ " + found + " 10.77.0.129-144");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("8 of 8 source addresses are not this machine's"));
  EXPECT_EQ(RecordsByAddress(found).size(), 16U);
  for (const auto& [address, records] : RecordsByAddress(found)) EXPECT_EQ(records, 1) << address;
  // 16 targets meet most of the eight, each of them one and the same throughout.
  EXPECT_GE(Elements(*network, "seen"), 4);
  EXPECT_LE(Elements(*network, "seen"), 8);
  EXPECT_EQ(Elements(*network, "pairs"), 2 * 16);
  EXPECT_GE(SentResets(counters), 16 * kSomeConnections) << "nobody else sends them";
  EXPECT_EQ(HalfOpen(*network), "");
}

TEST(ScanSources, OwnAddressesOfAPoolAreTheKernels) {
  if (!ProgramExists("nft")) GTEST_SKIP() << "needs nft";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = std::string(kManyHosts) + kCountSources});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  const std::string counters = folder.File("counters.json");
  const CommandResult result = network->ScannerCommand(
      "ip addr add 10.77.0.9/24 dev osp0; " + OspreyPath() +
      " scan -q -p 80,81 --max-os-tries 1 -S 10.77.0.1,10.77.0.9 --counters " + counters + " -oJ " +
      found + " 10.77.0.129-144");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_THAT(result.output, Not(HasSubstr("not this machine's")));
  EXPECT_EQ(RecordsByAddress(found).size(), 16U);
  EXPECT_EQ(Elements(*network, "seen"), 2);
  EXPECT_EQ(Elements(*network, "pairs"), 2 * 16);
  EXPECT_EQ(SentResets(counters), 0U);
}

TEST(ScanSources, AForwardingKernelStaysOutOfIt) {
  if (!ProgramExists("nft")) GTEST_SKIP() << "needs nft";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = kCountSources});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  // It would look for 10.77.0.33 and tell the host that it is unreachable.
  const CommandResult result = network->ScannerCommand(
      "sysctl -qw net.ipv4.conf.all.forwarding=1 net.ipv4.conf.osp0.forwarding=1; " + OspreyPath() +
      " scan -q -p 80,81 --max-os-tries 1 -S 10.77.0.33 -oJ " + found +
      " 10.77.0.2; sleep 0.2; ip neigh show 10.77.0.33");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  if (result.output.find("without nftables") != std::string::npos) GTEST_SKIP() << result.output;
  EXPECT_EQ(RecordsByAddress(found).size(), 1U);
  EXPECT_THAT(result.output, Not(HasSubstr("osp0 FAILED")));
  EXPECT_THAT(result.output, Not(HasSubstr("osp0 INCOMPLETE")));
}

TEST(ScanSources, AnAddressThatSomebodyHasIsRefused) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const CommandResult result =
      network->ScannerCommand(OspreyPath() + " scan -S 10.77.0.2 10.77.0.128/30");
  EXPECT_EQ(result.exit_status, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("10.77.0.2 is in use by another station"));
}

TEST(ScanSources, ATargetMeetsTheSameAddressWhenTheScanIsContinued) {
  if (!ProgramExists("nft")) GTEST_SKIP() << "needs nft";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = std::string(kManyHosts) + kCountSources});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  // Some 400 packets in all: it is killed on the way.
  const CommandResult killed = network->ScannerCommand(
      OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 -S 10.77.0.32/29 --max-rate 150 -oJ " +
      found + " 10.77.0.129-144 & pid=$!; sleep 3.5; kill -9 $pid; wait $pid");
  EXPECT_GT(Elements(*network, "pairs"), 0) << killed.output;
  const CommandResult resumed = network->ScannerCommand(OspreyPath() + " scan --resume " + found);
  ASSERT_EQ(resumed.exit_status, 0) << resumed.output;
  EXPECT_EQ(RecordsByAddress(found).size(), 16U);
  EXPECT_EQ(Elements(*network, "pairs"), 2 * 16);
}

TEST(ScanSources, ABroadcastAddressOfTheLinkIsRefused) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const CommandResult result =
      network->ScannerCommand(OspreyPath() + " scan 10.77.0.2 -S 10.77.0.248/29");
  EXPECT_EQ(result.exit_status, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("10.77.0.255 is a broadcast address"));
}

TEST(ScanSources, AddressesThatNoHostHasAreRefused) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  for (const char* bad : {"127.0.0.1", "224.0.0.5", "10.0.0.0/20", "255.255.255.255", "host.name",
                          "10.0.0.1,", "0.0.0.0/0", "10.77.0.1:80"}) {
    const CommandResult result =
        network->ScannerCommand(absl::StrCat(OspreyPath(), " scan 10.77.0.2 -S ", bad));
    EXPECT_EQ(result.exit_status, 2) << bad << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr("-S: "));
  }
}

// --- VLAN ------------------------------------------------------------------------------------

// The host lives in VLAN 5 of the trunk, another one in VLAN 6.
constexpr const char* kVlanHosts =
    "set -e; ip addr add 10.99.5.2/24 dev v5; ip link set v5 up; ip addr add 10.98.5.2/32 dev v5\n"
    "ip link set v6 up; for i in 3 4 5; do ip addr add 10.99.5.$i/32 dev v6; done\n"
    "sysctl -qw net.ipv4.conf.v6.arp_ignore=1 net.ipv4.conf.v5.arp_ignore=1";

#define OSPREY_VLANS_OR_SKIP(network, pipe, ...)                \
  VlanPipe pipe(network->scanner_side(), __VA_ARGS__);          \
  if (!pipe.error().empty()) GTEST_SKIP() << pipe.error();      \
  const CommandResult hosts = network->HostCommand(kVlanHosts); \
  ASSERT_EQ(hosts.exit_status, 0) << hosts.output

TEST(ScanVlan, FindsTheHostsOfItsVlanOnly) {
  if (!ProgramExists("ss")) GTEST_SKIP() << "needs ss";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = "sysctl -qw net.ipv4.icmp_ratelimit=0"});
  OSPREY_VLANS_OR_SKIP(network, pipe, {{5}, {6}});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  const std::string counters = folder.File("counters.json");
  // No interface of the scanner has an address there.
  const CommandResult result = network->ScannerCommand(
      "ip route add 10.99.5.0/24 dev trunk0; " + OspreyPath() +
      " scan -q -p 80,81 --max-os-tries 1 --vlan 5 -S 10.99.5.1 --counters " + counters + " -oJ " +
      found + " 10.99.5.0/29");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(found), (std::map<std::string, int>{{"10.99.5.2", 1}}));
  EXPECT_GE(SentResets(counters), kSomeConnections) << "the kernel sees no tagged frame";
  EXPECT_EQ(HalfOpen(*network), "");
  EXPECT_EQ(pipe.untagged(), 0U);
}

// Else a network card with a VLAN filter would pass nothing.
TEST(ScanVlan, TheInterfaceIsPromiscuousWhileItIsScanned) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  OSPREY_VLANS_OR_SKIP(network, pipe, {{5}, {6}});
  const CommandResult result = network->ScannerCommand(
      "ip route add 10.99.5.0/24 dev trunk0; " + OspreyPath() +
      " scan -q --vlan 5 -S 10.99.5.1 --max-rate 10 10.99.5.16/28 & pid=$!\n"
      "for i in $(seq 50); do ip -d link show trunk0 | grep -q 'promiscuity [1-9]' && break; "
      "sleep 0.1; done\n"
      "sleep 1.5; ip -d link show trunk0 | grep -o 'promiscuity [0-9]'; kill -9 $pid; wait $pid\n"
      "sleep 0.2; echo after; ip -d link show trunk0 | grep -o 'promiscuity [0-9]'");
  EXPECT_THAT(result.output, ::testing::ContainsRegex("promiscuity [1-9].*after"));
  EXPECT_THAT(result.output, HasSubstr("after\npromiscuity 0"));
}

TEST(ScanVlan, AsksTheGatewayWithTheTag) {
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = "sysctl -qw net.ipv4.icmp_ratelimit=0"});
  OSPREY_VLANS_OR_SKIP(network, pipe, {{5}, {6}});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  const CommandResult result = network->ScannerCommand(
      "ip route add 10.99.5.0/24 dev trunk0; ip route add 10.98.0.0/16 via 10.99.5.2; " +
      OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 --vlan 5 -S 10.99.5.1 -oJ " + found +
      " 10.98.5.2");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(found), (std::map<std::string, int>{{"10.98.5.2", 1}}));
}

TEST(ScanVlan, AnswersOfAnotherVlanAreNotTaken) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  OSPREY_VLANS_OR_SKIP(network, pipe, {{5, 9}, {6}});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  const CommandResult result = network->ScannerCommand(
      "ip route add 10.99.5.0/24 dev trunk0; " + OspreyPath() +
      " scan -q -p 80,81 --max-os-tries 1 --vlan 5 -S 10.99.5.1 -oJ " + found + " 10.99.5.0/29");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_TRUE(RecordsByAddress(found).empty());
  EXPECT_GT(pipe.answers(), 0U);
}

TEST(ScanVlan, AVlanInterfaceNeedsNoOption) {
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = "sysctl -qw net.ipv4.icmp_ratelimit=0"});
  const CommandResult device = network->ScannerCommand(
      "ip link add link osp0 name v5 type vlan id 5 && ip addr add 10.99.5.1/24 dev v5 && "
      "ip link set v5 up");
  if (device.exit_status != 0) GTEST_SKIP() << "no VLAN devices here: " << device.output;
  ASSERT_EQ(network
                ->HostCommand("ip link add link osp1 name v5 type vlan id 5 && "
                              "ip addr add 10.99.5.2/24 dev v5 && ip link set v5 up")
                .exit_status,
            0);
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  const CommandResult result = network->ScannerCommand(
      OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 -oJ " + found + " 10.99.5.0/29");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(found),
            (std::map<std::string, int>{{"10.99.5.1", 1}, {"10.99.5.2", 1}}));
}

TEST(ScanVlan, NeedsFramesThatWeWrite) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const CommandResult local = network->ScannerCommand(OspreyPath() + " scan 127.0.0.1 --vlan 5");
  EXPECT_EQ(local.exit_status, 3);
  EXPECT_THAT(local.output, HasSubstr("no target is behind an Ethernet interface"));
  const CommandResult raw =
      network->ScannerCommand(OspreyPath() + " scan 10.77.0.2 --vlan 5 --ring raw-ip");
  EXPECT_EQ(raw.exit_status, 3);
  EXPECT_THAT(raw.output, HasSubstr("raw-ip"));
}

// --- Interfaces ------------------------------------------------------------------------------

// A second link to the host, which has 10.79.0.2 there.
std::string SecondLink(const TestNetwork& network) {
  return "ip link add osp2 type veth peer name osp3; ip link set osp3 netns " +
         network.scanner_side().far_path() +
         "; ip addr add 10.79.0.1/24 dev osp2; ip link set osp2 up; ";
}

TEST(ScanInterfaces, ARouteThroughAnotherInterfaceDoesNotCount) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  ASSERT_EQ(network->ScannerCommand(SecondLink(*network)).exit_status, 0);
  ASSERT_EQ(network
                ->HostCommand("ip addr add 10.79.0.2/24 dev osp3; ip link set osp3 up; "
                              "ip addr add 10.98.0.1/32 dev lo")
                .exit_status,
            0);
  // The better route is the first link's, where nobody has that gateway.
  ASSERT_EQ(network
                ->ScannerCommand("ip route add 10.98.0.0/24 via 10.77.0.77 metric 1; "
                                 "ip route add 10.98.0.0/24 via 10.79.0.2 metric 9")
                .exit_status,
            0);
  const std::string scan =
      OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 10.98.0.1 -oJ " + found + " -e ";
  const CommandResult wrong = network->ScannerCommand(scan + "osp0");
  EXPECT_THAT(wrong.output, HasSubstr("10.77.0.77 on osp0 does not answer"));
  const CommandResult right = network->ScannerCommand("rm -f " + found + "*; " + scan + "osp2");
  ASSERT_EQ(right.exit_status, 0) << right.output;
  EXPECT_EQ(RecordsByAddress(found), (std::map<std::string, int>{{"10.98.0.1", 1}}));
}

TEST(ScanInterfaces, RoutesChooseAmongSeveral) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  ASSERT_EQ(network->ScannerCommand(SecondLink(*network)).exit_status, 0);
  ASSERT_EQ(
      network->HostCommand("ip addr add 10.79.0.2/24 dev osp3; ip link set osp3 up").exit_status,
      0);
  const CommandResult result =
      network->ScannerCommand(OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 -oJ " + found +
                              " -e osp0,osp2 10.77.0.2 10.79.0.2");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(found),
            (std::map<std::string, int>{{"10.77.0.2", 1}, {"10.79.0.2", 1}}));
}

TEST(ScanInterfaces, WithAGatewaysMacNoRouteIsNeeded) {
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = "ip addr add 10.98.0.1/32 dev lo"});
  const ScopedFolder folder;
  const std::string found = folder.File("found.ndjson");
  const CommandResult mac =
      network->HostCommand("ip -o link show osp1 | sed 's/.*link.ether \\([0-9a-f:]*\\).*/\\1/'");
  const std::string scan = OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 10.98.0.1 -oJ " +
                           found + " --gateway-mac " + mac.output.substr(0, 17);
  EXPECT_EQ(network->ScannerCommand(scan).exit_status, 3) << "no route";
  const CommandResult result = network->ScannerCommand(scan + " -e osp0");
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(found), (std::map<std::string, int>{{"10.98.0.1", 1}}));
}

// --- Manners ---------------------------------------------------------------------------------

// The host counts the probes that fragile devices do not bear, and all others.
constexpr const char* kCountOddities =
    "sysctl -qw net.ipv4.icmp_ratelimit=0\n"
    "nft -f - <<END\n"
    "table ip count {\n"
    "  counter odd { }\n"
    "  counter syns { }\n"
    "  chain in {\n"
    "    type filter hook prerouting priority 0;\n"
    "    tcp flags & (fin | syn | rst | psh | ack | urg) == 0 counter name odd\n"
    "    tcp flags & (fin | urg) == (fin | urg) counter name odd\n"
    "    tcp flags & (syn | ack) == syn counter name syns\n"
    "  }\n"
    "}\n"
    "END";

TEST(ScanManners, GentleLeavesOutWhatUpsetsDevicesAndStillNames) {
  if (!ProgramExists("nft")) GTEST_SKIP() << "needs nft";
  for (const bool gentle : {false, true}) {
    OSPREY_NETWORK_OR_SKIP(network, {.host_setup = kCountOddities});
    const ScopedFolder folder;
    const std::string found = folder.File("found.ndjson");
    const CommandResult result =
        network->ScannerCommand(OspreyPath() + " scan -q -p 80,81 --max-os-tries 1 -oJ " + found +
                                (gentle ? " --gentle" : "") + " 10.77.0.2");
    ASSERT_EQ(result.exit_status, 0) << result.output;
    EXPECT_FALSE(MatchNames(ReadRecords(found).at(0), false).empty());
    EXPECT_GT(Packets(*network, "syns"), 6U);
    if (gentle) {
      EXPECT_EQ(Packets(*network, "odd"), 0U);
    } else {
      // T2, T3 and T7, each sent four times to a host that does not answer it, as Linux does.
      EXPECT_GE(Packets(*network, "odd"), 3U);
    }
  }
}

TEST(ScanManners, OutsideItsWindowNothingIsSent) {
  if (!ProgramExists("nft")) GTEST_SKIP() << "needs nft";
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = kCountOddities});
  // Two hours from now, for an hour.
  const CommandResult result = network->ScannerCommand(
      "from=$(( ($(date +%-H) + 2) % 24 )); to=$(( (from + 1) % 24 ))\n" + OspreyPath() +
      " scan -q -p 80,81 10.77.0.2 --window $(printf '%02d:00-%02d:00' $from $to) & pid=$!\n"
      "sleep 1.5; kill -TERM $pid; wait $pid; echo status=$?");
  EXPECT_THAT(result.output, HasSubstr("outside the scan window: no host is started before"));
  EXPECT_THAT(result.output, HasSubstr("status=5"));
  EXPECT_EQ(Packets(*network, "syns"), 0U);
}

}  // namespace
}  // namespace osprey::testing
