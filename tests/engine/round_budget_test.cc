// SPDX-License-Identifier: Apache-2.0
#include "engine/round_budget.h"

#include <gtest/gtest.h>

#include "engine/delay_trend.h"

namespace osprey::engine {
namespace {

// Begins rounds as soon as the budget allows; each costs `packets` that are spread behind it.
int RoundsIn(RoundBudget& budget, int64_t& now, double seconds, double rate, int packets,
             bool idle = false) {
  const int64_t end = now + static_cast<int64_t>(seconds * 1e9);
  int rounds = 0;
  for (; now < end; now += kNsPerMs) {
    while (budget.next(idle) <= now) {
      budget.OnBegun(now, rate);
      budget.OnEnded(packets);
      ++rounds;
    }
  }
  return rounds;
}

TEST(RoundBudget, RoundsBeginAsOftenAsTheirPacketsFit) {
  for (const int packets : {10, 25, 60}) {
    RoundBudget budget;
    int64_t now = kNsPerSecond;
    RoundsIn(budget, now, 20, 10'000, packets);  // time to learn
    EXPECT_NEAR(budget.cost(), packets, 0.02 * packets);
    EXPECT_NEAR(RoundsIn(budget, now, 5, 10'000, packets), 5 * 1.05 * 10'000 / packets,
                0.02 * 50'000 / packets);
  }
}

TEST(RoundBudget, ARateThatIsNotUsedUpIsFilledFaster) {
  RoundBudget budget;
  int64_t now = kNsPerSecond;
  RoundsIn(budget, now, 5, 10'000, 25, true);
  EXPECT_NEAR(RoundsIn(budget, now, 5, 10'000, 25, true), 5 * 1.15 * 10'000 / 25, 40);
  EXPECT_LE(RoundsIn(budget, now, 0.5, 10'000, 25), 1);  // what was ahead is waited for
}

TEST(RoundBudget, NoBurstFollowsAPause) {
  RoundBudget budget;
  int64_t now = kNsPerSecond;
  RoundsIn(budget, now, 10, 10'000, 25);
  now += 60 * kNsPerSecond;
  EXPECT_LE(RoundsIn(budget, now, 0.01, 10'000, 25), 14);  // 30 ms' worth
}

TEST(RoundBudget, WithoutARateNothingWaits) {
  RoundBudget budget;
  for (int i = 0; i < 1000; ++i) {
    budget.OnBegun(kNsPerSecond, 0);
    EXPECT_LE(budget.next(false), kNsPerSecond);
  }
}

TEST(DelayTrend, ComparesProbesThatFollowEachOtherInOneRound) {
  DelayTrend trend(4);
  HostState host;
  host.serial = 1;
  host.generation = 7;
  EXPECT_EQ(trend.Follow(2, host, 0, 1000), std::nullopt);
  EXPECT_EQ(trend.Follow(2, host, 1, 1500), 500);
  EXPECT_EQ(trend.Follow(2, host, 2, 1200), -300);
  EXPECT_EQ(trend.Follow(2, host, 4, 9000), std::nullopt);  // SEQ4 was not answered
  EXPECT_EQ(trend.Follow(2, host, 5, 9001), 1);
}

TEST(DelayTrend, AnotherRoundOrHostBeginsAnew) {
  DelayTrend trend(4);
  HostState host;
  host.serial = 1;
  host.generation = 7;
  trend.Follow(2, host, 0, 1000);
  host.serial = 2;
  EXPECT_EQ(trend.Follow(2, host, 1, 1500), std::nullopt);
  host.generation = 8;
  EXPECT_EQ(trend.Follow(2, host, 2, 1500), std::nullopt);
  EXPECT_EQ(trend.Follow(3, host, 3, 1500), std::nullopt);
}

TEST(DelayTrend, OfNoSlotsFollowsNothing) {
  DelayTrend trend(0);
  HostState host;
  host.serial = 1;
  trend.Follow(2, host, 0, 1000);
  EXPECT_EQ(trend.Follow(2, host, 1, 1500), std::nullopt);
}

}  // namespace
}  // namespace osprey::engine
