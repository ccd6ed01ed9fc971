// SPDX-License-Identifier: Apache-2.0
#include "io/frame_slab.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "io/send_ring.h"

namespace osprey::io {

absl::StatusOr<FrameSlab> FrameSlab::Create(size_t slots, size_t extra_bytes) {
  if (slots == 0 || slots > kMaxSlots) {
    return absl::InvalidArgumentError(
        absl::StrFormat("send ring: %d frame slots, must be 1 to %d", slots, kMaxSlots));
  }
  const size_t size_bytes = slots * SendRing::kFrameBytes + extra_bytes;
  void* memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("send ring: no memory for %d frames: %s", slots, std::strerror(errno)));
  }
  return FrameSlab(static_cast<std::byte*>(memory), slots, size_bytes);
}

FrameSlab::FrameSlab(FrameSlab&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      slots_(std::exchange(other.slots_, 0)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

FrameSlab& FrameSlab::operator=(FrameSlab&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(slots_, other.slots_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

FrameSlab::~FrameSlab() {
  if (data_ != nullptr) munmap(data_, size_bytes_);
}

}  // namespace osprey::io
