// SPDX-License-Identifier: Apache-2.0
#include "base/thread_setup.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <array>
#include <thread>

namespace osprey {
namespace {

TEST(ThreadSetup, ALongNameIsCutToWhatTheKernelKeeps) {
  std::thread([] {
    NameThisThread("a name longer than sixteen");
    std::array<char, 32> name{};
    ASSERT_EQ(pthread_getname_np(pthread_self(), name.data(), name.size()), 0);
    EXPECT_STREQ(name.data(), "a name longer t");
  }).join();
}

TEST(ThreadSetup, APinnedThreadRunsOnItsProcessor) {
  const auto processors = UsableProcessors();
  ASSERT_FALSE(processors.empty());
  for (const int processor : processors) {
    std::thread([processor] {
      ASSERT_TRUE(PinThisThread(processor));
      EXPECT_EQ(sched_getcpu(), processor);
      EXPECT_EQ(UsableProcessors(), std::vector<int>{processor});
    }).join();
  }
}

TEST(ThreadSetup, AProcessorThatDoesNotExistIsRefused) {
  std::thread([] { EXPECT_FALSE(PinThisThread(CPU_SETSIZE - 1)); }).join();
}

}  // namespace
}  // namespace osprey
