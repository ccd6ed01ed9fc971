// SPDX-License-Identifier: Apache-2.0
#pragma once
// The low-water mark of one lane: the position in the scan below which every host is either in the
// synced journal or not alive (decision 19).
//
// Model: the lane cuts its progress into epochs. Opening an epoch fixes a mark: no host admitted
// from then on was probed at a position below it. Each admitted host belongs to the epoch that was
// current at that moment, and is settled once its record is synced (or it was found to need none).
// The low-water mark is that of the oldest epoch with an unsettled host, or of the current one.
// O(1) memory whatever the number of hosts in flight.
//
// Threads: the lane calls Open and Admit, the writer's thread calls Settle and LowWater.
//
// Invariants:
//   1. Marks never decrease from one epoch to the next.
//   2. `admitted` of an epoch changes only while it is current; so once the writer has seen a
//      newer epoch, settled == admitted means that the older one is over for good.

#include <array>
#include <atomic>
#include <cstdint>

namespace osprey::engine {

class EpochLedger {
 public:
  static constexpr uint32_t kEpochs = 1024;  // ring; ids are taken modulo 2^16
  using EpochId = uint16_t;

  explicit EpochLedger(uint64_t first_mark) {
    Entry(0).mark.store(first_mark, std::memory_order_relaxed);
  }

  // Lane. Starts a new epoch at `mark`, unless the ring is full: then the current one goes on,
  // which is only less sharp. REQUIRES: mark >= all earlier marks.
  void Open(uint64_t mark) noexcept;
  // Lane. Counts a host in and returns its epoch.
  EpochId Admit() noexcept;

  // Writer.
  void Settle(EpochId epoch) noexcept;
  uint64_t LowWater() noexcept;
  // Writer. No host is unsettled (so far).
  bool AllSettled() const noexcept;

 private:
  struct EpochEntry {
    std::atomic<uint64_t> mark{0};
    std::atomic<uint32_t> admitted{0};
    std::atomic<uint32_t> settled{0};
  };
  EpochEntry& Entry(uint32_t id) { return ring_[id % kEpochs]; }
  const EpochEntry& Entry(uint32_t id) const { return ring_[id % kEpochs]; }

  std::array<EpochEntry, kEpochs> ring_;
  std::atomic<uint32_t> current_{0};  // written by the lane
  std::atomic<uint32_t> oldest_{0};   // written by the writer
};

}  // namespace osprey::engine
