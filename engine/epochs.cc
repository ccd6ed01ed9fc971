// SPDX-License-Identifier: Apache-2.0
#include "engine/epochs.h"

#include "base/check.h"

namespace osprey::engine {

void EpochLedger::Open(uint64_t mark) noexcept {
  const uint32_t current = current_.load(std::memory_order_relaxed);
  EpochEntry& now = Entry(current);
  OSPREY_DCHECK(mark >= now.mark.load(std::memory_order_relaxed));
  if (mark == now.mark.load(std::memory_order_relaxed)) return;
  if (current + 1 - oldest_.load(std::memory_order_acquire) >= kEpochs) return;
  EpochEntry& next = Entry(current + 1);
  next.mark.store(mark, std::memory_order_relaxed);
  next.admitted.store(0, std::memory_order_relaxed);
  next.settled.store(0, std::memory_order_relaxed);
  current_.store(current + 1, std::memory_order_release);
}

EpochLedger::EpochId EpochLedger::Admit() noexcept {
  const uint32_t current = current_.load(std::memory_order_relaxed);
  std::atomic<uint32_t>& admitted = Entry(current).admitted;
  admitted.store(admitted.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return static_cast<EpochId>(current);
}

void EpochLedger::Settle(EpochId epoch) noexcept {
  std::atomic<uint32_t>& settled = Entry(epoch).settled;
  settled.store(settled.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

uint64_t EpochLedger::LowWater() noexcept {
  const uint32_t current = current_.load(std::memory_order_acquire);
  uint32_t oldest = oldest_.load(std::memory_order_relaxed);
  while (oldest != current && Entry(oldest).settled.load(std::memory_order_relaxed) ==
                                  Entry(oldest).admitted.load(std::memory_order_acquire)) {
    ++oldest;
  }
  const uint64_t mark = Entry(oldest).mark.load(std::memory_order_relaxed);
  oldest_.store(oldest, std::memory_order_release);
  return mark;
}

bool EpochLedger::AllSettled() const noexcept {
  const uint32_t current = current_.load(std::memory_order_acquire);
  for (uint32_t id = oldest_.load(std::memory_order_relaxed); id != current + 1; ++id) {
    if (Entry(id).settled.load(std::memory_order_relaxed) !=
        Entry(id).admitted.load(std::memory_order_acquire)) {
      return false;
    }
  }
  return true;
}

}  // namespace osprey::engine
