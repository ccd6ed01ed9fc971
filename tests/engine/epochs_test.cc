// SPDX-License-Identifier: Apache-2.0
#include "engine/epochs.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "base/bounded_queue.h"
#include "tests/engine/plan_testing.h"

namespace osprey::engine {
namespace {

TEST(EpochLedger, StaysBelowTheOldestUnsettledHost) {
  EpochLedger ledger(100);
  EXPECT_EQ(ledger.LowWater(), 100U);
  const auto first = ledger.Admit();
  ledger.Open(200);
  const auto second = ledger.Admit();
  ledger.Open(300);
  EXPECT_EQ(ledger.LowWater(), 100U);
  EXPECT_FALSE(ledger.AllSettled());
  ledger.Settle(second);
  EXPECT_EQ(ledger.LowWater(), 100U);
  ledger.Settle(first);
  EXPECT_EQ(ledger.LowWater(), 300U);
  EXPECT_TRUE(ledger.AllSettled());
}

TEST(EpochLedger, TheCurrentEpochHoldsItsOwnMark) {
  EpochLedger ledger(0);
  ledger.Open(50);
  const auto epoch = ledger.Admit();
  EXPECT_EQ(ledger.LowWater(), 50U);
  ledger.Settle(epoch);
  EXPECT_EQ(ledger.LowWater(), 50U);
  ledger.Open(60);
  EXPECT_EQ(ledger.LowWater(), 60U);
}

TEST(EpochLedger, AFullRingOnlyLosesSharpness) {
  EpochLedger ledger(0);
  const auto stuck = ledger.Admit();
  for (uint64_t mark = 1; mark < 5000; ++mark) {
    ledger.Open(mark);
    ledger.Settle(ledger.Admit());
  }
  EXPECT_EQ(ledger.LowWater(), 0U);
  ledger.Settle(stuck);
  const uint64_t mark = ledger.LowWater();
  EXPECT_GT(mark, 1000U);
  EXPECT_LT(mark, 5000U);
  ledger.Open(6000);
  EXPECT_EQ(ledger.LowWater(), 6000U);
}

// The obvious twin keeps every unsettled host with the mark under which it came in.
TEST(EpochLedger, NeverPassesAnUnsettledHostAndAlwaysCatchesUp) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  EpochLedger ledger(0);
  std::multimap<uint64_t, EpochLedger::EpochId> unsettled;
  uint64_t mark = 0;
  uint64_t last = 0;
  for (int step = 0; step < 300'000; ++step) {
    switch (random() % 5) {
      case 0:
        mark += random() % 3;
        ledger.Open(mark);
        break;
      case 1:
      case 2:
        if (unsettled.size() < 50) unsettled.emplace(mark, ledger.Admit());
        break;
      default:
        if (unsettled.empty()) break;
        auto at = unsettled.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(random() % unsettled.size()));
        ledger.Settle(at->second);
        unsettled.erase(at);
    }
    const uint64_t low = ledger.LowWater();
    ASSERT_GE(low, last);
    ASSERT_LE(low, unsettled.empty() ? mark : unsettled.begin()->first);
    ASSERT_EQ(ledger.AllSettled(), unsettled.empty());
    last = low;
  }
  while (!unsettled.empty()) {
    ledger.Settle(unsettled.begin()->second);
    unsettled.erase(unsettled.begin());
  }
  ledger.LowWater();
  ledger.Open(mark + 1);
  EXPECT_EQ(ledger.LowWater(), mark + 1);
}

TEST(EpochLedger, HoldsBetweenALaneAndAWriter) {
  struct Host {
    uint64_t mark;
    EpochLedger::EpochId epoch;
  };
  using Queue = BoundedQueue<Host, 1024>;
  auto ledger = std::make_unique<EpochLedger>(0);
  Queue queue(1);
  constexpr uint64_t kHosts = 100'000;
  std::thread lane([&] {
    Queue::Producer producer(queue);
    for (uint64_t i = 0; i < kHosts; ++i) {
      ledger->Open(i / 3);
      const Host host{i / 3, ledger->Admit()};
      while (!producer.TryPush(host)) std::this_thread::yield();
    }
  });
  // Settles in another order than they came: a window of sixteen, the oldest last.
  std::deque<Host> held;
  uint64_t settled = 0;
  uint64_t last = 0;
  while (settled < kHosts) {
    Host host{};
    if (queue.TryPop(host)) held.push_back(host);
    if (held.size() > 16 || (settled + held.size() == kHosts && !held.empty())) {
      ledger->Settle(held.back().epoch);
      held.pop_back();
      ++settled;
      if (held.size() > 8) {
        ledger->Settle(held.front().epoch);
        held.pop_front();
        ++settled;
      }
    }
    const uint64_t low = ledger->LowWater();
    ASSERT_GE(low, last);
    for (const Host& waiting : held) ASSERT_LE(low, waiting.mark);
    last = low;
  }
  lane.join();
  EXPECT_TRUE(ledger->AllSettled());
}

}  // namespace
}  // namespace osprey::engine
