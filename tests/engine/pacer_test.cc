// SPDX-License-Identifier: Apache-2.0
#include "engine/pacer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "base/clock.h"
#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

constexpr int64_t kStart = 77'000'000'123;
constexpr uint32_t kBytes = 64;

struct Sent {
  uint64_t packets = 0;
  int64_t elapsed_ns = 0;
  double rate() const {
    return static_cast<double>(packets) * 1e9 / static_cast<double>(elapsed_ns);
  }
};

// A sender that sleeps until the pacer's deadline, wakes up up to `max_late_ns` late, and sends
// batches of up to 64.
Sent Simulate(Pacer& pacer, int64_t start_ns, int64_t duration_ns, int64_t max_late_ns,
              std::mt19937_64& random, uint32_t bytes = kBytes) {
  Sent sent;
  int64_t now = start_ns;
  while (now < start_ns + duration_ns) {
    const uint32_t n = pacer.Allowance(now, 64, bytes);
    pacer.Consume(n, uint64_t{n} * bytes);
    sent.packets += n;
    now += 200;  // what the loop itself takes
    const int64_t deadline = pacer.NextDeadline(now);
    if (deadline <= now) continue;
    now = deadline;
    if (max_late_ns > 0) now += static_cast<int64_t>(random() % static_cast<uint64_t>(max_late_ns));
  }
  sent.elapsed_ns = now - start_ns;
  return sent;
}

class PacerRates : public testing::TestWithParam<double> {};

TEST_P(PacerRates, PacketsPerSecondAreExactWithinOnePercent) {
  const double rate = GetParam();
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  // Long enough for 2,000 packets, and for a millisecond to be small.
  const auto duration = static_cast<int64_t>(std::max(2000e9 / rate, 0.5e9));
  Pacer pacer({.packets_per_second = rate}, kStart);
  const Sent sent = Simulate(pacer, kStart, duration, 60'000, random);
  EXPECT_NEAR(sent.rate() / rate, 1, 0.01);
}

TEST_P(PacerRates, BitsPerSecondAreExactWithinOnePercent) {
  const double rate = GetParam();
  std::mt19937_64 random(1);
  const auto duration = static_cast<int64_t>(std::max(2000e9 / rate, 0.5e9));
  Pacer pacer({.bits_per_second = rate * 84 * 8}, kStart);
  const Sent sent = Simulate(pacer, kStart, duration, 60'000, random, 84);
  EXPECT_NEAR(sent.rate() / rate, 1, 0.01);
}

INSTANTIATE_TEST_SUITE_P(OnePerSecondToTenMillion, PacerRates,
                         testing::Values(1, 3, 10, 99.5, 1e3, 12345, 1e5, 1e6, 3e6, 1e7));

TEST(Pacer, NoDriftOverAnHour) {
  Pacer pacer({.packets_per_second = 3}, kStart);  // a third of a second is no whole nanosecond
  std::mt19937_64 random(1);
  const Sent sent = Simulate(pacer, kStart, 3600 * kNsPerSecond, 0, random);
  EXPECT_EQ(sent.packets, 3u * 3600);
}

TEST(Pacer, TheSlowerLimitHolds) {
  std::mt19937_64 random(1);
  Pacer bits({.packets_per_second = 1e6, .bits_per_second = 1000 * 8 * 100}, kStart);
  EXPECT_NEAR(Simulate(bits, kStart, 2 * kNsPerSecond, 0, random, 100).rate(), 1000, 10);
  Pacer packets({.packets_per_second = 500, .bits_per_second = 1e9}, kStart);
  EXPECT_NEAR(Simulate(packets, kStart, 2 * kNsPerSecond, 0, random, 100).rate(), 500, 5);
}

TEST(Pacer, NoBurstFollowsAStall) {
  for (const double rate : {1.0, 1000.0, 1e6}) {
    Pacer pacer({.packets_per_second = rate}, kStart);
    pacer.Consume(pacer.Allowance(kStart, 1, kBytes), kBytes);
    const int64_t now = kStart + 10 * kNsPerSecond;
    const uint32_t burst = pacer.Allowance(now, 1'000'000, kBytes);
    EXPECT_EQ(burst, 1 + static_cast<uint32_t>(rate / 1000)) << rate;  // a millisecond's worth
    pacer.Consume(burst, burst * kBytes);
    EXPECT_LE(pacer.Allowance(now, 1'000'000, kBytes), burst / Pacer::kMakeUpShare) << rate;
    const int64_t interval = static_cast<int64_t>(1e9 / rate);
    const int64_t lost = 10 * kNsPerSecond - kNsPerMs - interval;
    EXPECT_NEAR(static_cast<double>(pacer.forfeited_ns()),
                static_cast<double>(lost - Pacer::kMostOwedNs), 2.0);
  }
}

// Most packets in any hundredth of a second, by what the rate allows in it.
double Burst(const std::vector<int64_t>& times, double rate) {
  size_t most = 0;
  for (size_t first = 0, behind = 0; first < times.size(); ++first) {
    while (behind < times.size() && times[behind] < times[first] + 10 * kNsPerMs) ++behind;
    most = std::max(most, behind - first);
  }
  return static_cast<double>(most) / (rate / 100);
}

// A sender that the machine keeps from running now and then, for up to 20 ms: 2 % of the time.
TEST(Pacer, StallsAreMadeUpWithoutABurst) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const double rate : {5'000.0, 100'000.0, 300'000.0}) {
    Pacer pacer({.packets_per_second = rate}, kStart);
    std::vector<int64_t> times;
    int64_t now = kStart;
    int64_t stall_at = kStart;
    while (now < kStart + 10 * kNsPerSecond) {
      const uint32_t n = pacer.Allowance(now, 256, kBytes);
      pacer.Consume(n, n * kBytes);
      times.insert(times.end(), n, now);
      now = std::max(now + 1000, pacer.NextDeadline(now));
      // The last second is for what is owed.
      if (now < stall_at || now > kStart + 9 * kNsPerSecond) continue;
      now += static_cast<int64_t>(random() % (20 * kNsPerMs));
      stall_at = now + static_cast<int64_t>(random() % kNsPerSecond);
    }
    const double measured =
        static_cast<double>(times.size()) * 1e9 / static_cast<double>(times.back() - times.front());
    EXPECT_NEAR(measured / rate, 1, 0.003) << rate;
    // The catch-up of a millisecond, and the make-up; with few packets one counts.
    EXPECT_LE(Burst(times, rate), 1.1 + 1.0 / 32 + 100 / rate + 0.01) << rate;
    EXPECT_EQ(pacer.forfeited_ns(), 0) << rate;
  }
}

TEST(Pacer, WhatIsOwedIsPaidAtAThirtySecondAndNoMore) {
  Pacer pacer({.packets_per_second = 1000}, kStart);
  pacer.Consume(pacer.Allowance(kStart, 1, kBytes), kBytes);
  int64_t now = kStart + 102 * kNsPerMs;  // a stall of 100 ms more than the catch-up
  const int64_t behind = now;
  uint64_t sent = 0;
  std::vector<uint64_t> by_second(5);
  for (; now < behind + 5 * kNsPerSecond; now = std::max(now + 1, pacer.NextDeadline(now))) {
    const uint32_t n = pacer.Allowance(now, 10, kBytes);
    pacer.Consume(n, n * kBytes);
    sent += n;
    by_second[static_cast<size_t>((now - behind) / kNsPerSecond)] += n;
  }
  EXPECT_NEAR(static_cast<double>(by_second[0]), 1032, 2);
  EXPECT_NEAR(static_cast<double>(by_second[1]), 1032, 2);
  EXPECT_NEAR(static_cast<double>(by_second[4]), 1000, 1);
  EXPECT_NEAR(static_cast<double>(sent), 5101, 2);
}

TEST(Pacer, TimeBeforeTheStartIsNotMadeUp) {
  Pacer pacer({.packets_per_second = 1000}, kStart);
  std::mt19937_64 random(1);
  const int64_t later = kStart + 3 * kNsPerSecond;
  EXPECT_NEAR(Simulate(pacer, later, 2 * kNsPerSecond, 0, random).rate(), 1000, 1);
}

TEST(Pacer, IdleTimeIsNotMadeUp) {
  Pacer pacer({.packets_per_second = 1000}, kStart);
  pacer.Consume(pacer.Allowance(kStart, 1, kBytes), kBytes);
  pacer.Idle();
  const int64_t later = kStart + 10 * kNsPerSecond;
  std::mt19937_64 random(1);
  const Sent sent = Simulate(pacer, later, 10 * kNsPerSecond, 0, random);
  EXPECT_NEAR(static_cast<double>(sent.packets), 10'001, 1);
  EXPECT_NEAR(static_cast<double>(pacer.forfeited_ns()),
              static_cast<double>(10 * kNsPerSecond - 2 * kNsPerMs), 2.0);
}

// Of two limits only one holds a sender back; the other is not owed anything for that.
TEST(Pacer, TheLimitThatDoesNotHoldIsOwedNothing) {
  std::mt19937_64 random(1);
  Pacer pacer({.packets_per_second = 1000, .bits_per_second = 8e6}, kStart);
  Simulate(pacer, kStart, 5 * kNsPerSecond, 0, random, 100);  // a tenth of the bytes
  const int64_t later = kStart + 5 * kNsPerSecond;
  EXPECT_NEAR(Simulate(pacer, later, 5 * kNsPerSecond, 0, random, 2000).rate(), 500, 2);
}

TEST(Pacer, SmallDelaysAreCaughtUpInFull) {
  Pacer pacer({.packets_per_second = 10'000}, kStart);
  uint64_t sent = 0;
  for (int64_t now = kStart; now < kStart + kNsPerSecond; now += 900'000) {
    const uint32_t n = pacer.Allowance(now, 1000, kBytes);
    pacer.Consume(n, n * kBytes);
    sent += n;
  }
  EXPECT_NEAR(static_cast<double>(sent), 10'000, 10);
  EXPECT_EQ(pacer.forfeited_ns(), 0);
}

TEST(Pacer, SendingWithoutAllowanceIsADebt) {
  Pacer pacer({.packets_per_second = 1000}, kStart);
  pacer.Consume(11, 11 * kBytes);
  EXPECT_EQ(pacer.Allowance(kStart, 100, kBytes), 0u);
  EXPECT_EQ(pacer.NextDeadline(kStart), kStart + 11 * kNsPerMs);
  EXPECT_EQ(pacer.Allowance(kStart + 11 * kNsPerMs - 1, 100, kBytes), 0u);
  EXPECT_EQ(pacer.Allowance(kStart + 11 * kNsPerMs, 100, kBytes), 1u);
}

// A sender for each of whose packets others send `answers` on its account: packets per second.
struct Billed {
  double own = 0;
  double all = 0;
};
Billed SendBilled(Pacer& pacer, int answers, int64_t duration_ns) {
  uint64_t own = 0, all = 0;
  int64_t now = kStart;
  for (; now < kStart + duration_ns; now = std::max(now + 1000, pacer.NextDeadline(now))) {
    const uint32_t n = pacer.Allowance(now, 256, kBytes);
    pacer.Consume(n, n * kBytes);
    own += n;
    all += n * static_cast<uint64_t>(1 + answers);
    for (uint32_t i = 0; i < n * static_cast<uint32_t>(answers); ++i) pacer.Bill(kBytes);
  }
  const auto seconds = static_cast<double>(now - kStart) / 1e9;
  return {static_cast<double>(own) / seconds, static_cast<double>(all) / seconds};
}

TEST(Pacer, WhatOthersSendOnOurAccountCounts) {
  for (const double rate : {100.0, 20'000.0, 500'000.0}) {
    Pacer packets({.packets_per_second = rate}, kStart);
    EXPECT_NEAR(SendBilled(packets, 1, 10 * kNsPerSecond).all / rate, 1, 0.01) << rate;
    Pacer bits({.bits_per_second = rate * kBytes * 8}, kStart);
    EXPECT_NEAR(SendBilled(bits, 1, 10 * kNsPerSecond).all / rate, 1, 0.01) << rate;
  }
}

TEST(Pacer, OthersTakeHalfOfTheRateAtMostAndForHalfASecondAfterwards) {
  Pacer pacer({.packets_per_second = 1000}, kStart);
  EXPECT_NEAR(SendBilled(pacer, 10, 10 * kNsPerSecond).own, 500, 5);
  uint64_t later = 0;
  for (int64_t now = kStart + 10 * kNsPerSecond; now < kStart + 12 * kNsPerSecond;
       now = std::max(now + 1000, pacer.NextDeadline(now))) {
    const uint32_t n = pacer.Allowance(now, 256, kBytes);
    pacer.Consume(n, n * kBytes);
    later += n;
  }
  EXPECT_NEAR(static_cast<double>(later), 1500, 10);
}

TEST(Pacer, TimeThatNobodyUsedPaysForOthers) {
  Pacer pacer({.packets_per_second = 1000}, kStart);
  pacer.Consume(pacer.Allowance(kStart, 1, kBytes), kBytes);
  pacer.Idle();
  for (int i = 0; i < 50; ++i) pacer.Bill(kBytes);
  const int64_t later = kStart + 100 * kNsPerMs;
  EXPECT_GT(pacer.Allowance(later, 10, kBytes), 0U);
  pacer.Consume(1, kBytes);
  EXPECT_LE(pacer.NextDeadline(later), later + kNsPerMs);  // nothing is owed any more
}

TEST(Pacer, AtTheDeadlineThereIsAlwaysAnAllowance) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Pacer pacer({.packets_per_second = 123'456.7, .bits_per_second = 60e6}, kStart);
  int64_t now = kStart;
  for (int i = 0; i < 100'000; ++i) {
    now = std::max(now, pacer.NextDeadline(now));
    const uint32_t n = pacer.Allowance(now, 1 + static_cast<uint32_t>(random() % 8), kBytes);
    ASSERT_GT(n, 0u);
    pacer.Consume(n, n * (kBytes + random() % 1000));
  }
}

TEST(Pacer, ZeroMeansNoLimit) {
  Pacer pacer({}, kStart);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(pacer.Allowance(kStart, 4096, kBytes), 4096u);
    pacer.Consume(4096, 4096 * kBytes);
    EXPECT_LE(pacer.NextDeadline(kStart), kStart);
  }
}

TEST(Pacer, ANewRateHoldsAtOnce) {
  std::mt19937_64 random(1);
  Pacer pacer({.packets_per_second = 1}, kStart);
  pacer.Consume(pacer.Allowance(kStart, 1, kBytes), kBytes);
  // A second's wait at the old rate must not delay the new one.
  pacer.SetLimits({.packets_per_second = 100'000}, kStart);
  EXPECT_LE(pacer.NextDeadline(kStart), kStart + 10'001);
  EXPECT_NEAR(Simulate(pacer, kStart, kNsPerSecond, 0, random).rate(), 100'000, 100);
  const int64_t later = kStart + kNsPerSecond;
  pacer.SetLimits({.packets_per_second = 10}, later);
  EXPECT_NEAR(Simulate(pacer, later, 100 * kNsPerSecond, 0, random).rate(), 10, 0.1);
}

TEST(Pacer, AMillionRateChangesDoNotAddUp) {
  Pacer pacer({.packets_per_second = 1000}, kStart);
  uint64_t sent = 0;
  int64_t now = kStart;
  for (int i = 0; i < 1'000'000; ++i, now += 10'000) {
    pacer.SetLimits({.packets_per_second = i % 2 == 0 ? 1500.0 : 500.0}, now);
    const uint32_t n = pacer.Allowance(now, 100, kBytes);
    pacer.Consume(n, n * kBytes);
    sent += n;
  }
  EXPECT_NEAR(static_cast<double>(sent), 10'000, 100);  // ten seconds at 1000 on average
}

}  // namespace
}  // namespace osprey
