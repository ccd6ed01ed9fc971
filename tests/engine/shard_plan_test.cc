// SPDX-License-Identifier: Apache-2.0
#include "engine/shard_plan.h"

#include <gtest/gtest.h>

#include <vector>

namespace osprey {
namespace {

TEST(Shard, ReadsIOfN) {
  EXPECT_EQ(*Shard::Parse("1/1"), (Shard{0, 1}));
  EXPECT_EQ(*Shard::Parse("2/5"), (Shard{1, 5}));
  for (const char* bad : {"", "1", "0/5", "6/5", "1/0", "a/5", "1/5x", "-1/5", "1/2/3", "1/ 5"}) {
    EXPECT_FALSE(Shard::Parse(bad).ok()) << bad;
  }
}

TEST(Sample, ReadsNumbersAndPercentages) {
  EXPECT_EQ(Sample::Parse("1000")->Of(5000), 1000u);
  EXPECT_EQ(Sample::Parse("1000")->Of(50), 50u);
  EXPECT_EQ(Sample::Parse("0.5%")->Of(1000), 5u);
  EXPECT_EQ(Sample::Parse("0.001%")->Of(1000), 1u);
  EXPECT_EQ(Sample::Parse("100%")->Of(uint64_t{1} << 32), uint64_t{1} << 32);
  EXPECT_EQ(Sample{}.Of(77), 77u);
  EXPECT_EQ(Sample::Parse("50%")->Of(0), 0u);
  for (const char* bad : {"", "0", "%", "0%", "101%", "-1", "nan%", "inf%", "1e400%", "5 %", "x"}) {
    EXPECT_FALSE(Sample::Parse(bad).ok()) << bad;
  }
}

TEST(ShardPlan, AllSharesTogetherAreTheWholeAndNoTwoMeet) {
  for (uint64_t total = 0; total <= 70; ++total) {
    for (uint32_t count = 1; count <= 75; ++count) {
      std::vector<int> visits(total);
      for (uint32_t index = 0; index < count; ++index) {
        const ShardPlan plan(total, {index, count});
        for (uint64_t step = 0; step < plan.size(); ++step) {
          const uint64_t position = plan.PositionAt(step);
          ASSERT_LT(position, total);
          ++visits[position];
          ASSERT_EQ(plan.StepOf(position), step);
        }
      }
      for (const int n : visits) ASSERT_EQ(n, 1) << total << " in " << count;
    }
  }
}

TEST(ShardPlan, PositionsOfOthersHaveNoStep) {
  const ShardPlan plan(100, {1, 3});
  EXPECT_FALSE(plan.StepOf(0));
  EXPECT_EQ(plan.StepOf(1), 0u);
  EXPECT_EQ(plan.StepOf(97), 32u);
  EXPECT_FALSE(plan.StepOf(100));
}

TEST(ShardPlan, SharesDivideTheSample) {
  const Sample sample = *Sample::Parse("10");
  uint64_t sum = 0;
  for (uint32_t index = 0; index < 4; ++index) {
    const ShardPlan plan(1000, {index, 4}, sample);
    EXPECT_EQ(plan.sampled(), 10u);
    EXPECT_FALSE(plan.StepOf(10 + index));
    sum += plan.size();
  }
  EXPECT_EQ(sum, 10u);
}

TEST(ShardPlan, WorksAtTheEdgesOfIpv4) {
  const uint64_t total = uint64_t{1} << 32;
  const ShardPlan last(total, {0xFFFFFFFE, 0xFFFFFFFF});
  EXPECT_EQ(last.size(), 1u);
  EXPECT_EQ(last.PositionAt(0), 0xFFFFFFFEu);
  const ShardPlan first(total, {0, 0xFFFFFFFF});
  EXPECT_EQ(first.size(), 2u);
  EXPECT_EQ(first.PositionAt(1), 0xFFFFFFFFu);
}

}  // namespace
}  // namespace osprey
