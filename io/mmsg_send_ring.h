// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sends a batch with sendmmsg: where io_uring is refused, and for raw IP sockets.
//
// Every frame is finished when Submit returns; tagged ones wait for Reap. sendmmsg stops at the
// first frame that fails and tells the errno only when that frame is the first of a call, so the
// ring calls again from there, counts the failure, and goes on behind it: order is kept and each
// frame is tried to the end once.
//
// One thread at a time. Allocates nothing after construction, never blocks (MSG_DONTWAIT).

#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "io/file_descriptor.h"
#include "io/finished_queue.h"
#include "io/frame_slab.h"
#include "io/send_ring.h"

namespace osprey::io {

class MmsgSendRing final : public SendRing {
 public:
  // Where a frame goes.
  enum class Destination : uint8_t {
    kBoundLink,  // packet socket: wherever it is bound
    kIpHeader,   // raw IP socket: the destination address of the frame's own IP header
  };

  MmsgSendRing(Destination destination, LinkLayer layer, FileDescriptor socket, FrameSlab slab);

  // "sendmmsg", or "raw-ip" for Destination::kIpHeader.
  std::string_view name() const override;
  size_t Submit(std::span<const SendEntry> frames) override;
  size_t Reap(std::span<SendCompletion> out) override;

 private:
  // Frames per call: more win nothing (docs/send-rings.md), and the headers stay in cache.
  static constexpr size_t kBatch = 64;

  void Prepare(std::span<const SendEntry> frames);
  void SendPrepared(std::span<const SendEntry> frames);
  void Finish(const SendEntry& frame, int error);

  Destination destination_;
  FrameSlab slab_owner_;
  FileDescriptor socket_;
  std::vector<mmsghdr> messages_;       // kBatch
  std::vector<iovec> pieces_;           // kBatch
  std::vector<sockaddr_in> addresses_;  // kBatch, or none
  FinishedQueue finished_;
};

}  // namespace osprey::io
