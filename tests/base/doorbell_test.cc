// SPDX-License-Identifier: Apache-2.0
#include "base/doorbell.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/bounded_queue.h"
#include "base/clock.h"

namespace osprey {
namespace {

TEST(Doorbell, ReturnsAtTheDeadlineWhenNobodyRings) {
  Doorbell bell;
  bell.Prepare();
  const int64_t deadline = Clock::Real().MonotonicNs() + 2 * kNsPerMs;
  bell.WaitUntil(deadline);
  EXPECT_GE(Clock::Real().MonotonicNs(), deadline);
}

// A lost wake-up would leave the consumer asleep until its far deadline, with entries unseen.
TEST(Doorbell, NoWakeUpIsLost) {
  constexpr int kEntries = 20'000;
  BoundedQueue<int, 64> queue(1);
  Doorbell bell;
  std::atomic<int> timeouts{0};
  std::thread consumer([&] {
    for (int seen = 0; seen < kEntries;) {
      int entry;
      if (queue.TryPop(entry)) {
        ++seen;
        continue;
      }
      bell.Prepare();
      if (queue.TryPop(entry)) {
        bell.Cancel();
        ++seen;
        continue;
      }
      const int64_t deadline = Clock::Real().MonotonicNs() + 20 * kNsPerSecond;
      bell.WaitUntil(deadline);
      if (Clock::Real().MonotonicNs() >= deadline) ++timeouts;
    }
  });
  BoundedQueue<int, 64>::Producer in(queue);
  for (int i = 0; i < kEntries;) {
    if (in.TryPush(i)) {
      ++i;
      bell.Ring();
    } else {
      std::this_thread::yield();
    }
  }
  consumer.join();
  EXPECT_EQ(timeouts, 0);
}

}  // namespace
}  // namespace osprey
