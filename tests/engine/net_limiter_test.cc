// SPDX-License-Identifier: Apache-2.0
#include "engine/net_limiter.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "base/clock.h"
#include "tests/engine/plan_testing.h"

namespace osprey::engine {
namespace {

constexpr uint32_t kNone = NetLimiter::kNone;
constexpr Ipv4Addr kHost{0x0A000001};
constexpr Ipv4Addr kElsewhere{0x0A000101};

HashKey Key() { return DeriveKey(1, "net limiter test"); }

TEST(NetLimiter, LetsSoManyHostsOfANetworkIn) {
  NetLimiter limiter({.hosts = 2}, 8, Key());
  EXPECT_TRUE(limiter.Enter(kHost, 0));
  EXPECT_TRUE(limiter.Enter(kHost, 1));
  EXPECT_FALSE(limiter.Enter(kHost, 2));
  EXPECT_FALSE(limiter.Enter(kHost, 3));
  EXPECT_TRUE(limiter.Enter(kElsewhere, 4));
  EXPECT_EQ(limiter.waiting(), 2u);
  EXPECT_EQ(limiter.Leave(kHost, 0), 2u);  // first come, first served
  EXPECT_EQ(limiter.Leave(kElsewhere, 4), kNone);
  EXPECT_EQ(limiter.Leave(kHost, 1), 3u);
  EXPECT_EQ(limiter.Leave(kHost, 2), kNone);
  EXPECT_EQ(limiter.waiting(), 0u);
  EXPECT_TRUE(limiter.Enter(kHost, 5));
}

TEST(NetLimiter, EnteringTwiceOrLeavingTwiceChangesNothing) {
  NetLimiter limiter({.hosts = 1}, 8, Key());
  EXPECT_TRUE(limiter.Enter(kHost, 0));
  EXPECT_TRUE(limiter.Enter(kHost, 0));
  EXPECT_FALSE(limiter.Enter(kHost, 1));
  EXPECT_EQ(limiter.Leave(kHost, 2), kNone);  // was never inside
  EXPECT_EQ(limiter.Leave(kHost, 0), 1u);
  EXPECT_EQ(limiter.Leave(kHost, 0), kNone);
  EXPECT_EQ(limiter.Leave(kHost, 1), kNone);
}

TEST(NetLimiter, WithoutLimitsNothingWaits) {
  NetLimiter limiter({}, 8, Key());
  for (uint32_t slot = 0; slot < 8; ++slot) EXPECT_TRUE(limiter.Enter(kHost, slot));
  for (uint32_t slot = 0; slot < 8; ++slot) EXPECT_EQ(limiter.Leave(kHost, slot), kNone);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(limiter.NotBefore(kHost, 5), 0);
    limiter.Charge(kHost, 5);
  }
}

// A twin made of maps.
struct Twin {
  uint32_t limit;
  std::map<uint32_t, std::set<uint32_t>> inside;
  std::map<uint32_t, std::deque<uint32_t>> waiting;

  bool Enter(uint32_t net, uint32_t slot) {
    if (inside[net].size() < limit) return inside[net].insert(slot).second;
    waiting[net].push_back(slot);
    return false;
  }
  uint32_t Leave(uint32_t net, uint32_t slot) {
    if (inside[net].erase(slot) == 0 || waiting[net].empty()) return kNone;
    const uint32_t next = waiting[net].front();
    waiting[net].pop_front();
    inside[net].insert(next);
    return next;
  }
};

TEST(NetLimiter, AgreesWithAnObviousTwin) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr uint32_t kSlots = 300;
  NetLimiter limiter({.hosts = 3}, kSlots, Key());
  Twin twin{.limit = 3, .inside = {}, .waiting = {}};
  std::vector<uint32_t> free, inside;
  std::vector<Ipv4Addr> address(kSlots);
  for (uint32_t slot = 0; slot < kSlots; ++slot) free.push_back(slot);
  for (int i = 0; i < 100'000; ++i) {
    const bool enter = inside.empty() || (!free.empty() && random() % 2 == 0);
    if (enter) {
      std::swap(free[random() % free.size()], free.back());
      const uint32_t slot = free.back();
      free.pop_back();
      address[slot] = Ipv4Addr{static_cast<uint32_t>(random() % 200) << 8 | 9};
      const bool in = limiter.Enter(address[slot], slot);
      ASSERT_EQ(in, twin.Enter(address[slot].slash24(), slot));
      if (in) inside.push_back(slot);
    } else {
      std::swap(inside[random() % inside.size()], inside.back());
      const uint32_t slot = inside.back();
      inside.pop_back();
      const uint32_t next = limiter.Leave(address[slot], slot);
      ASSERT_EQ(next, twin.Leave(address[slot].slash24(), slot));
      free.push_back(slot);
      if (next != kNone) inside.push_back(next);
    }
  }
}

TEST(NetLimiter, PacketsToANetworkKeepItsRate) {
  NetLimiter limiter({.packets_per_second = 50}, 8, Key());
  int64_t now = kNsPerSecond;
  int sent = 0;
  const int64_t end = now + 20 * kNsPerSecond;
  while (now < end) {
    const int64_t due = limiter.NotBefore(kHost, now);
    if (due > now) {
      now = due;
      continue;
    }
    limiter.Charge(kHost, now);
    ++sent;
  }
  EXPECT_NEAR(sent, 50 * 20 + 5, 2);  // and the burst at the start
  EXPECT_EQ(limiter.NotBefore(kElsewhere, now), 0);
}

TEST(NetLimiter, PacketsThatDidNotAskDelayTheOthers) {
  NetLimiter limiter({.packets_per_second = 10}, 8, Key());
  const int64_t now = kNsPerSecond;
  for (int i = 0; i < 10; ++i) limiter.Charge(kHost, now);
  EXPECT_EQ(limiter.NotBefore(kHost, now), now + kNsPerSecond);
  EXPECT_EQ(limiter.NotBefore(kHost, now + kNsPerSecond), 0);
}

TEST(NetLimiter, MoreNetworksThanItRemembersAreStillLimited) {
  NetLimiter limiter({.packets_per_second = 1}, 8, Key());
  const int64_t now = kNsPerSecond;
  uint32_t allowed = 0;
  for (uint32_t net = 0; net < 300'000; ++net) {
    const Ipv4Addr address{net << 8};
    if (limiter.NotBefore(address, now) != 0) continue;
    limiter.Charge(address, now);
    ++allowed;
  }
  EXPECT_GT(allowed, 50'000u);
  EXPECT_LE(allowed, 65'536u);
}

}  // namespace
}  // namespace osprey::engine
