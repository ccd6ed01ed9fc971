// SPDX-License-Identifier: Apache-2.0
// `osprey scan` when something goes wrong: bad input, missing rights, failing outputs, signals and
// kills. Each is a clear message and a meaningful exit status (tools/osprey/exit_codes.h), and what
// was found is kept.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/integration/programs.h"
#include "tests/integration/scan_report.h"
#include "tests/integration/scan_results.h"
#include "tests/integration/test_network.h"
#include "tools/osprey/exit_codes.h"

namespace osprey::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

#define OSPREY_NETWORK_OR_SKIP(name, ...)                                               \
  auto name##_or = TestNetwork::Create(TestNetwork::Options __VA_ARGS__);               \
  if (absl::IsPermissionDenied(name##_or.status())) GTEST_SKIP() << name##_or.status(); \
  ASSERT_TRUE(name##_or.ok()) << name##_or.status();                                    \
  const std::unique_ptr<TestNetwork> name = *std::move(name##_or)

CommandResult Scan(const TestNetwork& network, const std::string& arguments) {
  return network.ScannerCommand(OspreyPath() + " scan " + arguments);
}

// --- Before anything is sent -----------------------------------------------------------------

struct BadInput {
  const char* name;
  std::string arguments;
  int exit_status;
  const char* message;  // part of it
};

class Refused : public ::testing::TestWithParam<BadInput> {};

TEST_P(Refused, WithAMessageThatNamesIt) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const CommandResult result = Scan(*network, GetParam().arguments);
  EXPECT_EQ(result.exit_status, GetParam().exit_status) << result.output;
  EXPECT_THAT(result.output, HasSubstr(GetParam().message));
  EXPECT_THAT(result.output, Not(HasSubstr("Starting Osprey"))) << "nothing was begun";
}

INSTANTIATE_TEST_SUITE_P(
    BadInput, Refused,
    ::testing::Values(
        BadInput{"UnknownInterface", "10.77.0.2 -e nosuch0", tools::kExitCannotStart, "nosuch0"},
        BadInput{"NoRoute", "203.0.113.5", tools::kExitCannotStart, "203.0.113.5: no route"},
        BadInput{"NoTargets", "", tools::kExitUsage, "no targets"},
        BadInput{"PortOutOfRange", "10.77.0.2 -p 80,70000", tools::kExitUsage, "\"70000\""},
        BadInput{"PortsThatAreNone", "10.77.0.2 -p ssh-http-", tools::kExitUsage, "-p"},
        BadInput{"BadTarget", "10.77.0.300", tools::kExitUsage, "10.77.0.300"},
        BadInput{"MissingList", "-iL /nonexistent/list", tools::kExitUsage, "/nonexistent/list"},
        BadInput{"MissingDatabase", "10.77.0.2 --db /nonexistent/db", tools::kExitCannotStart,
                 "/nonexistent/db"},
        BadInput{"NoDatabase", "10.77.0.2 --db /etc/passwd", tools::kExitCannotStart,
                 "/etc/passwd"},
        BadInput{"OutputFolderMissing", "10.77.0.2 -oJ /nonexistent/found.ndjson",
                 tools::kExitOutputFailed, "/nonexistent/found.ndjson"},
        BadInput{"UnknownOption", "10.77.0.2 --nosuch", tools::kExitUsage, "--nosuch"},
        BadInput{"UnknownRing", "10.77.0.2 --ring nosuch", tools::kExitCannotStart, "nosuch"},
        BadInput{"NothingToResume", "--resume /etc/passwd", tools::kExitCannotStart,
                 "/etc/passwd"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ScanFailures, ABadTargetListIsRefusedWithItsLine) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const ScopedFolder folder;
  WriteFile(folder.File("list"), "10.77.0.2\n# a comment\n10.77.0.3-2\n");
  const CommandResult result = Scan(*network, "-iL " + folder.File("list"));
  EXPECT_EQ(result.exit_status, tools::kExitUsage) << result.output;
  EXPECT_THAT(result.output, HasSubstr(folder.File("list") + ":3: "));
}

TEST(ScanFailures, WithoutPrivilegeItSaysWhatIsMissingAndLeavesFilesAlone) {
  if (!ProgramExists("setpriv")) GTEST_SKIP() << "setpriv is not installed";
  OSPREY_NETWORK_OR_SKIP(network, {});
  for (const std::string target : {"10.77.0.2", "127.0.0.1"}) {
    const CommandResult result = network->ScannerCommand(
        "setpriv --bounding-set=-all --inh-caps=-all " + OspreyPath() + " scan " + target);
    EXPECT_EQ(result.exit_status, tools::kExitCannotStart) << result.output;
    EXPECT_THAT(result.output, HasSubstr("CAP_NET_RAW"));
  }
}

// --- Outputs that fail -----------------------------------------------------------------------

TEST(ScanFailures, AFullDiskIsSaidAndOtherOutputsAreWhole) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const ScopedFolder folder;
  for (const std::string format : {"X", "N", "G", "J"}) {
    const std::string file = folder.File("found-" + format + ".ndjson");
    const CommandResult result =
        Scan(*network, "127.0.0.1 -p 81 --max-os-tries 1 -o" + format + " /dev/full -oJ " + file);
    EXPECT_EQ(result.exit_status, tools::kExitOutputFailed) << result.output;
    EXPECT_THAT(result.output, HasSubstr("/dev/full: cannot write: No space left on device"));
    for (const auto& record : ReadRecords(file)) {
      EXPECT_STREQ(record["ip"].GetString(), "127.0.0.1");
    }
  }
}

TEST(ScanFailures, AClosedPipeIsAnExitStatusNotADeath) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const CommandResult result = network->ScannerCommand(
      "{ " + OspreyPath() + " scan 127.0.0.1 -p 81 --max-os-tries 1; echo status=$? >&2; } | true");
  EXPECT_THAT(result.output, HasSubstr("status=4"));
  EXPECT_THAT(result.output, HasSubstr("Broken pipe"));
}

// --- Interruptions ---------------------------------------------------------------------------

constexpr const char* kMany = "10.79.0.0/24";
constexpr int kManyHosts = 256;

// 256 addresses behind the host, all of them the same kernel.
absl::StatusOr<std::unique_ptr<TestNetwork>> ManyHosts() {
  auto network = TestNetwork::Create(
      {.host_setup = std::string("ip route add local ") + kMany +
                     " dev lo; sysctl -qw net.ipv4.icmp_ratelimit=0 "
                     "net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=100000"});
  if (network.ok()) {
    const CommandResult route =
        (*network)->ScannerCommand(std::string("ip route add ") + kMany + " via 10.77.0.2");
    EXPECT_EQ(route.exit_status, 0) << route.output;
  }
  return network;
}

// Slow enough to be interrupted in the middle: forty hosts at a time, two seconds each.
std::vector<std::string> SlowScan(const std::string& journal) {
  return {OspreyPath(), "scan", kMany,  "-p",      "80,81", "--max-os-tries", "1", "--max-hosts",
          "40",         "-q",   "--db", "builtin", "-oJ",   journal};
}

size_t CountLines(const std::string& path) {
  const std::string text = ReadFile(path);
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Waits until the journal holds some hosts but not all; false after 30 s.
bool WaitForPart(const std::string& journal) {
  for (int i = 0; i < 3000; ++i) {
    const size_t lines = CountLines(journal);
    if (lines >= 20) return lines < kManyHosts;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

void ExpectEveryHostOnce(const std::string& journal) {
  const auto count = RecordsByAddress(journal);
  EXPECT_EQ(count.size(), size_t{kManyHosts});
  for (const auto& [address, records] : count) EXPECT_EQ(records, 1) << address;
}

TEST(ScanInterrupted, AKilledScanResumesAndEachHostIsThereOnce) {
  auto network = ManyHosts();
  if (absl::IsPermissionDenied(network.status())) GTEST_SKIP() << network.status();
  ASSERT_TRUE(network.ok()) << network.status();
  const ScopedFolder folder;
  const std::string journal = folder.File("found.ndjson");
  {
    const auto scan = (*network)->scanner_side().StartNear(SlowScan(journal));
    ASSERT_TRUE(WaitForPart(journal));
  }  // killed
  ASSERT_LT(CountLines(journal), size_t{kManyHosts});
  // Once more, in the middle of the resumed scan.
  {
    const auto scan =
        (*network)->scanner_side().StartNear({OspreyPath(), "scan", "--resume", journal});
    std::this_thread::sleep_for(2500ms);
  }
  const CommandResult rest = Scan(**network, "--resume " + journal);
  EXPECT_EQ(rest.exit_status, tools::kExitOk) << rest.output;
  ExpectEveryHostOnce(journal);
}

// The first Ctrl-C lets the hosts under way finish, the second does not.
TEST(ScanInterrupted, CtrlCTwiceKeepsWhatWasFoundAndTheRestCanFollow) {
  auto network = ManyHosts();
  if (absl::IsPermissionDenied(network.status())) GTEST_SKIP() << network.status();
  ASSERT_TRUE(network.ok()) << network.status();
  const ScopedFolder folder;
  const std::string journal = folder.File("found.ndjson");
  const std::string xml = folder.File("found.xml");
  CommandResult first;
  std::thread runner([&] {
    std::string command = "echo $$ > " + folder.File("pid") + "; exec";
    for (const std::string& word : SlowScan(journal)) command += " " + word;
    first = (*network)->ScannerCommand(command + " -oX " + xml);
  });
  const bool partly = WaitForPart(journal);
  const pid_t pid = std::atoi(ReadFile(folder.File("pid")).c_str());
  for (int i = 0; i < 2 && pid > 1; ++i) {
    kill(pid, SIGINT);
    std::this_thread::sleep_for(500ms);
  }
  runner.join();
  ASSERT_TRUE(partly);
  EXPECT_EQ(first.exit_status, tools::kExitInterrupted) << first.output;
  EXPECT_THAT(first.output, HasSubstr("interrupted"));
  EXPECT_LT(CountLines(journal), size_t{kManyHosts});
  EXPECT_TRUE(ReadScanReport(xml).ok()) << "the XML is ended properly";

  const CommandResult rest = Scan(**network, "--resume " + journal);
  EXPECT_EQ(rest.exit_status, tools::kExitOk) << rest.output;
  ExpectEveryHostOnce(journal);
}

}  // namespace
}  // namespace osprey::testing
