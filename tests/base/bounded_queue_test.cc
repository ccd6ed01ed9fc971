// SPDX-License-Identifier: Apache-2.0
#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace osprey {
namespace {

TEST(BoundedQueue, OneProducerFillsItsWholeShareAndNoMore) {
  BoundedQueue<int, 4096> queue(1);
  BoundedQueue<int, 4096>::Producer in(queue);
  int pushed = 0;
  while (pushed < 10'000 && in.TryPush(pushed)) ++pushed;
  EXPECT_EQ(pushed, 4096);
  int out = -1;
  ASSERT_TRUE(queue.TryPop(out));
  EXPECT_EQ(out, 0);
}

TEST(BoundedQueue, AFullQueueWorksAgainOnceEmptied) {
  BoundedQueue<int, 1024> queue(1);
  BoundedQueue<int, 1024>::Producer in(queue);
  std::array<int, 128> out;
  for (int round = 0; round < 100; ++round) {
    int pushed = 0;
    while (in.TryPush(pushed)) ++pushed;
    ASSERT_EQ(pushed, 1024) << round;
    size_t popped = 0;
    while (const size_t n = queue.TryPopBatch(out.data(), out.size())) popped += n;
    ASSERT_EQ(popped, 1024u);
  }
}

TEST(BoundedQueue, ABusyProducerDoesNotStarveTheOthers) {
  BoundedQueue<int, 256> queue(3);
  BoundedQueue<int, 256>::Producer greedy(queue), second(queue), third(queue);
  while (greedy.TryPush(1)) {
  }
  int pushed = 0;
  for (int i = 0; i < 256; ++i) pushed += second.TryPush(2) + third.TryPush(3);
  EXPECT_EQ(pushed, 512);
}

TEST(BoundedQueue, EveryEntryComesOutOnceInItsProducersOrder) {
  constexpr int kProducers = 3;
  constexpr int kEach = 50'000;
  BoundedQueue<int, 512> queue(kProducers);
  std::vector<std::thread> threads;
  for (int p = 0; p < kProducers; ++p) {
    threads.emplace_back([&queue, p] {
      BoundedQueue<int, 512>::Producer in(queue);
      for (int i = 0; i < kEach;) {
        if (in.TryPush(p * kEach + i)) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::array<int, kProducers> next{};
  std::array<int, 64> out;
  for (int seen = 0; seen < kProducers * kEach;) {
    const size_t n = queue.TryPopBatch(out.data(), out.size());
    if (n == 0) std::this_thread::yield();
    for (size_t i = 0; i < n; ++i) {
      const size_t producer = static_cast<size_t>(out[i] / kEach);
      ASSERT_EQ(out[i] % kEach, next[producer]++);
    }
    seen += static_cast<int>(n);
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace osprey
