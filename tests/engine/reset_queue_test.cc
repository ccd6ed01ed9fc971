// SPDX-License-Identifier: Apache-2.0
#include "engine/reset_queue.h"

#include <gtest/gtest.h>

namespace osprey::engine {
namespace {

using Outcome = ResetQueue::Outcome;

PendingReset To(uint32_t host, HostOrderPort port = 80) {
  return {.to = {host}, .seq = host + 1, .from = 40000, .port = port, .next_hop = {}};
}

TEST(ResetQueue, IsFirstInFirstOutAcrossItsEnd) {
  ResetQueue queue(4, {});
  for (uint32_t round = 0; round < 10; ++round) {
    for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(queue.Push(To(round * 3 + i)), Outcome::kQueued);
    for (uint32_t i = 0; i < 3; ++i) {
      const PendingReset reset = queue.Pop();
      EXPECT_EQ(reset.to.host_order, round * 3 + i);
      EXPECT_EQ(reset.seq, round * 3 + i + 1);
    }
  }
  EXPECT_TRUE(queue.empty());
}

TEST(ResetQueue, AFullOneSaysSoAndForgetsNothingOfIt) {
  ResetQueue queue(2, {});
  EXPECT_EQ(queue.Push(To(1)), Outcome::kQueued);
  EXPECT_FALSE(queue.filling_up());
  EXPECT_EQ(queue.Push(To(2)), Outcome::kQueued);
  EXPECT_TRUE(queue.filling_up());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(queue.Push(To(3)), Outcome::kFull);
  queue.Clear();
  // What found no room does not count as answered.
  EXPECT_EQ(queue.Push(To(3)), Outcome::kQueued);
}

TEST(ResetQueue, AConnectionIsAnsweredAFewTimesOnly) {
  ResetQueue queue(ResetQueue::kCapacity, {});
  for (int i = 0; i < ResetQueue::kMostAnswers; ++i) {
    EXPECT_EQ(queue.Push(To(7)), Outcome::kQueued);
  }
  EXPECT_EQ(queue.Push(To(7)), Outcome::kAnsweredOften);
  EXPECT_EQ(queue.Push(To(7, 443)), Outcome::kQueued) << "another connection";
  EXPECT_EQ(queue.Push(To(8)), Outcome::kQueued) << "another host";
}

TEST(ResetQueue, AFloodOfForgedOnesDoesNotCostTheRealOneItsAnswer) {
  ResetQueue queue(ResetQueue::kCapacity, {});
  PendingReset forged = To(7);
  forged.proven = false;
  for (uint32_t i = 0; i < 100; ++i) {
    forged.seq = i;
    EXPECT_EQ(queue.Push(forged) == Outcome::kQueued, i < ResetQueue::kMostAnswers);
  }
  EXPECT_EQ(queue.Push(To(7)), Outcome::kQueued);
}

TEST(ResetQueue, WithoutCapacityItTakesNothing) {
  ResetQueue queue(0, {});
  EXPECT_EQ(queue.Push(To(1)), Outcome::kFull);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace osprey::engine
