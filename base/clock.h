// SPDX-License-Identifier: Apache-2.0
#pragma once
// Two clocks, two types of nanoseconds. Deadlines and pacing run on the monotonic clock; capture
// stamps are real time, so sends record both and round-trip times use real time only.

#include <atomic>
#include <cstdint>

namespace osprey {

inline constexpr int64_t kNsPerUs = 1'000;
inline constexpr int64_t kNsPerMs = 1'000'000;
inline constexpr int64_t kNsPerSecond = 1'000'000'000;

// Where time comes from. Any thread may call; no method blocks or allocates.
class Clock {
 public:
  virtual ~Clock() = default;
  // CLOCK_MONOTONIC, in nanoseconds. Never steps.
  virtual int64_t MonotonicNs() const noexcept = 0;
  // CLOCK_REALTIME, in nanoseconds since 1970. May step.
  virtual int64_t RealtimeNs() const noexcept = 0;

  // The kernel's clocks.
  static const Clock& Real();
};

// Time that moves only when told to; tests drive hours of scan with it. Real time runs in step
// with monotonic time at a fixed offset unless StepRealtime is called.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(int64_t monotonic_ns = kNsPerSecond,
                     int64_t realtime_ns = 1'700'000'000 * kNsPerSecond)
      : monotonic_ns_(monotonic_ns), offset_ns_(realtime_ns - monotonic_ns) {}

  int64_t MonotonicNs() const noexcept override { return monotonic_ns_.load(); }
  int64_t RealtimeNs() const noexcept override { return monotonic_ns_.load() + offset_ns_.load(); }

  void Advance(int64_t ns) { monotonic_ns_ += ns; }
  // REQUIRES: not in the past.
  void SetMonotonic(int64_t ns) { monotonic_ns_ = ns; }
  void StepRealtime(int64_t ns) { offset_ns_ += ns; }

 private:
  std::atomic<int64_t> monotonic_ns_;
  std::atomic<int64_t> offset_ns_;
};

}  // namespace osprey
