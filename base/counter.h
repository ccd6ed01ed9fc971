// SPDX-License-Identifier: Apache-2.0
#pragma once
// Event counters with names: written by one thread, read by any. Adding is a plain load and store,
// never a locked instruction. A set of counters is an array indexed by an enum whose last entry is
// kCount; the enum's folder gives the names.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace osprey {

class Counter {
 public:
  // The owning thread only.
  void Add(uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // Any thread. Never decreases.
  uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

template <class Enum>
class alignas(64) CounterSet {
 public:
  static constexpr size_t kSize = static_cast<size_t>(Enum::kCount);

  Counter& operator[](Enum which) { return counters_[static_cast<size_t>(which)]; }
  uint64_t operator[](Enum which) const { return counters_[static_cast<size_t>(which)].value(); }

 private:
  std::array<Counter, kSize> counters_;
};

}  // namespace osprey
