// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

namespace osprey {
namespace {

int64_t Read(clockid_t id) noexcept {
  timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * kNsPerSecond + t.tv_nsec;
}

class KernelClock final : public Clock {
 public:
  int64_t MonotonicNs() const noexcept override { return Read(CLOCK_MONOTONIC); }
  int64_t RealtimeNs() const noexcept override { return Read(CLOCK_REALTIME); }
};

}  // namespace

const Clock& Clock::Real() {
  static const KernelClock clock;
  return clock;
}

}  // namespace osprey
