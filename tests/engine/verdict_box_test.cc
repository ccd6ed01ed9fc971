// SPDX-License-Identifier: Apache-2.0
#include "engine/verdict_box.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace osprey::engine {
namespace {

TEST(VerdictBox, GivesEachVerdictOnceWithItsSlot) {
  VerdictBox box(4);
  EXPECT_TRUE(box.empty());
  box.Put(3, RoundVerdict::kNextRound);
  box.Put(0, RoundVerdict::kFinished);
  EXPECT_FALSE(box.empty());
  std::vector<std::pair<uint32_t, RoundVerdict>> seen;
  const auto note = [&](uint32_t slot, RoundVerdict verdict) { seen.emplace_back(slot, verdict); };
  EXPECT_EQ(box.Drain(10, note), 2U);
  std::sort(seen.begin(), seen.end());
  const std::vector<std::pair<uint32_t, RoundVerdict>> want = {{0, RoundVerdict::kFinished},
                                                               {3, RoundVerdict::kNextRound}};
  EXPECT_EQ(seen, want);
  EXPECT_TRUE(box.empty());
  EXPECT_EQ(box.Drain(10, note), 0U);
}

TEST(VerdictBox, StopsAtTheLimitAndGoesOnFromThere) {
  VerdictBox box(100);
  for (uint32_t slot = 0; slot < 100; ++slot) box.Put(slot, RoundVerdict::kFinished);
  std::vector<int> seen(100);
  const auto note = [&](uint32_t slot, RoundVerdict) { ++seen[slot]; };
  EXPECT_EQ(box.Drain(30, note), 30U);
  EXPECT_FALSE(box.empty());
  EXPECT_EQ(box.Drain(30, note), 30U);
  EXPECT_EQ(box.Drain(100, note), 40U);
  EXPECT_EQ(seen, std::vector<int>(100, 1));
}

TEST(VerdictBox, ASlotMayBePutAgainFromItsVisit) {
  VerdictBox box(2);
  box.Put(0, RoundVerdict::kFinished);
  box.Put(1, RoundVerdict::kFinished);
  int visits = 0;
  while (box.Drain(1, [&](uint32_t slot, RoundVerdict) {
    if (++visits < 50) box.Put(slot, RoundVerdict::kNextRound);
  }) > 0) {
  }
  EXPECT_EQ(visits, 51);
}

// The life of slots between a lane and several shards: a slot goes out with a number, comes back
// as a verdict with what the shard wrote, and goes out again at once.
TEST(VerdictBox, NothingIsLostOrDoubledBetweenThreads) {
  constexpr uint32_t kSlots = 64;
  constexpr uint32_t kShards = 3;
  constexpr uint32_t kTrips = 400;
  VerdictBox box(kSlots);
  std::vector<std::atomic<uint32_t>> outgoing(kSlots);  // 0: nothing for the shards
  std::vector<uint32_t> written(kSlots);                // by the shard, before Put
  std::vector<uint32_t> trips(kSlots);
  std::atomic<bool> stop{false};
  for (auto& trip : outgoing) trip.store(1);
  std::vector<std::thread> shards;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    shards.emplace_back([&, shard] {
      while (!stop.load()) {
        for (uint32_t slot = shard; slot < kSlots; slot += kShards) {
          const uint32_t trip = outgoing[slot].exchange(0);
          if (trip == 0) continue;
          written[slot] = trip;
          box.Put(slot, trip % 2 == 0 ? RoundVerdict::kFinished : RoundVerdict::kNextRound);
        }
      }
    });
  }
  uint32_t back = 0;
  while (back < kSlots * kTrips) {
    back += box.Drain(7, [&](uint32_t slot, RoundVerdict verdict) {
      ++trips[slot];
      EXPECT_EQ(written[slot], trips[slot]);
      EXPECT_EQ(verdict == RoundVerdict::kFinished, trips[slot] % 2 == 0);
      if (trips[slot] < kTrips) outgoing[slot].store(trips[slot] + 1);
    });
  }
  stop.store(true);
  for (auto& shard : shards) shard.join();
  EXPECT_TRUE(box.empty());
  EXPECT_EQ(trips, std::vector<uint32_t>(kSlots, kTrips));
}

}  // namespace
}  // namespace osprey::engine
