// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/batch_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace osprey::tools {
namespace {

struct Job {
  int number = 0;
  int result = 0;
  std::atomic<int> workers_in_it{0};
};

// Some jobs are much slower than others, so that fast workers come round the ring to slots where
// slow ones are still at work.
void Work(Job& job) {
  EXPECT_EQ(job.workers_in_it.fetch_add(1), 0);
  if (job.number % 7 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  job.result = job.number * 3;
  EXPECT_EQ(job.workers_in_it.fetch_sub(1), 1);
}

class BatchRingTest : public ::testing::TestWithParam<std::pair<size_t, size_t>> {};

TEST_P(BatchRingTest, EveryJobIsDoneOnceAndHandedOverInOrder) {
  const auto [workers, slots] = GetParam();
  std::vector<int> results;
  BatchRing<Job> ring(
      workers, slots, [](Job& job, size_t) { Work(job); },
      [&](Job& job) { results.push_back(job.result); });
  for (int i = 0; i < 500; ++i) {
    ring.Next().number = i;
    ring.Submit();
    if (i % 100 == 50) ring.Drain();
  }
  ring.Drain();
  ASSERT_EQ(results.size(), 500u);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(results[static_cast<size_t>(i)], i * 3);
}

INSTANTIATE_TEST_SUITE_P(Sizes, BatchRingTest,
                         ::testing::Values(std::pair{1, 1}, std::pair{1, 3}, std::pair{2, 6},
                                           std::pair{4, 4}, std::pair{4, 2}, std::pair{8, 24}));

TEST(BatchRing, EndsWithWorkUnderWay) {
  std::atomic<int> worked = 0;
  {
    BatchRing<Job> ring(
        3, 4,
        [&](Job& job, size_t) {
          Work(job);
          ++worked;
        },
        [](Job&) {});
    for (int i = 0; i < 4; ++i) {
      ring.Next().number = 7;
      ring.Submit();
    }
  }
  EXPECT_EQ(worked, 4);
}

TEST(BatchRing, EndsWithoutAnyWork) {
  const BatchRing<Job> ring(3, 9, [](Job&, size_t) {}, [](Job&) {});
}

}  // namespace
}  // namespace osprey::tools
