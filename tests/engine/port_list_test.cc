// SPDX-License-Identifier: Apache-2.0
#include "engine/port_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_format.h"

namespace osprey {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Invented numbers in the form of the real files.
constexpr std::string_view kServices =
    "# comment\n"
    "http\t80/tcp\t0.4\t# web\n"
    "http 8008/tcp 0.1\n"
    "http 80/udp 0.05\r\n"
    "ssh 22/tcp 0.3 # remote\n"
    "domain 53/udp 0.2\n"
    "zero 9/tcp 0.000\n"
    "alias 7/tcp echo\n"
    "unknown 99/sctp 0.9\n"
    "broken 70000/tcp 0.5\n"
    "nothing\n"
    "dup 22/tcp 0.01";

const ServiceTable& Services() {
  static const ServiceTable table = ServiceTable::Parse(kServices);
  return table;
}

std::string Show(std::string_view text) {
  const absl::StatusOr<PortSelection> ports = ParsePorts(text, Services());
  if (!ports.ok()) return std::string(ports.status().message());
  std::string out = "T";
  for (const HostOrderPort port : ports->tcp.ascending()) out += absl::StrFormat(" %d", port);
  out += " U";
  for (const HostOrderPort port : ports->udp.ascending()) out += absl::StrFormat(" %d", port);
  return out;
}

// Each means what `nmap -v -oG -` shows as "Ports scanned".
TEST(ParsePorts, ReadsNmapsSyntax) {
  EXPECT_EQ(Show("80"), "T 80 U 80");
  EXPECT_EQ(Show("T:80,U:53"), "T 80 U 53");
  EXPECT_EQ(Show("80,U:53,81"), "T 80 U 53 80 81");
  EXPECT_EQ(Show("U:53,80"), "T U 53 80");
  EXPECT_EQ(Show("T:U:3"), "T U 3");
  EXPECT_EQ(Show("T:-3"), "T 1 2 3 U");
  EXPECT_EQ(Show("T:65533-"), "T 65533 65534 65535 U");
  EXPECT_EQ(Show("T:1-3,2"), "T 1 2 3 U");
  EXPECT_EQ(Show("T:0-2"), "T 0 1 2 U");
  EXPECT_EQ(Show("T:0"), "T 0 U");
  EXPECT_EQ(Show(" 80 , 81"), "T 80 81 U 80 81");
  EXPECT_EQ(Show("80,"), "T 80 U 80");
  EXPECT_EQ(Show("http,T:ssh"), "T 22 80 8008 U 80");
  EXPECT_EQ(ParsePorts("-", Services())->tcp.size(), 65535u);
  EXPECT_FALSE(ParsePorts("-", Services())->tcp.Contains(0));
}

TEST(ParsePorts, NamesThePartThatIsWrong) {
  EXPECT_EQ(Show("80,65536"), "port \"65536\": not in 0-65535");
  EXPECT_EQ(Show("99999999999999999999"), "port \"99999999999999999999\": not in 0-65535");
  EXPECT_EQ(Show("22,5-3"), "port \"5-3\": range is backwards");
  EXPECT_EQ(Show("1-70000"), "port \"1-70000\": not a range in 0-65535");
  EXPECT_EQ(Show("80,,81"), "port \"\": empty entry in the list");
  EXPECT_EQ(Show(""), "port \"\": empty entry in the list");
  EXPECT_EQ(Show("nosuch"), "port \"nosuch\": neither a number, a range nor a known service name");
  EXPECT_EQ(Show("t:5"), "port \"t:5\": unknown protocol; want T: or U:");
  EXPECT_EQ(Show("S:5"), "port \"S:5\": unknown protocol; want T: or U:");
  EXPECT_EQ(Show("T:"), "\"T:\" names no port");
  for (const char* bad : {"1-2-3", "- 5", "80;81", "80-http", "+80", "0x50", "[1-5]", "--"}) {
    EXPECT_FALSE(ParsePorts(bad, Services()).ok()) << bad;
  }
}

TEST(PortList, KeepsBothOrders) {
  const PortSelection ports = *ParsePorts("T:7,443,22,80,1", Services());
  EXPECT_THAT(ports.tcp.ascending(), ElementsAre(1, 7, 22, 80, 443));
  EXPECT_THAT(ports.tcp.probing_order(), ElementsAre(80, 443, 22, 1, 7));
}

TEST(PortList, ExcludedPortsGoAndTheOrderStays) {
  const PortSelection ports = *ParsePorts("T:1-5,80,443", Services());
  const PortSelection left = ports.Minus(*ParsePorts("80,2-4", Services()));
  EXPECT_THAT(left.tcp.probing_order(), ElementsAre(443, 1, 5));
  EXPECT_THAT(left.udp.ascending(), IsEmpty());
}

TEST(TopPorts, FollowTheFrequenciesOfTheInstalledFile) {
  EXPECT_THAT(TopPorts(3, IpProtocol::kTcp, Services())->probing_order(),
              ElementsAre(80, 22, 8008));
  EXPECT_THAT(TopPorts(2, IpProtocol::kUdp, Services())->probing_order(), ElementsAre(53, 80));
  EXPECT_EQ(TopPorts(4, IpProtocol::kTcp, Services()).status().message(),
            "4 top ports: only 3 are known here");
  EXPECT_FALSE(TopPorts(0, IpProtocol::kTcp, Services()).ok());
  EXPECT_FALSE(TopPorts(65536, IpProtocol::kTcp, Services()).ok());
}

TEST(TopPorts, WithoutAFileTheOwnOrderServesAsFarAsItGoes) {
  EXPECT_THAT(TopPorts(3, IpProtocol::kTcp, {})->probing_order(), ElementsAre(80, 443, 22));
  EXPECT_THAT(std::string(TopPorts(100, IpProtocol::kTcp, {}).status().message()),
              HasSubstr("apt install nmap-common"));
  EXPECT_FALSE(TopPorts(1, IpProtocol::kUdp, {}).ok());
}

TEST(CommonTcpPorts, HasNoRepeatsAndTheDefaultIsItsStart) {
  const auto common = CommonTcpPorts();
  EXPECT_EQ(std::set<HostOrderPort>(common.begin(), common.end()).size(), common.size());
  EXPECT_GE(common.size(), 60u);
  const PortList list = DefaultTcpPorts();
  EXPECT_EQ(list.size(), 30u);
  EXPECT_TRUE(std::equal(list.probing_order().begin(), list.probing_order().end(), common.begin()));
}

TEST(ServiceTable, InstalledFilesLoadIfTheyExist) {
  const absl::StatusOr<ServiceTable> nmap = ServiceTable::Load(ServiceTable::kNmapServices);
  if (!nmap.ok()) GTEST_SKIP() << nmap.status();
  EXPECT_EQ(TopPorts(100, IpProtocol::kTcp, *nmap)->size(), 100u);
  EXPECT_THAT(nmap->Find("ssh", IpProtocol::kTcp), ElementsAre(22));
}

TEST(ServiceTable, FilesThatCannotBeReadAreErrorsAndNoiseIsNoEntry) {
  EXPECT_FALSE(ServiceTable::Load("/nonexistent").ok());
  EXPECT_FALSE(ServiceTable::Load("/").ok());
  EXPECT_FALSE(ServiceTable::Load("/dev/zero").ok());
  EXPECT_TRUE(ServiceTable::Parse("\xFF\xFE \n a b c\n x /tcp\n y 1/tcpx\n 80/tcp").empty());
}

}  // namespace
}  // namespace osprey
