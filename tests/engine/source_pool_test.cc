// SPDX-License-Identifier: Apache-2.0
#include "engine/source_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace osprey {
namespace {

using testing::HasSubstr;

std::string Show(std::string_view text) {
  const auto pool = SourcePool::Parse(text);
  if (!pool.ok()) return std::string(pool.status().message());
  std::string out;
  for (const Ipv4Addr address : pool->addresses()) out += address.ToString() + " ";
  return out;
}

TEST(SourcePool, TakesAddressesRangesAndBlocksEachOnce) {
  EXPECT_EQ(Show("10.0.0.9"), "10.0.0.9 ");
  EXPECT_EQ(Show("192.0.2.8/30,10.0.0.9,192.0.2.11-192.0.2.12"),
            "10.0.0.9 192.0.2.8 192.0.2.9 192.0.2.10 192.0.2.11 192.0.2.12 ");
  EXPECT_EQ(Show("10.0.0.1,3-4"), "10.0.0.1 10.0.0.3 10.0.0.4 ");
  EXPECT_EQ(SourcePool::Parse("10.0.0.0/24")->addresses().size(), 256U);
}

TEST(SourcePool, RefusesWhatCannotBeASource) {
  EXPECT_THAT(Show("127.0.0.1"), HasSubstr("loopback"));
  EXPECT_THAT(Show("10.0.0.1,224.0.0.1"), HasSubstr("\"224.0.0.1\""));
  EXPECT_THAT(Show("255.255.255.255"), HasSubstr("broadcast"));
  EXPECT_THAT(Show("223.255.255.254-224.0.0.1"), HasSubstr("multicast"));
  EXPECT_THAT(Show("0.0.0.0/0"), HasSubstr("0.0.0.0/8"));
  EXPECT_THAT(Show("10.0.0.0/24,10.1.0.1"), HasSubstr("more than 256"));
  EXPECT_THAT(Show("eth0"), HasSubstr("\"eth0\""));
  EXPECT_THAT(Show("10.0.0.1:80"), HasSubstr("\"10.0.0.1:80\""));
  EXPECT_THAT(Show(""), HasSubstr(""));
  EXPECT_FALSE(SourcePool::Parse("").ok());
  EXPECT_FALSE(SourcePool::Parse("10.0.0.1,").ok());
}

TEST(SourcePool, SpreadsTargetsEvenlyAndTheSameWayEachTime) {
  auto pool = *SourcePool::Parse("10.0.0.0-10.0.0.9");
  auto same = *SourcePool::Parse("10.0.0.5-10.0.0.9,10.0.0.0-10.0.0.4");
  auto other = *SourcePool::Parse("10.0.0.0-10.0.0.9");
  pool.SetSeed(1);
  same.SetSeed(1);
  other.SetSeed(2);
  std::map<int, int> targets;
  int moved = 0;
  for (uint32_t a = 0; a < 100'000; ++a) {
    const Ipv4Addr target{0xC6336400 + a};
    const uint8_t index = pool.IndexFor(target);
    ++targets[index];
    EXPECT_EQ(index, same.IndexFor(target));
    moved += index != other.IndexFor(target);
  }
  EXPECT_EQ(targets.size(), 10U);
  // Standard deviation 95.
  for (const auto& [index, count] : targets) EXPECT_NEAR(count, 10'000, 600) << index;
  EXPECT_NEAR(moved, 90'000, 600);
}

}  // namespace
}  // namespace osprey
