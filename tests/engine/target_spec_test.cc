// SPDX-License-Identifier: Apache-2.0
#include "engine/target_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_format.h"
#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Show(std::string_view text) {
  const absl::StatusOr<TargetSpec> spec = ParseTargetSpec(text);
  if (!spec.ok()) return std::string(spec.status().message());
  if (spec->kind == TargetSpec::Kind::kName) {
    return absl::StrFormat("name %s/%d", spec->name, spec->prefix_bits);
  }
  std::string out;
  uint64_t count = 0;
  EXPECT_TRUE(ForEachInterval(*spec, [&](AddressInterval i) {
                const std::string first = Ipv4Addr{i.first}.ToString();
                const std::string last = Ipv4Addr{i.last}.ToString();
                if (count++ < 5) {
                  out +=
                      (out.empty() ? "" : " ") + (i.first == i.last ? first : first + "-" + last);
                }
                EXPECT_GE(i.first, spec->range.first);
                EXPECT_LE(i.last, spec->range.last);
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(count, CountIntervals(*spec)) << text;
  if (spec->port) out += absl::StrFormat(" port %d", *spec->port);
  return out;
}

// Each line that Nmap understands means what `nmap -sL -n` lists for it.
TEST(ParseTargetSpec, ReadsWhatNmapUsersWrite) {
  EXPECT_EQ(Show("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(Show("192.0.2.7/24"), "192.0.2.0-192.0.2.255");
  EXPECT_EQ(Show("192.0.2.7/32"), "192.0.2.7");
  EXPECT_EQ(Show("10.0.0.7/29"), "10.0.0.0-10.0.0.7");
  EXPECT_EQ(Show("1.2.3.4/0"), "0.0.0.0-255.255.255.255");
  EXPECT_EQ(Show("10.0.0.250-10.0.1.5"), "10.0.0.250-10.0.1.5");
  EXPECT_EQ(Show("10.0.0.5-10.0.0.5"), "10.0.0.5");
  EXPECT_EQ(Show("10.0-1.1,3.254-"),
            "10.0.1.254-10.0.1.255 10.0.3.254-10.0.3.255 10.1.1.254-10.1.1.255 "
            "10.1.3.254-10.1.3.255");
  EXPECT_EQ(Show("10.0.0.1,3,2-4,9"), "10.0.0.1-10.0.0.4 10.0.0.9");
  EXPECT_EQ(Show("10.0.0.-"), "10.0.0.0-10.0.0.255");
  EXPECT_EQ(Show("10.0.0.-3"), "10.0.0.0-10.0.0.3");
  EXPECT_EQ(Show("10.1-2.*.*"), "10.1.0.0-10.2.255.255");
  EXPECT_EQ(Show("-.-.-.-"), "0.0.0.0-255.255.255.255");
  EXPECT_EQ(Show("10.*.1.1").substr(0, 26), "10.0.1.1 10.1.1.1 10.2.1.1");
  EXPECT_EQ(Show("10.1.1-.1").substr(0, 26), "10.1.1.1 10.1.2.1 10.1.3.1");
  EXPECT_EQ(Show("10.0-1.0.0/30"), "10.0.0.0-10.0.0.3 10.1.0.0-10.1.0.3");
  EXPECT_EQ(Show("10.0,2.0.9/31"), "10.0.0.8-10.0.0.9 10.2.0.8-10.2.0.9");
  EXPECT_EQ(Show("10.0.5,7.0/23"), "10.0.4.0-10.0.7.255");
}

TEST(ParseTargetSpec, ReadsNamesAndPorts) {
  EXPECT_EQ(Show("host.example"), "name host.example/32");
  EXPECT_EQ(Show("host.example/28"), "name host.example/28");
  EXPECT_EQ(Show("a_b-1"), "name a_b-1/32");
  EXPECT_EQ(Show("1e100.net"), "name 1e100.net/32");
  EXPECT_EQ(Show("192.0.2.7:443"), "192.0.2.7 port 443");
}

TEST(ParseTargetSpec, SaysWhatIsWrong) {
  EXPECT_EQ(Show("10.0.0.256"),
            "target \"10.0.0.256\": \"256\" is not a number or range in 0-255 (no leading zeros)");
  EXPECT_EQ(Show("10.0.0.5-3"), "target \"10.0.0.5-3\": range \"5-3\" is backwards");
  EXPECT_EQ(Show("10.0.0"), "target \"10.0.0\": an address has four parts with dots between");
  EXPECT_EQ(Show("10.0.0.1/33"), "target \"10.0.0.1/33\": \"/33\" is not a prefix length in 0-32");
  EXPECT_EQ(Show("10.0.0.9-10.0.0.1"), "target \"10.0.0.9-10.0.0.1\": range is backwards");
  EXPECT_EQ(Show("10.0.0.1:0"), "target \"10.0.0.1:0\": \"0\" is not a port in 1-65535");
  EXPECT_EQ(Show("2001:db8::1"), "target \"2001:db8::1\": IPv6 targets are not supported");
  EXPECT_EQ(Show("10.0.0.0/24:80"),
            "target \"10.0.0.0/24:80\": a port may only follow a single address");
}

TEST(ParseTargetSpec, RefusesWhatCouldMeanSomethingElse) {
  for (const char* bad : {"",
                          "/",
                          "/24",
                          "010.0.0.1",
                          "10.0.0.01",
                          "10.0.0.1/",
                          "10.0.0.1/032",
                          "10.0.0.1/+3",
                          "10.0.0.1/0x8",
                          "1.2.3.4.",
                          ".1.2.3.4",
                          "1.2.3.4.5",
                          "10..0.1",
                          "*",
                          "-",
                          "10.0.0.1,,3",
                          "10.0.0.,1",
                          "10.0.0.1,",
                          "10.0.0.1-2-3",
                          "10.0.0.**",
                          "10.0.0.1-10.0.0.300",
                          "10.0.0.1-10.0.0.9/24",
                          "10.0.0.1:65536",
                          "10.0.0.1:",
                          "10.0.0.1:http",
                          ":80",
                          "host:80",
                          "host name",
                          "host..example",
                          ".example",
                          "-iL",
                          "ho\xFFst",
                          "http://host/",
                          "10.0.0.99999999999999999999"}) {
    EXPECT_FALSE(ParseTargetSpec(bad).ok()) << bad;
  }
  EXPECT_FALSE(ParseTargetSpec(std::string(300, 'a')).ok());
  EXPECT_FALSE(ParseTargetSpec(std::string_view("10.0.0.1\0", 9)).ok());
}

// A slow twin for octet expressions: all 2^16 values of the last two octets, one by one.
TEST(ParseTargetSpec, OctetListsAgreeWithEnumeration) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100; ++round) {
    std::array<std::bitset<256>, 2> allowed;
    std::string text = "10.7";
    for (auto& octet : allowed) {
      text += '.';
      const int parts = 1 + static_cast<int>(random() % 4);
      for (int i = 0; i < parts; ++i) {
        const uint32_t low = random() % 256,
                       high = low + static_cast<uint32_t>(random() % (256 - low));
        text += absl::StrFormat("%s%d-%d", i > 0 ? "," : "", low, high);
        for (uint32_t v = low; v <= high; ++v) octet.set(v);
      }
    }
    const int bits = static_cast<int>(16 + random() % 17);
    text += absl::StrFormat("/%d", bits);
    std::vector<bool> want(65536), got(65536);
    for (uint32_t v = 0; v < 65536; ++v) {
      if (want[v] || !allowed[0][v >> 8] || !allowed[1][v & 255]) continue;
      const AddressInterval net = NetworkOf(Ipv4Addr{v}, bits);
      for (uint32_t a = net.first; a <= net.last; ++a) want[a] = true;
    }
    const absl::StatusOr<TargetSpec> spec = ParseTargetSpec(text);
    ASSERT_TRUE(spec.ok()) << text;
    ASSERT_TRUE(ForEachInterval(*spec, [&](AddressInterval i) {
                  for (uint32_t a = i.first; a <= i.last; ++a) {
                    EXPECT_FALSE(got[a & 0xFFFF]) << text;
                    got[a & 0xFFFF] = true;
                  }
                  return absl::OkStatus();
                }).ok());
    ASSERT_EQ(got, want) << text;
  }
}

TEST(SplitTargetSpecs, CommasSeparateExpressionsButNotOctetLists) {
  EXPECT_THAT(SplitTargetSpecs("10.0.0.1,host.example,10.0.0.8/30"),
              ElementsAre("10.0.0.1", "host.example", "10.0.0.8/30"));
  EXPECT_THAT(SplitTargetSpecs("10.0.0.1,3,5-9,10.0.0.8"),
              ElementsAre("10.0.0.1,3,5-9", "10.0.0.8"));
  EXPECT_THAT(SplitTargetSpecs("10.1,2.0.1"), ElementsAre("10.1", "2.0.1"));  // both refused
  EXPECT_THAT(SplitTargetSpecs("a,,b"), ElementsAre("a", "", "b"));
  EXPECT_THAT(SplitTargetSpecs(""), ElementsAre(""));
}

}  // namespace
}  // namespace osprey
