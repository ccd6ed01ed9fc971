// SPDX-License-Identifier: Apache-2.0
// `osprey scan` as people run it, on links of all kinds: own addresses, neighbours, through a
// router and over a layer-3 device; through io_uring and without it; with either database.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "db/locate.h"
#include "tests/integration/programs.h"
#include "tests/integration/scan_report.h"
#include "tests/integration/scan_results.h"
#include "tests/integration/test_network.h"
#include "tests/integration/tun_pipe.h"

namespace osprey::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

#define OSPREY_NETWORK_OR_SKIP(name, ...)                                               \
  auto name##_or = TestNetwork::Create(TestNetwork::Options __VA_ARGS__);               \
  if (absl::IsPermissionDenied(name##_or.status())) GTEST_SKIP() << name##_or.status(); \
  ASSERT_TRUE(name##_or.ok()) << name##_or.status();                                    \
  const std::unique_ptr<TestNetwork> name = *std::move(name##_or)

constexpr const char* kNoLimits = "sysctl -qw net.ipv4.icmp_ratelimit=0";

CommandResult Scan(const TestNetwork& network, const std::string& arguments) {
  return network.ScannerCommand(OspreyPath() + " scan -p 80,81 --max-os-tries 1 " + arguments);
}

// "Linux 6.18", the name of this kernel's record, if the built-in database has one.
std::string BuiltinNameOfThisKernel() {
  utsname name{};
  uname(&name);
  const std::string release = name.release;
  const size_t end = release.find_first_not_of("0123456789", release.find('.') + 1);
  const std::string record = "Linux " + release.substr(0, end);
  const bool known =
      db::BuiltinText().find("Fingerprint " + record + "\n") != std::string_view::npos;
  return known ? record : "";
}

// The one host of the file, found with the built-in database, is this kernel.
void ExpectThisKernel(const std::string& ndjson, const std::string& address) {
  const auto records = ReadRecords(ndjson);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_STREQ(records[0]["ip"].GetString(), address.c_str());
  const std::string name = BuiltinNameOfThisKernel();
  if (name.empty()) {
    EXPECT_THAT(MatchNames(records[0], false), Contains(StartsWith("Linux ")))
        << "this kernel is not in the built-in database; its own record cannot be asked for";
    return;
  }
  EXPECT_THAT(MatchNames(records[0], true), Contains(StartsWith(name)));
}

int Distance(const rapidjson::Value& record) { return record["distance"]["hops"].GetInt(); }

// --- What can be scanned ---------------------------------------------------------------------

class OwnAddress : public ::testing::TestWithParam<const char*> {};

TEST_P(OwnAddress, IsNamedByTheBuiltinDatabase) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const Listener listener(
      [&](absl::FunctionRef<void()> body) { network->scanner_side().Near(body); }, {80});
  ASSERT_EQ(listener.error(), "");
  const ScopedFolder folder;
  const std::string file = folder.File("found.ndjson");
  const CommandResult result =
      Scan(*network, std::string(GetParam()) + " --db builtin -oJ " + file);
  ASSERT_EQ(result.exit_status, 0) << result.output;
  ExpectThisKernel(file, GetParam());
  EXPECT_EQ(Distance(ReadRecords(file).at(0)), 0);
  EXPECT_THAT(result.output, HasSubstr("Network Distance: 0 hops"));
}

TEST_P(OwnAddress, IsNamedByNmapsDatabase) {
  if (db::Locate("").kind != db::SourceKind::kInstalled) {
    GTEST_SKIP() << "Nmap's database is not installed";
  }
  OSPREY_NETWORK_OR_SKIP(network, {});
  const Listener listener(
      [&](absl::FunctionRef<void()> body) { network->scanner_side().Near(body); }, {80});
  const ScopedFolder folder;
  const std::string file = folder.File("found.ndjson");
  const CommandResult result = Scan(*network, std::string(GetParam()) + " -oJ " + file);
  ASSERT_EQ(result.exit_status, 0) << result.output;
  const auto records = ReadRecords(file);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_THAT(MatchNames(records[0], false), Contains(HasSubstr("Linux")));
  EXPECT_EQ(Distance(records[0]), 0);
}

INSTANTIATE_TEST_SUITE_P(Addresses, OwnAddress, ::testing::Values("127.0.0.1", "10.77.0.1"),
                         [](const auto& test) {
                           return std::string(test.param).starts_with("127") ? "Loopback" : "Link";
                         });

TEST(ScanCommand, NamesANeighbour) {
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = kNoLimits});
  const ScopedFolder folder;
  const std::string file = folder.File("found.ndjson");
  const CommandResult result = Scan(*network, network->target() + " --db builtin -oJ " + file);
  ASSERT_EQ(result.exit_status, 0) << result.output;
  ExpectThisKernel(file, network->target());
  EXPECT_EQ(Distance(ReadRecords(file).at(0)), 1);
  EXPECT_THAT(result.output, HasSubstr("MAC Address: "));
}

TEST(ScanCommand, NamesAHostBehindARouter) {
  OSPREY_NETWORK_OR_SKIP(network, {.routed = true, .host_setup = kNoLimits});
  const ScopedFolder folder;
  const std::string file = folder.File("found.ndjson");
  const CommandResult result = Scan(*network, network->target() + " --db builtin -oJ " + file);
  ASSERT_EQ(result.exit_status, 0) << result.output;
  ExpectThisKernel(file, network->target());
  EXPECT_EQ(Distance(ReadRecords(file).at(0)), 2);
  EXPECT_THAT(result.output, Not(HasSubstr("MAC Address: ")));
}

TEST(ScanCommand, NamesAHostOverATunDevice) {
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = kNoLimits});
  const TunPipe pipe(network->scanner_side(), "10.88.0.1/24", "10.88.0.2/24");
  if (!pipe.error().empty()) GTEST_SKIP() << pipe.error();
  const ScopedFolder folder;
  const std::string file = folder.File("found.ndjson");
  const CommandResult result = Scan(*network, "10.88.0.2 --db builtin -oJ " + file);
  ASSERT_EQ(result.exit_status, 0) << result.output;
  ExpectThisKernel(file, "10.88.0.2");
}

TEST(ScanCommand, AnswersOfSilentAddressesAreNotMadeUp) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const ScopedFolder folder;
  const std::string file = folder.File("found.ndjson");
  const CommandResult result = Scan(*network, "10.77.0.0/29 -oJ " + file);
  ASSERT_EQ(result.exit_status, 0) << result.output;
  EXPECT_EQ(RecordsByAddress(file),
            (std::map<std::string, int>{{"10.77.0.1", 1}, {"10.77.0.2", 1}}));
  EXPECT_THAT(result.output, HasSubstr("(2 hosts up)"));
}

// --- Rings -----------------------------------------------------------------------------------

// All of one lane's frames, and who carried them.
void ExpectRing(const std::string& counters_file, const std::string& expected_ring) {
  const auto counters = ReadCounters(counters_file);
  ASSERT_TRUE(counters.IsObject());
  uint64_t probes = 0;
  uint64_t carried = 0;
  for (const auto& lane : counters["lanes"].GetArray()) {
    for (const char* kind : {"sent_discovery", "sent_ports", "sent_sequence", "sent_tests"}) {
      probes += lane[kind].GetUint64();
    }
    for (const auto& ring : lane["rings"].GetArray()) {
      if (ring["sent"].GetUint64() == 0) continue;
      EXPECT_EQ(ring["ring"].GetString(), expected_ring);
      EXPECT_GT(ring["system_calls"].GetUint64(), 0u);
      EXPECT_EQ(ring["submitted"].GetUint64(), ring["sent"].GetUint64());
      carried += ring["sent"].GetUint64();
    }
  }
  EXPECT_GE(probes, 16u);
  EXPECT_EQ(carried, probes);
}

// Makes io_uring_setup fail for this thread and what it starts, as hardened hosts do.
bool RefuseIoUring() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = 4, .filter = code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(ScanRings, IoUringCarriesTheFrames) {
  OSPREY_NETWORK_OR_SKIP(network, {});
  const ScopedFolder folder;
  const std::string file = folder.File("counters.json");
  const CommandResult result = Scan(*network, network->target() + " -v --counters " + file);
  ASSERT_EQ(result.exit_status, 0) << result.output;
  if (result.output.find("through sendmmsg") != std::string::npos) {
    EXPECT_THAT(result.output, HasSubstr("io_uring")) << "says why not";
    GTEST_SKIP() << "io_uring is refused on this machine";
  }
  ExpectRing(file, "io_uring");
  EXPECT_THAT(result.output, HasSubstr("through io_uring"));
}

TEST(ScanRings, SendmmsgTakesOverWhereIoUringIsRefused) {
  OSPREY_NETWORK_OR_SKIP(network, {.host_setup = kNoLimits});
  const ScopedFolder folder;
  const std::string counters = folder.File("counters.json");
  const std::string found = folder.File("found.ndjson");
  CommandResult result;
  network->scanner_side().Near([&] {
    ASSERT_TRUE(RefuseIoUring());
    result = Scan(*network,
                  network->target() + " -v --db builtin --counters " + counters + " -oJ " + found);
  });
  ASSERT_EQ(result.exit_status, 0) << result.output;
  ExpectRing(counters, "sendmmsg");
  ExpectThisKernel(found, network->target());
  EXPECT_THAT(result.output, HasSubstr("io_uring")) << "says that it was refused";
}

// --- Output ----------------------------------------------------------------------------------

TEST(ScanOutput, XmlIsValidAndHoldsTheHost) {
  const std::string dtd = "/usr/share/nmap/nmap.dtd";
  if (!ProgramExists("xmllint") || ReadFile(dtd).empty()) {
    GTEST_SKIP() << "xmllint or " << dtd << " is not installed";
  }
  OSPREY_NETWORK_OR_SKIP(network, {});
  const ScopedFolder folder;
  const std::string file = folder.File("found.xml");
  const CommandResult scan = Scan(*network, "10.77.0.0/30 127.0.0.1 -oX " + file);
  ASSERT_EQ(scan.exit_status, 0) << scan.output;
  const CommandResult lint =
      network->ScannerCommand("xmllint --noout --dtdvalid " + dtd + " " + file);
  EXPECT_EQ(lint.exit_status, 0) << lint.output;
  const auto report = ReadScanReport(file);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->host_state, "up");
}

}  // namespace
}  // namespace osprey::testing
