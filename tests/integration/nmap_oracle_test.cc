// SPDX-License-Identifier: Apache-2.0
// Real Nmap as the judge: Nmap and Osprey scan equal hosts and must say the same of them.
//
// Each case makes two equal networks and runs one program in each, at the same time, so that
// neither uses up what the kernel under test allows the other (ICMP limits, challenge ACKs).
// Compared are all attributes of the fingerprint, the SCAN line, ports, distance, sequence classes
// and the class of the best match. Left out is only what differs between two runs of one program:
//
//   SP, ISR, GCD   from the random sequence numbers of Linux: presence only
//   TS             presence only if both are over 16: Linux adds a random offset to each
//                  connection's clock, so that the rate measured is noise near 2^32 a second
//   CU             a random port unless UDP was scanned: presence only
//
// and what docs/os-detection.md, section 10, lists between versions of Nmap.

#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "db/attributes.h"
#include "tests/integration/programs.h"
#include "tests/integration/scan_report.h"
#include "tests/integration/test_network.h"

namespace osprey::testing {
namespace {

struct OracleCase {
  std::string name;
  std::string host_setup = {};
  std::vector<uint16_t> listen = {80};
  bool routed = false;
};

void PrintTo(const OracleCase& oracle_case, std::ostream* out) { *out << oracle_case.name; }

std::string Nft(const std::string& rule) {
  return "nft add table ip t; nft add chain ip t in '{ type filter hook input priority 0; }'; "
         "nft add rule ip t in " +
         rule + "\n";
}

std::string Sysctl(const std::string& settings) { return "sysctl -qw " + settings + "\n"; }

std::vector<OracleCase> Cases() {
  const std::string no_options =
      "net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0 net.ipv4.tcp_window_scaling=0";
  return {
      {"Default", ""},
      {"TimestampsOff", Sysctl("net.ipv4.tcp_timestamps=0")},
      {"TimestampsWithoutOffset", Sysctl("net.ipv4.tcp_timestamps=2")},
      {"WindowScalingOff", Sysctl("net.ipv4.tcp_window_scaling=0")},
      {"SackOff", Sysctl("net.ipv4.tcp_sack=0")},
      {"Ttl128", Sysctl("net.ipv4.ip_default_ttl=128")},
      {"Ttl255", Sysctl("net.ipv4.ip_default_ttl=255")},
      {"EcnOff", Sysctl("net.ipv4.tcp_ecn=0")},
      {"AllOptionsOff", Sysctl(no_options)},
      {"SynCookies", Sysctl("net.ipv4.tcp_syncookies=2")},
      {"SmallWindow", Sysctl("net.ipv4.tcp_rmem='4096 8192 8192'")},
      {"Mtu1400", "ip link set osp1 mtu 1400\n"},
      {"ClosedPortsDropped", Nft("tcp dport != 80 drop")},
      {"ClosedPortsRejectedWithReset", Nft("tcp dport != 80 reject with tcp reset")},
      {"ClosedPortsRejectedWithIcmp", Nft("tcp dport != 80 reject with icmp port-unreachable")},
      {"ProhibitedByIcmp", Nft("tcp dport != 80 reject with icmp admin-prohibited")},
      {"EchoIgnored", Sysctl("net.ipv4.icmp_echo_ignore_all=1")},
      {"UdpBlackholed", Nft("meta l4proto udp drop")},
      {"OnlyPort80Passes", Nft("tcp dport 80 accept") + "nft add rule ip t in drop\n"},
      {"NoOpenPort", "", {}},
      {"NoClosedPort", "", {80, 81}},
      {"BehindRouter", "", {80}, true},
      {"BehindRouterTtl128", Sysctl("net.ipv4.ip_default_ttl=128"), {80}, true},
      {"BehindRouterWithoutUdp", Nft("meta l4proto udp drop"), {80}, true},
  };
}

// The kernel's own limits on ICMP would make answers depend on when they are asked for.
constexpr const char* kNoLimits = "sysctl -qw net.ipv4.icmp_ratelimit=0\n";

// A program's report on its own copy of the network, or what failed.
struct ProgramRun {
  absl::Status status;
  ScanReport report;

  void Do(const OracleCase& oracle_case, const std::string& program, const std::string& xml) {
    auto network = TestNetwork::Create({.routed = oracle_case.routed,
                                        .listen = oracle_case.listen,
                                        .host_setup = kNoLimits + oracle_case.host_setup});
    if (!network.ok()) {
      status = network.status();
      return;
    }
    const CommandResult result = (*network)->ScannerCommand(absl::StrFormat(
        "%s -n -Pn -p 80,81 --max-os-tries 1 -d -oX %s %s", program, xml, (*network)->target()));
    auto read = ReadScanReport(xml);
    status = read.status();
    if (!status.ok()) status = absl::DataLossError(absl::StrCat(program, ": ", result.output));
    if (read.ok()) report = *std::move(read);
  }
};

// "-" if absent. Else the value, or "present" where runs differ by chance.
std::string Comparable(const db::Fingerprint& print, db::AttributeId id, bool both_noise) {
  if (!print.Has(id)) return "-";
  const std::string name(db::Info(id).name);
  const std::string value(print.Get(id));
  if (db::Info(id).line == db::LineId::kSeq) {
    if (name == "SP" || name == "ISR" || name == "GCD") return "present";
    if (name == "TS" && both_noise) return "present";
  }
  // 7.93 cuts these to 16 bits, and prints eight digits of RD.
  const bool number =
      !value.empty() && value.find_first_not_of("0123456789ABCDEF") == std::string::npos;
  if (number && (name == "UN" || name == "T")) {
    return absl::StrFormat("%X", std::strtoul(value.c_str(), nullptr, 16) & 0xFFFF);
  }
  if (number && name == "RD") {
    return absl::StrFormat("%X", std::strtoul(value.c_str(), nullptr, 16));
  }
  return value;
}

bool ClockIsNoise(const db::Fingerprint& print) {
  const auto id = db::FindAttribute(db::LineId::kSeq, "TS");
  return id.has_value() && print.Has(*id) && print.Get(*id).size() == 2 && print.Get(*id) >= "11";
}

void ExpectSameFingerprint(const db::Fingerprint& nmap, const db::Fingerprint& osprey) {
  for (size_t line = 0; line < db::kLineCount; ++line) {
    const auto id = static_cast<db::LineId>(line);
    // 7.93 leaves out a SEQ line without attributes.
    if (id == db::LineId::kSeq) continue;
    EXPECT_EQ(nmap.HasLine(id), osprey.HasLine(id)) << db::Info(id).name;
  }
  const bool noise = ClockIsNoise(nmap) && ClockIsNoise(osprey);
  for (size_t i = 0; i < db::kAttributeCount; ++i) {
    const auto id = static_cast<db::AttributeId>(i);
    EXPECT_EQ(Comparable(nmap, id, noise), Comparable(osprey, id, noise))
        << db::Info(db::Info(id).line).name << "." << db::Info(id).name;
  }
}

void ExpectSameScanLine(const db::ScanLine& nmap, const db::ScanLine& osprey) {
  EXPECT_EQ(nmap.engine, osprey.engine);
  EXPECT_EQ(nmap.open_tcp, osprey.open_tcp);
  EXPECT_EQ(nmap.closed_tcp, osprey.closed_tcp);
  EXPECT_EQ(nmap.closed_udp.has_value(), osprey.closed_udp.has_value());
  EXPECT_EQ(nmap.private_target, osprey.private_target);
  EXPECT_EQ(nmap.good, osprey.good);
  EXPECT_EQ(nmap.distance, osprey.distance);
  EXPECT_EQ(nmap.distance_method, osprey.distance_method);
  EXPECT_EQ(nmap.mac_prefix.empty(), osprey.mac_prefix.empty());
}

void ExpectSamePorts(const ScanReport& nmap, const ScanReport& osprey) {
  EXPECT_EQ(nmap.ports_used, osprey.ports_used);
  for (const auto& [port, theirs] : nmap.tcp) {
    const auto ours = osprey.tcp.find(port);
    if (ours == osprey.tcp.end()) {
      ADD_FAILURE() << port << " is missing";
      continue;
    }
    EXPECT_EQ(theirs.state, ours->second.state) << port;
    EXPECT_EQ(theirs.reason, ours->second.reason) << port;
  }
  for (const auto& [port, ours] : osprey.tcp) EXPECT_TRUE(nmap.tcp.contains(port)) << port;
}

// The generation depends on SP, ISR and TS, which are noise here, and a little on the rules.
std::string WithoutGeneration(const std::string& os_class) {
  const std::vector<std::string> parts = absl::StrSplit(os_class, '|');
  return absl::StrCat(parts.at(0), "|", parts.at(1), "|", parts.at(3));
}

bool Answered(const ScanReport& report, db::LineId line) {
  return report.subject->fingerprint.Get(db::Info(line).first) == "Y";
}

void ExpectSameBestMatch(const ScanReport& nmap, const ScanReport& osprey) {
  ASSERT_EQ(nmap.matches.empty(), osprey.matches.empty());
  if (nmap.matches.empty()) return;
  const MatchReport& theirs = nmap.matches.front();
  const MatchReport& ours = osprey.matches.front();
  // Where U1 or IE is silent, the R that today's rules assume in references counts (section 10).
  if (Answered(osprey, db::LineId::kU1) && Answered(osprey, db::LineId::kIe)) {
    EXPECT_NEAR(theirs.accuracy, ours.accuracy, 4) << theirs.name << " and " << ours.name;
  }
  ASSERT_FALSE(theirs.classes.empty());
  ASSERT_FALSE(ours.classes.empty());
  EXPECT_EQ(WithoutGeneration(theirs.classes.front()), WithoutGeneration(ours.classes.front()));
}

class NmapOracle : public ::testing::TestWithParam<OracleCase> {};

TEST_P(NmapOracle, SaysTheSame) {
  for (const char* program : {"nmap", "nft"}) {
    if (!ProgramExists(program)) GTEST_SKIP() << program << " is not installed";
  }
  const ScopedFolder folder;
  ProgramRun nmap;
  ProgramRun osprey;
  std::thread other([&] { nmap.Do(GetParam(), "nmap -O", folder.File("nmap.xml")); });
  osprey.Do(GetParam(), OspreyPath() + " scan", folder.File("osprey.xml"));
  other.join();
  if (absl::IsPermissionDenied(osprey.status)) GTEST_SKIP() << osprey.status;
  ASSERT_TRUE(nmap.status.ok()) << nmap.status;
  ASSERT_TRUE(osprey.status.ok()) << osprey.status;
  ASSERT_TRUE(nmap.report.subject.has_value());
  ASSERT_TRUE(osprey.report.subject.has_value());

  EXPECT_EQ(nmap.report.host_state, osprey.report.host_state);
  ExpectSameFingerprint(nmap.report.subject->fingerprint, osprey.report.subject->fingerprint);
  ExpectSameScanLine(*nmap.report.subject->scan, *osprey.report.subject->scan);
  ExpectSamePorts(nmap.report, osprey.report);
  EXPECT_EQ(nmap.report.distance, osprey.report.distance);
  EXPECT_EQ(nmap.report.difficulty.has_value(), osprey.report.difficulty.has_value());
  EXPECT_EQ(nmap.report.ip_id_class, osprey.report.ip_id_class);
  EXPECT_EQ(nmap.report.ts_class, osprey.report.ts_class);
  ExpectSameBestMatch(nmap.report, osprey.report);
}

INSTANTIATE_TEST_SUITE_P(Linux, NmapOracle, ::testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace osprey::testing
