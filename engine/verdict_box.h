// SPDX-License-Identifier: Apache-2.0
#pragma once
// Verdicts on their way back from the matcher shards to a lane (decision 17): the one edge of the
// pipeline that goes back, so it must never be full.
//
// Model: one link for each slot of the lane's host table, and a list of those that hold a verdict.
// A host owes at most one verdict, so a link is in the list at most once and there is always room:
// Put cannot fail. Producers push with one compare-and-swap; the lane takes the whole list at
// once, which is why a link that comes back (ABA) does no harm.
//
// Memory: 8 bytes a slot, whatever the number of shards. Nothing allocates after construction.
//
// Invariants:
//   1. A slot is either the lane's (its link is unused) or in the list, from Put until Drain has
//      visited it.
//   2. What a shard wrote before Put is visible to the visit.

#include <atomic>
#include <cstdint>
#include <memory>

#include "engine/host_state.h"

namespace osprey::engine {

class VerdictBox {
 public:
  // Slots are 0..slots-1. REQUIRES: slots < 2^32 - 1.
  explicit VerdictBox(uint32_t slots) : links_(std::make_unique<Link[]>(slots)) {}
  VerdictBox(const VerdictBox&) = delete;
  VerdictBox& operator=(const VerdictBox&) = delete;

  // Any thread. REQUIRES: no verdict of this slot is in the box.
  void Put(uint32_t slot, RoundVerdict verdict) noexcept {
    Link& link = links_[slot];
    link.verdict = verdict;
    link.next = newest_.load(std::memory_order_relaxed);
    while (!newest_.compare_exchange_weak(link.next, slot, std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
  }

  // The lane. Calls visit(slot, verdict) for at most `max` verdicts, each once; returns how many.
  template <class Visit>
  uint32_t Drain(uint32_t max, Visit&& visit) {
    uint32_t count = 0;
    for (; count < max; ++count) {
      if (taken_ == kNone) taken_ = newest_.exchange(kNone, std::memory_order_acquire);
      if (taken_ == kNone) break;
      const uint32_t slot = taken_;
      const RoundVerdict verdict = links_[slot].verdict;
      taken_ = links_[slot].next;  // before the visit: afterwards the slot may be put again
      visit(slot, verdict);
    }
    return count;
  }

  // The lane. Whether Drain would find nothing at this moment. Sequentially consistent, so that it
  // may be the second look of a doorbell (base/doorbell.h).
  bool empty() const noexcept {
    return taken_ == kNone && newest_.load(std::memory_order_seq_cst) == kNone;
  }

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  struct Link {
    uint32_t next = kNone;
    RoundVerdict verdict = RoundVerdict::kFinished;
  };

  std::unique_ptr<Link[]> links_;
  uint32_t taken_ = kNone;  // what is left of the list that was taken last; the lane's
  alignas(64) std::atomic<uint32_t> newest_{kNone};
};

}  // namespace osprey::engine
