// SPDX-License-Identifier: Apache-2.0
// What surveys need of the network around them, on real links: whose resets end the half-open
// connections.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/programs.h"
#include "tests/integration/scan_results.h"
#include "tests/integration/test_network.h"
#include "tests/integration/tun_pipe.h"

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

uint64_t SentResets(const std::string& counters_file) {
  const auto counters = ReadCounters(counters_file);
  uint64_t sent = 0;
  for (const auto& lane : counters["lanes"].GetArray()) sent += lane["sent_resets"].GetUint64();
  return sent;
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

TEST(ResetRules, AreGoneWhenTheScanIsKilled) {
  if (!ProgramExists("nft")) GTEST_SKIP() << "needs nft";
  OSPREY_NETWORK_OR_SKIP(network, {});
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
  EXPECT_THAT(result.output, HasSubstr("10.77.0.1"));
  EXPECT_THAT(result.output, HasSubstr("left:\n"));
}

TEST(ResetRules, WithoutTheCapabilityOwnIsRefusedAndAutoGoesOn) {
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

}  // namespace
}  // namespace osprey::testing
