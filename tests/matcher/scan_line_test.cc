// SPDX-License-Identifier: Apache-2.0
#include "matcher/scan_line.h"

#include "gtest/gtest.h"

namespace osprey::matcher {
namespace {

ScanLineInfo Info(const char* target) {
  ScanLineInfo info;
  info.version = "Osprey-0.1.0";
  info.platform = "x86_64-linux";
  info.time_s = 0x6B037D09;
  info.month = 11;
  info.day = 2;
  info.target = Ipv4Addr::Parse(target).value();
  return info;
}

TEST(ScanLine, WritesEmptyPortsAndLeavesOutWhatIsUnknown) {
  EXPECT_EQ(ScanLine(Info("8.8.8.8"), HostFacts()),
            "SCAN(V=Osprey-0.1.0%E=4%D=11/2%OT=%CT=%CU=%PV=N%G=N%TM=6B037D09%P=x86_64-linux)");
}

TEST(ScanLine, WritesEverythingThatIsKnown) {
  HostFacts facts;
  facts.open_tcp_port = 22;
  facts.closed_tcp_port = 1;
  facts.closed_udp_port = 40001;
  facts.mac_known = true;
  facts.mac_prefix = {0x00, 0x0A, 0xFE};
  ScanLineInfo info = Info("192.168.1.7");
  info.good = true;
  EXPECT_EQ(ScanLine(info, facts),
            "SCAN(V=Osprey-0.1.0%E=4%D=11/2%OT=22%CT=1%CU=40001%PV=Y%DS=1%DC=D%G=Y%M=000AFE"
            "%TM=6B037D09%P=x86_64-linux)");
}

TEST(ScanLine, DistanceOfARoutedHostComesFromU1) {
  HostFacts facts;
  facts.hop_distance = -3;
  EXPECT_NE(ScanLine(Info("8.8.8.8"), facts).find("%DS=-3%DC=I%"), std::string::npos);
  facts.hop_distance = kUnknownDistance;
  EXPECT_EQ(ScanLine(Info("8.8.8.8"), facts).find("%DS="), std::string::npos);
}

TEST(ScanLine, SetTimeFillsTheLocalDate) {
  ScanLineInfo info;
  info.SetTime(1'700'000'000);  // 14 or 15 November 2023 in any zone
  EXPECT_EQ(info.time_s, 1'700'000'000);
  EXPECT_EQ(info.month, 11);
  EXPECT_TRUE(info.day == 14 || info.day == 15);
}

TEST(ScanLine, SpecialRangesEndWhereTheyShould) {
  for (const char* inside :
       {"0.0.0.0", "0.255.255.255", "10.0.0.1", "100.64.0.0", "100.127.255.255", "127.0.0.1",
        "169.254.0.1", "172.16.0.0", "172.31.255.255", "192.0.0.1", "192.0.2.9", "192.168.255.1",
        "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.255", "240.0.0.1",
        "255.255.255.255"}) {
    EXPECT_TRUE(IsPrivateOrSpecial(Ipv4Addr::Parse(inside).value())) << inside;
  }
  for (const char* outside :
       {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.0.0.1",
        "128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.0.1",
        "198.17.255.255", "198.20.0.0", "203.0.114.0", "224.0.0.1", "239.255.255.255"}) {
    EXPECT_FALSE(IsPrivateOrSpecial(Ipv4Addr::Parse(outside).value())) << outside;
  }
}

}  // namespace
}  // namespace osprey::matcher
