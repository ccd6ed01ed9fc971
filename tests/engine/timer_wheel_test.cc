// SPDX-License-Identifier: Apache-2.0
#include "engine/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

constexpr int64_t kTick = int64_t{1} << TimerWheel::kDefaultTickShift;
constexpr int64_t kTurn = kTick << 16;
constexpr int64_t kStart = 5'000'000'123;

std::vector<uint32_t> FiredBy(TimerWheel& wheel, int64_t now_ns) {
  std::vector<uint32_t> fired;
  wheel.Advance(now_ns, [&](uint32_t id) { fired.push_back(id); });
  return fired;
}

TEST(TimerWheel, IsNeverEarlyAndLessThanATickLate) {
  for (int64_t after : {kTick, kTick + 1, 2 * kTick - 1, kTurn - 1, kTurn, 3 * kTurn + 5}) {
    TimerWheel wheel(1, kStart);
    wheel.Schedule(0, kStart + after);
    EXPECT_TRUE(FiredBy(wheel, kStart + after - 1).empty()) << after;
    EXPECT_EQ(FiredBy(wheel, kStart + after + kTick - 1), std::vector<uint32_t>{0}) << after;
    EXPECT_FALSE(wheel.IsArmed(0));
  }
}

TEST(TimerWheel, ATimerFiresOnce) {
  TimerWheel wheel(2, kStart);
  wheel.Schedule(1, kStart + 100'000);
  EXPECT_EQ(FiredBy(wheel, kStart + 200'000).size(), 1u);
  EXPECT_TRUE(FiredBy(wheel, kStart + 10 * kTurn).empty());
  EXPECT_EQ(wheel.armed_count(), 0u);
}

TEST(TimerWheel, SchedulingAgainMovesTheTimer) {
  TimerWheel wheel(1, kStart);
  wheel.Schedule(0, kStart + 100'000);
  wheel.Schedule(0, kStart + 900'000);
  EXPECT_EQ(wheel.armed_count(), 1u);
  EXPECT_TRUE(FiredBy(wheel, kStart + 500'000).empty());
  EXPECT_EQ(FiredBy(wheel, kStart + 1'000'000).size(), 1u);
}

TEST(TimerWheel, ADeadlineInThePastFiresInTheNextTick) {
  TimerWheel wheel(1, kStart);
  wheel.Schedule(0, 0);
  EXPECT_EQ(FiredBy(wheel, kStart + kTick).size(), 1u);
}

TEST(TimerWheel, FiresInOrderOfDeadlineAndInOrderOfSchedulingWithinATick) {
  TimerWheel wheel(100, kStart);
  for (uint32_t id = 0; id < 50; ++id) wheel.Schedule(id, kStart + (50 - id) * 3 * kTick);
  for (uint32_t id = 50; id < 100; ++id) wheel.Schedule(id, kStart + 1000 * kTick);
  std::vector<uint32_t> want;
  for (uint32_t i = 0; i < 50; ++i) want.push_back(49 - i);
  for (uint32_t i = 50; i < 100; ++i) want.push_back(i);
  EXPECT_EQ(FiredBy(wheel, kStart + 2000 * kTick), want);
}

TEST(TimerWheel, ACallbackMayCancelAndRescheduleAnyTimer) {
  TimerWheel wheel(6, kStart);
  const int64_t at = kStart + 10 * kTick;
  for (uint32_t id = 0; id < 5; ++id) wheel.Schedule(id, at);
  std::vector<uint32_t> fired;
  wheel.Advance(at + kTick, [&](uint32_t id) {
    fired.push_back(id);
    if (id == 0) {
      wheel.Cancel(1);                // the next in line
      wheel.Schedule(2, at + kTurn);  // the one after it, to the same slot a turn later
      wheel.Schedule(0, at + kTurn);  // itself
      wheel.Cancel(5);                // not armed
    }
    if (id == 3) wheel.Cancel(4);  // the last
  });
  EXPECT_EQ(fired, (std::vector<uint32_t>{0, 3}));
  EXPECT_EQ(wheel.armed_count(), 2u);
  EXPECT_EQ(FiredBy(wheel, at + kTurn + kTick), (std::vector<uint32_t>{2, 0}));
}

TEST(TimerWheel, WhatACallbackSchedulesBeforeNowFiresInTheSameCall) {
  TimerWheel wheel(1, kStart);
  wheel.Schedule(0, kStart + 10 * kTick);
  int times = 0;
  wheel.Advance(kStart + 100 * kTick, [&](uint32_t id) {
    if (++times < 5) wheel.Schedule(id, kStart);  // long past: one tick later each time
  });
  EXPECT_EQ(times, 5);
}

TEST(TimerWheel, NextDeadlineIsNeverLaterThanTheFirstTimer) {
  TimerWheel wheel(3, kStart);
  EXPECT_EQ(wheel.NextDeadline(), TimerWheel::kNever);
  wheel.Schedule(0, kStart + 7'000'000);
  EXPECT_GE(wheel.NextDeadline(), kStart + 7'000'000);
  EXPECT_LT(wheel.NextDeadline(), kStart + 7'000'000 + kTick);
  wheel.Schedule(1, kStart + 3 * kTurn + 1'000'000);  // passes by before, in every turn
  EXPECT_LE(wheel.NextDeadline(), kStart + 1'000'000 + kTick);
  EXPECT_EQ(FiredBy(wheel, wheel.NextDeadline()).size(), 0u);
  EXPECT_EQ(FiredBy(wheel, wheel.NextDeadline()), std::vector<uint32_t>{0});
}

TEST(TimerWheel, AfterALongPauseEverythingDueFires) {
  TimerWheel wheel(1000, kStart);
  for (uint32_t id = 0; id < 1000; ++id) wheel.Schedule(id, kStart + id * (kTurn / 100));
  const int64_t now = kStart + 500 * (kTurn / 100) + kTick;
  EXPECT_EQ(FiredBy(wheel, now).size(), 501u);
  EXPECT_EQ(wheel.armed_count(), 499u);
  EXPECT_EQ(FiredBy(wheel, kStart + 1000 * kTurn).size(), 499u);
}

TEST(TimerWheel, TimeThatGoesBackIsIgnored) {
  TimerWheel wheel(1, kStart);
  EXPECT_TRUE(FiredBy(wheel, kStart + kTurn).empty());
  wheel.Schedule(0, kStart + kTurn + 100 * kTick);
  EXPECT_TRUE(FiredBy(wheel, kStart).empty());
  EXPECT_EQ(FiredBy(wheel, kStart + kTurn + 101 * kTick).size(), 1u);
}

// The slow twin: a sorted multimap of rounded-up deadlines.
class SortedTimers {
 public:
  SortedTimers(int64_t start_ns, int shift) : shift_(shift), tick_(start_ns >> shift) {}

  void Schedule(uint32_t id, int64_t deadline_ns) {
    Cancel(id);
    const int64_t size = int64_t{1} << shift_;
    by_tick_.emplace(std::max((deadline_ns + size - 1) / size, tick_ + 1), id);
  }
  void Cancel(uint32_t id) {
    std::erase_if(by_tick_, [&](const auto& entry) { return entry.second == id; });
  }
  std::vector<uint32_t> Advance(int64_t now_ns) {
    std::vector<uint32_t> fired;
    tick_ = std::max(tick_, now_ns >> shift_);
    while (!by_tick_.empty() && by_tick_.begin()->first <= tick_) {
      fired.push_back(by_tick_.begin()->second);
      by_tick_.erase(by_tick_.begin());
    }
    return fired;
  }
  int64_t FirstDeadline() const {
    return by_tick_.empty() ? TimerWheel::kNever : by_tick_.begin()->first << shift_;
  }
  size_t size() const { return by_tick_.size(); }

 private:
  int shift_;
  int64_t tick_;
  std::multimap<int64_t, uint32_t> by_tick_;  // equal keys stay in order of insertion
};

class TimerWheelAgainstTwin : public testing::TestWithParam<int> {};

TEST_P(TimerWheelAgainstTwin, RandomOperationsAgree) {
  const int shift = GetParam();
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr uint32_t kTimers = 200;
  const int64_t tick = int64_t{1} << shift;
  int64_t now = kStart;
  TimerWheel wheel(kTimers, now, shift);
  SortedTimers twin(now, shift);
  // Mostly short deadlines, some over several turns, some in the past.
  const auto random_deadline = [&] {
    const int64_t spans[] = {tick, 50 * tick, 5'000 * tick, tick << 16, tick << 18};
    return std::max<int64_t>(
        0, now - 2 * tick +
               static_cast<int64_t>(random() % static_cast<uint64_t>(spans[random() % 5])));
  };
  for (int step = 0; step < 60'000; ++step) {
    const auto id = static_cast<uint32_t>(random() % kTimers);
    const uint64_t what = random() % 100;
    if (what < 60) {
      const int64_t deadline = random_deadline();
      wheel.Schedule(id, deadline);
      twin.Schedule(id, deadline);
    } else if (what < 75) {
      wheel.Cancel(id);
      twin.Cancel(id);
    } else {
      // Less than a turn: beyond that the order is not promised.
      const int64_t spans[] = {tick / 4 + 1, 10 * tick, 2'000 * tick, 60'000 * tick};
      now += static_cast<int64_t>(random() % static_cast<uint64_t>(spans[random() % 4]));
      ASSERT_EQ(FiredBy(wheel, now), twin.Advance(now)) << "step " << step;
    }
    ASSERT_EQ(wheel.armed_count(), twin.size()) << "step " << step;
    ASSERT_LE(wheel.NextDeadline(), twin.FirstDeadline()) << "step " << step;
    if (twin.size() > 0) {
      ASSERT_GT(wheel.NextDeadline(), now - tick) << "step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(TickShifts, TimerWheelAgainstTwin, testing::Values(0, 13, 20));

}  // namespace
}  // namespace osprey
