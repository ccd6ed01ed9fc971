// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/channel.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace osprey::lab {
namespace {

TEST(Channel, WithoutImpairmentsIsTransparent) {
  Channel channel({}, 1);
  EXPECT_TRUE(channel.transparent());
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(channel.LosesProbe());
}

TEST(Channel, LosesTheShareAskedFor) {
  Channel channel({.loss = 0.1}, 7);
  EXPECT_FALSE(channel.transparent());
  int lost = 0;
  for (int i = 0; i < 10'000; ++i) lost += channel.LosesProbe() ? 1 : 0;
  EXPECT_NEAR(lost, 1000, 150);
  EXPECT_EQ(channel.counters().probes_lost, static_cast<uint64_t>(lost));
}

TEST(Channel, TheSameSeedLosesTheSamePackets) {
  Channel a({.loss = 0.3}, 9);
  Channel b({.loss = 0.3}, 9);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(a.LosesProbe(), b.LosesProbe());
}

TEST(Channel, WaitsAtMostUntilTheNextFrameIsDue) {
  Channel channel({.delay_ms = 20}, 1);
  EXPECT_TRUE(channel.delays());
  EXPECT_EQ(channel.MsUntilDue(0, 100), 100);
}

}  // namespace
}  // namespace osprey::lab
