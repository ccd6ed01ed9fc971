// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sends frames of any size a link takes, in batches. The project's send rings are made for probes
// and hold 384 bytes a frame; answers quote whole packets and return echo data, so the lab has a
// sender of its own: sendmmsg, or one write a frame where the link is a file (tun); every buffer is
// free again when Flush returns.
//
// One thread. Allocates nothing after Open, never blocks: what the link does not take is counted.

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "io/file_descriptor.h"
#include "io/link.h"

namespace osprey::lab {

class Transmitter {
 public:
  static constexpr size_t kFrameBytes = 1536;
  static constexpr size_t kBatch = 128;

  // Errors as those of io::OpenPacketSender.
  static absl::StatusOr<std::unique_ptr<Transmitter>> Open(const io::Link& link);
  // kMessages: over any connected socket that keeps the borders of messages. kWrites: over a file
  // in which each write is a frame.
  enum class Way : uint8_t { kMessages, kWrites };
  explicit Transmitter(io::FileDescriptor out, Way way = Way::kMessages);

  // The next buffer to write a frame into; Commit makes it part of the batch, which is sent when
  // full. Without Commit the same buffer is handed out again.
  std::span<std::byte> Next() { return {slab_.data() + used_ * kFrameBytes, kFrameBytes}; }
  void Commit(size_t bytes) {
    pieces_[used_++].iov_len = bytes;
    if (used_ == kBatch) Flush();
  }
  void Flush();

  uint64_t sent() const { return sent_; }
  uint64_t refused() const { return refused_; }  // the link's queue was full, or it failed

 private:
  void SendMessages();
  void WriteFrames();

  io::FileDescriptor out_;
  Way way_;
  std::vector<std::byte> slab_;
  std::vector<iovec> pieces_;
  std::vector<mmsghdr> messages_;
  size_t used_ = 0;
  uint64_t sent_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace osprey::lab
