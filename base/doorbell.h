// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wakes one sleeping consumer thread. Ringing costs one atomic load while the consumer is awake.
//
// Use: the consumer calls Prepare(), looks at its queues once more, and then WaitUntil() if they
// are still empty, else Cancel(). A producer pushes first and rings afterwards. Either the
// consumer sees the entry in its second look, or the producer sees the sleeping flag.

#include <atomic>
#include <cstdint>

namespace osprey {

class Doorbell {
 public:
  // Consumer.
  void Prepare() noexcept { sleeping_.store(1, std::memory_order_seq_cst); }
  void Cancel() noexcept { sleeping_.store(0, std::memory_order_relaxed); }
  // Sleeps until rung or until CLOCK_MONOTONIC reaches `deadline_ns`.
  void WaitUntil(int64_t deadline_ns) noexcept;

  // Any thread.
  void Ring() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_relaxed) != 0) Wake();
  }

 private:
  void Wake() noexcept;

  std::atomic<uint32_t> sleeping_{0};
};

}  // namespace osprey
