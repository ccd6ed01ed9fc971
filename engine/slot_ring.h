// SPDX-License-Identifier: Apache-2.0
#pragma once
// A FIFO of slot numbers with fixed capacity: no method allocates after construction. One thread.

#include <cstdint>
#include <vector>

#include "base/check.h"

namespace osprey::engine {

class SlotRing {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  explicit SlotRing(uint32_t capacity) : slots_(capacity) {}

  bool empty() const { return count_ == 0; }
  uint32_t size() const { return count_; }
  uint32_t front() const { return slots_[first_]; }

  // The slot that `ahead` more calls of Pop come before; kNone if there is none.
  uint32_t Peek(uint32_t ahead) const {
    if (ahead >= count_) return kNone;
    const size_t at = size_t{first_} + ahead;
    return slots_[at >= slots_.size() ? at - slots_.size() : at];
  }
  // REQUIRES: size() < capacity.
  void Push(uint32_t slot) {
    OSPREY_DCHECK(count_ < slots_.size());
    size_t at = size_t{first_} + count_;
    if (at >= slots_.size()) at -= slots_.size();
    slots_[at] = slot;
    ++count_;
  }
  // REQUIRES: !empty().
  uint32_t Pop() {
    const uint32_t slot = slots_[first_];
    first_ = first_ + 1 == slots_.size() ? 0 : first_ + 1;
    --count_;
    return slot;
  }

 private:
  std::vector<uint32_t> slots_;
  uint32_t first_ = 0;
  uint32_t count_ = 0;
};

}  // namespace osprey::engine
