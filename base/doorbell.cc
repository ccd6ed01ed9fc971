// SPDX-License-Identifier: Apache-2.0
#include "base/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

#include "base/clock.h"

namespace osprey {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

long Futex(std::atomic<uint32_t>* word, int operation, uint32_t value, const timespec* deadline) {
  return syscall(SYS_futex, static_cast<void*>(word), operation, value, deadline, nullptr,
                 FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void Doorbell::WaitUntil(int64_t deadline_ns) noexcept {
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time.
  const timespec deadline{.tv_sec = deadline_ns / kNsPerSecond,
                          .tv_nsec = deadline_ns % kNsPerSecond};
  Futex(&sleeping_, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 1, &deadline);
  sleeping_.store(0, std::memory_order_relaxed);
}

void Doorbell::Wake() noexcept {
  if (sleeping_.exchange(0) != 0) {
    Futex(&sleeping_, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr);
  }
}

}  // namespace osprey
