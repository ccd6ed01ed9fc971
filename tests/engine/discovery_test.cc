// SPDX-License-Identifier: Apache-2.0
#include "engine/discovery.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/clock.h"

namespace osprey::engine {
namespace {

constexpr uint32_t kAny = 1 << 20;  // budget

class DiscoveryTest : public ::testing::Test {
 protected:
  DiscoveryTest() : targets_(MakeTargets()), order_(targets_.size(), DeriveKey(9, "permutation")) {
    plan_.targets = &targets_;
    plan_.order = &order_;
    plan_.part = ShardPlan(targets_.size(), {});
    plan_.steps = steps_;
    plan_.lane_key = DeriveKey(9, "lanes");
  }

  static TargetSet MakeTargets() {
    TargetSetBuilder builder;
    OSPREY_CHECK(builder.Add("10.0.0.0/22").ok());
    auto targets = builder.Build({});
    OSPREY_CHECK(targets.ok());
    return *std::move(targets);
  }

  // Everything that can be had at this moment.
  static std::vector<DiscoveryTarget> Take(Discovery& discovery, int64_t now,
                                           size_t most = SIZE_MAX) {
    std::vector<DiscoveryTarget> out;
    DiscoveryTarget target;
    while (out.size() < most && discovery.Next(now, kAny, {&target, 1}) > 0) out.push_back(target);
    return out;
  }
  static std::set<uint32_t> Indexes(const std::vector<DiscoveryTarget>& targets) {
    std::set<uint32_t> indexes;
    for (const DiscoveryTarget& target : targets) indexes.insert(target.index);
    return indexes;
  }

  const std::vector<DiscoveryStep> steps_ = {
      {ProbeKind::kSyn, 443}, {ProbeKind::kEcho, 0}, {ProbeKind::kSyn, 80}};
  TargetSet targets_;
  Permutation order_;
  DiscoveryPlan plan_;
  int64_t now_ = 10 * kNsPerSecond;
};

TEST_F(DiscoveryTest, EachPassVisitsEachTargetOnceAndPassesKeepTheirDistance) {
  DoneSet admitted(targets_.size());
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  for (uint32_t pass = 0; pass < 3; ++pass) {
    const auto taken = Take(discovery, now_);
    EXPECT_EQ(taken.size(), targets_.size());
    EXPECT_EQ(Indexes(taken).size(), targets_.size());
    for (const DiscoveryTarget& target : taken) {
      EXPECT_EQ(target.pass, pass);
      EXPECT_EQ(target.address, targets_.At(target.index));
    }
    EXPECT_EQ(discovery.position(), (pass + 1) * targets_.size());
    if (pass == 2) break;
    EXPECT_EQ(discovery.ResumeAt(), now_ + plan_.pass_lag_ns);
    EXPECT_TRUE(Take(discovery, now_ + plan_.pass_lag_ns - 1).empty());
    now_ += plan_.pass_lag_ns;
  }
  EXPECT_TRUE(discovery.done_walking());
  EXPECT_EQ(discovery.ResumeAt(), INT64_MAX);
}

TEST_F(DiscoveryTest, ASlowPassIsFollowedAtOnce) {
  DoneSet admitted(targets_.size());
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  Take(discovery, now_, targets_.size() - 1);
  now_ += 3 * plan_.pass_lag_ns;
  EXPECT_EQ(Take(discovery, now_).size(), 1 + targets_.size());
}

TEST_F(DiscoveryTest, WhoShowedLifeIsNotAskedAgain) {
  DoneSet admitted(targets_.size());
  for (uint32_t i = 0; i < 100; ++i) admitted.Set(i);
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  EXPECT_EQ(Take(discovery, now_).size(), targets_.size() - 100);
  for (uint32_t i = 0; i < 200; ++i) admitted.Set(i);
  now_ += plan_.pass_lag_ns;
  const auto taken = Take(discovery, now_);
  EXPECT_EQ(taken.size(), targets_.size() - 200);
  EXPECT_GE(*Indexes(taken).begin(), 200U);
}

TEST_F(DiscoveryTest, StopsWhenAWholePassFoundNobodyLeft) {
  DoneSet admitted(targets_.size());
  admitted.SetBelow(targets_.size());
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  EXPECT_TRUE(Take(discovery, now_).empty());
  EXPECT_TRUE(discovery.done_walking());
  EXPECT_TRUE(discovery.Finished(now_));
  EXPECT_EQ(discovery.position(), plan_.end());
}

TEST_F(DiscoveryTest, HalfAPassProvesNothing) {
  // Taken up in the middle of a pass: the first half may still hold somebody.
  DoneSet admitted(targets_.size());
  const uint64_t start = targets_.size() / 2;
  std::set<uint32_t> first_half;
  for (uint32_t position = 0; position < start; ++position) {
    first_half.insert(order_.Forward(position));
  }
  for (uint32_t i = 0; i < targets_.size(); ++i) {
    if (!first_half.contains(i)) admitted.Set(i);
  }
  Discovery discovery(&plan_, 0, &admitted, start, now_);
  EXPECT_TRUE(Take(discovery, now_).empty());
  EXPECT_FALSE(discovery.done_walking());
  now_ += plan_.pass_lag_ns;
  EXPECT_EQ(Indexes(Take(discovery, now_)), first_half);
}

TEST_F(DiscoveryTest, ManyAtATimeAreTheSameInTheSameOrderAndOfOnePass) {
  plan_.pass_lag_ns = 0;
  for (const uint32_t lanes : {1u, 3u}) {
    plan_.lanes = lanes;
    DoneSet admitted(targets_.size());
    for (uint32_t i = 0; i < targets_.size(); i += 7) admitted.Set(i);
    const uint32_t lane = plan_.LaneOf(targets_.At(0));
    Discovery singly(&plan_, lane, &admitted, 5, now_);
    Discovery together(&plan_, lane, &admitted, 5, now_);
    const std::vector<DiscoveryTarget> want = Take(singly, now_);
    std::vector<DiscoveryTarget> got;
    std::array<DiscoveryTarget, 100> some;
    for (size_t most = 1; !together.done_walking(); most = most % some.size() + 1) {
      const size_t count =
          together.Next(now_, static_cast<uint32_t>(3 * most), std::span(some).first(most));
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(some[i].pass, some[0].pass);
        got.push_back(some[i]);
      }
    }
    ASSERT_EQ(got.size(), want.size());
    EXPECT_GE(got.size(), plan_.passes() * 200);  // a /24 at least
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].index, want[i].index) << i;
      EXPECT_EQ(got[i].address, want[i].address) << i;
      EXPECT_EQ(got[i].pass, want[i].pass) << i;
    }
    EXPECT_EQ(together.position(), singly.position());
  }
}

TEST_F(DiscoveryTest, OneCallIsBounded) {
  DoneSet admitted(targets_.size());
  admitted.SetBelow(targets_.size() - 1);
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  DiscoveryTarget target;
  size_t calls = 0;
  while (discovery.position() < targets_.size()) {
    const uint64_t before = discovery.position();
    discovery.Next(now_, 10, {&target, 1});
    EXPECT_LE(discovery.position() - before, 10U);
    ++calls;
  }
  EXPECT_GE(calls, targets_.size() / 10);
}

TEST_F(DiscoveryTest, LanesShareTheTargetsAndPositionsMeanTheSameToAll) {
  plan_.lanes = 3;
  DoneSet admitted(targets_.size());
  std::map<uint32_t, uint32_t> lane_of;
  for (uint32_t lane = 0; lane < 3; ++lane) {
    Discovery discovery(&plan_, lane, &admitted, 0, now_);
    for (const DiscoveryTarget& target : Take(discovery, now_)) {
      EXPECT_TRUE(lane_of.emplace(target.index, lane).second);
      EXPECT_EQ(plan_.LaneOf(target.address), lane);
      // All of a /24 in one lane.
      EXPECT_EQ(plan_.LaneOf(Ipv4Addr{target.address.host_order ^ 0x55}), lane);
    }
    // A lane that owns nobody is through at once.
    EXPECT_TRUE(discovery.position() == targets_.size() || discovery.position() == plan_.end());
  }
  EXPECT_EQ(lane_of.size(), targets_.size());
}

TEST_F(DiscoveryTest, AStartInTheMiddleGivesTheRestOfTheWalk) {
  DoneSet admitted(targets_.size());
  Discovery whole(&plan_, 0, &admitted, 0, now_);
  std::vector<DiscoveryTarget> all;
  for (int pass = 0; pass < 3; ++pass, now_ += plan_.pass_lag_ns) {
    for (const DiscoveryTarget& target : Take(whole, now_)) all.push_back(target);
  }
  for (const uint64_t start : {uint64_t{1}, uint64_t{700}, uint64_t{1024}, uint64_t{2500}}) {
    Discovery rest(&plan_, 0, &admitted, start, now_);
    std::vector<DiscoveryTarget> taken;
    for (int pass = 0; pass < 3; ++pass, now_ += plan_.pass_lag_ns) {
      for (const DiscoveryTarget& target : Take(rest, now_)) taken.push_back(target);
    }
    ASSERT_EQ(taken.size(), all.size() - start);
    for (size_t i = 0; i < taken.size(); ++i) {
      ASSERT_EQ(taken[i].index, all[start + i].index);
      ASSERT_EQ(taken[i].pass, all[start + i].pass);
    }
  }
}

TEST_F(DiscoveryTest, TheReplyMarkIsWhereTheWalkWasAWindowAgo) {
  DoneSet admitted(targets_.size());
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  std::vector<std::pair<int64_t, uint64_t>> history;
  for (int step = 0; step < 1000; ++step) {
    Take(discovery, now_, 3);
    const uint64_t mark = discovery.ReplyMark(now_);
    history.emplace_back(now_, discovery.position());
    // Never beyond what was sent a whole window ago, and not much behind it.
    uint64_t sent_then = 0;
    uint64_t sent_earlier = 0;
    for (const auto& [time, position] : history) {
      if (time + plan_.reply_window_ns <= now_) sent_then = position;
      if (time + plan_.reply_window_ns + 200 * kNsPerMs <= now_) sent_earlier = position;
    }
    ASSERT_LE(mark, sent_then);
    ASSERT_GE(mark, sent_earlier);
    now_ += 7 * kNsPerMs;
  }
}

TEST_F(DiscoveryTest, FinishesAWindowAfterTheLastProbe) {
  plan_.steps = std::span(steps_).first(1);
  DoneSet admitted(targets_.size());
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  Take(discovery, now_);
  ASSERT_TRUE(discovery.done_walking());
  discovery.ReplyMark(now_);
  EXPECT_FALSE(discovery.Finished(now_ + plan_.reply_window_ns - 1));
  EXPECT_TRUE(discovery.Finished(now_ + plan_.reply_window_ns));
  EXPECT_EQ(discovery.ReplyMark(now_ + plan_.reply_window_ns), targets_.size());
}

TEST_F(DiscoveryTest, ARepeatGoesThroughAllStepsAgainAndMayBeTakenUp) {
  DoneSet admitted(targets_.size());
  Discovery discovery(&plan_, 0, &admitted, plan_.end(), now_);
  EXPECT_TRUE(discovery.done_walking());
  discovery.Repeat();
  EXPECT_EQ(Take(discovery, now_).size(), targets_.size());
  Discovery resumed(&plan_, 0, &admitted, plan_.end() + 5, now_);
  EXPECT_FALSE(resumed.done_walking());
  const auto taken = Take(resumed, now_);
  ASSERT_EQ(taken.size(), targets_.size() - 5);
  EXPECT_EQ(taken[0].index, order_.Forward(5));
}

TEST_F(DiscoveryTest, AShareVisitsItsPositionsOnly) {
  plan_.part = ShardPlan(targets_.size(), {.index = 1, .count = 4});
  DoneSet admitted(targets_.size());
  Discovery discovery(&plan_, 0, &admitted, 0, now_);
  const auto taken = Take(discovery, now_);
  EXPECT_EQ(taken.size(), targets_.size() / 4);
  for (const DiscoveryTarget& target : taken) EXPECT_EQ(order_.Inverse(target.index) % 4, 1U);
}

}  // namespace
}  // namespace osprey::engine
