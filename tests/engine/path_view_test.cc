// SPDX-License-Identifier: Apache-2.0
#include "engine/path_view.h"

#include <gtest/gtest.h>

#include <cmath>

namespace osprey {
namespace {

// `pairs` answers whose round trips changed by `growth_us` each, and by `noise_us` up and down.
RateSample Pairs(uint64_t pairs, int64_t growth_us, int64_t noise_us = 0) {
  RateSample d;
  d.delay_pairs = pairs;
  for (uint64_t i = 0; i < pairs; ++i) {
    const int64_t change = growth_us + (i % 2 == 0 ? noise_us : -noise_us);
    (change > 0 ? d.delay_grown_us : d.delay_shrunk_us) += static_cast<uint64_t>(std::abs(change));
  }
  return d;
}

TEST(PathView, SequenceProbesComeBeforeRepeats) {
  const PathView view = ViewOf(
      {.sequence_due = 100, .sequence_kept = 90, .answered_first = 100, .answered_second = 50});
  EXPECT_DOUBLE_EQ(view.loss, 0.1);
  EXPECT_FALSE(view.late);
  const PathView late =
      ViewOf({.sequence_due = 3, .sequence_kept = 0, .answered_first = 100, .answered_second = 50});
  EXPECT_DOUBLE_EQ(late.loss, 0.5);
  EXPECT_TRUE(late.late);
}

TEST(PathView, TooLittleSaysNothing) {
  const PathView view = ViewOf({.sent = 100, .live_probes = 5, .sequence_due = 19});
  EXPECT_LT(view.loss, 0);
  EXPECT_LT(view.yield, 0);
  EXPECT_EQ(view.prohibited, 0);
  EXPECT_LT(ViewOf({}).prohibited, 0);
}

TEST(PathView, CountersReadOneAfterTheOtherMakeNoNegativeLoss) {
  EXPECT_EQ(ViewOf({.sequence_due = 100, .sequence_kept = 101}).loss, 0);
}

TEST(QueueGauge, FollowsAQueueThatFillsAndDrains) {
  QueueGauge gauge;
  for (int i = 0; i < 5; ++i) gauge.Add(Pairs(1000, 5000), 0.1);  // 5 % too fast
  EXPECT_NEAR(gauge.queue_s(), 0.025, 0.002);
  EXPECT_NEAR(gauge.growth(), 0.05, 1e-9);
  EXPECT_TRUE(gauge.Fills());
  gauge.Add(Pairs(1000, -5000), 0.1);
  EXPECT_TRUE(gauge.Filled());
  EXPECT_FALSE(gauge.Fills());
  for (int i = 0; i < 5; ++i) gauge.Add(Pairs(1000, -5000), 0.1);
  EXPECT_EQ(gauge.queue_s(), 0);
  EXPECT_FALSE(gauge.Filled());
}

TEST(QueueGauge, OneHiccupIsNoQueue) {
  QueueGauge gauge;
  gauge.Add(Pairs(1000, 40'000), 0.1);
  EXPECT_FALSE(gauge.Fills());
  gauge.Add(Pairs(1000, -40'000), 0.1);
  EXPECT_FALSE(gauge.Fills());
}

TEST(QueueGauge, NoiseNeedsMorePairs) {
  QueueGauge few;
  QueueGauge many;
  for (int i = 0; i < 6; ++i) {
    few.Add(Pairs(10, 5000, 40'000), 0.1);
    many.Add(Pairs(10'000, 5000, 40'000), 0.1);
  }
  EXPECT_FALSE(few.Filled());
  EXPECT_TRUE(many.Fills());
}

TEST(QueueGauge, ErrorsOfMeasurementDoNotAddUp) {
  QueueGauge gauge;
  for (int i = 0; i < 10'000; ++i) gauge.Add(Pairs(1000, 200), 0.1);  // 0.2 % for ever
  EXPECT_EQ(gauge.queue_s(), 0);
}

TEST(QueueGauge, TooFewPairsSayNothing) {
  QueueGauge gauge;
  for (int i = 0; i < 10; ++i) gauge.Add(Pairs(9, 90'000), 0.1);
  EXPECT_EQ(gauge.queue_s(), 0);
}

}  // namespace
}  // namespace osprey
