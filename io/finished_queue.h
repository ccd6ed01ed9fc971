// SPDX-License-Identifier: Apache-2.0
#pragma once
// Completions of tagged frames that wait for Reap, in rings that finish frames inside Submit. A
// first-in first-out ring of fixed capacity: one entry per frame slot is always enough, because
// a slot stays taken until its completion is read. One thread.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/send_ring.h"

namespace osprey::io {

struct FinishedFrame {
  SendCompletion completion;
  uint32_t slot = 0;
};

class FinishedQueue {
 public:
  explicit FinishedQueue(size_t slots) : entries_(std::bit_ceil(slots)) {}

  void Push(const FinishedFrame& frame) { entries_[tail_++ & (entries_.size() - 1)] = frame; }

  // Moves up to out.size() completions out, oldest first; calls release(slot) for each.
  template <class Release>
  size_t PopInto(std::span<SendCompletion> out, Release release) {
    size_t count = 0;
    for (; count < out.size() && head_ != tail_; ++head_, ++count) {
      const FinishedFrame& frame = entries_[head_ & (entries_.size() - 1)];
      out[count] = frame.completion;
      release(frame.slot);
    }
    return count;
  }

 private:
  std::vector<FinishedFrame> entries_;
  size_t head_ = 0;
  size_t tail_ = 0;
};

}  // namespace osprey::io
