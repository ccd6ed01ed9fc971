// SPDX-License-Identifier: Apache-2.0
#pragma once
// The memory of a ring's frames: `slots` buffers of SendRing::kFrameBytes in one page-aligned,
// already touched mapping, so that sending never faults a page in; `extra_bytes` for other uses
// of the ring lie behind them. Movable; the bytes stay where
// they are when the owner object moves.

#include <cstddef>

#include "absl/status/statusor.h"

namespace osprey::io {

class FrameSlab {
 public:
  // ResourceExhausted if the memory cannot be had; InvalidArgument for 0 slots or more than
  // kMaxSlots. Contents are zero.
  static constexpr size_t kMaxSlots = 32768;
  static absl::StatusOr<FrameSlab> Create(size_t slots, size_t extra_bytes = 0);

  FrameSlab(FrameSlab&& other) noexcept;
  FrameSlab& operator=(FrameSlab&& other) noexcept;
  ~FrameSlab();

  std::byte* data() const { return data_; }
  size_t slots() const { return slots_; }
  size_t size_bytes() const { return size_bytes_; }

 private:
  FrameSlab(std::byte* data, size_t slots, size_t size_bytes)
      : data_(data), slots_(slots), size_bytes_(size_bytes) {}

  std::byte* data_;
  size_t slots_;
  size_t size_bytes_;
};

}  // namespace osprey::io
