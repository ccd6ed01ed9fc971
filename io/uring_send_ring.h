// SPDX-License-Identifier: Apache-2.0
#pragma once
// The default send ring: a batch of IORING_OP_SEND on a packet socket with one system call.
//
// The socket is a registered file, the submission queue has an entry for every frame slot, and
// the completion queue twice as many, so neither can run over. Each send carries MSG_DONTWAIT: it
// finishes inside io_uring_enter or fails with EAGAIN/ENOBUFS at once; nothing is handed to a
// worker thread, so frames leave in order and the stamp taken before Submit holds. Completions
// are matched to slots by user_data and read lazily.
//
// Flags, by measurement (docs/send-rings.md): IORING_SETUP_COOP_TASKRUN where the kernel has it.
// SINGLE_ISSUER and DEFER_TASKRUN win nothing here, since sends finish inline, and would tie the
// ring to the thread that made it. Registered buffers (WRITE_FIXED) are slower than SEND by
// about 6 %; zero-copy send answers EOPNOTSUPP on packet sockets.
//
// One thread at a time.

#include <liburing.h>

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "io/file_descriptor.h"
#include "io/frame_slab.h"
#include "io/send_ring.h"

namespace osprey::io {

class UringSendRing final : public SendRing {
 public:
  // `socket` as from OpenPacketSender. Unavailable, with the reason in words, if the kernel
  // refuses io_uring (kernel.io_uring_disabled, a seccomp filter) or is too old for it.
  static absl::StatusOr<std::unique_ptr<SendRing>> Create(LinkLayer layer, FileDescriptor socket,
                                                          FrameSlab slab);
  ~UringSendRing() override;

  std::string_view name() const override { return "io_uring"; }
  size_t Submit(std::span<const SendEntry> frames) override;
  size_t Reap(std::span<SendCompletion> out) override;

 private:
  UringSendRing(LinkLayer layer, FileDescriptor socket, FrameSlab slab);
  absl::Status Start();
  void Flush();

  FrameSlab slab_owner_;
  FileDescriptor socket_;
  io_uring ring_{};
  bool started_ = false;
  std::vector<uint64_t> tags_;  // by slot
};

}  // namespace osprey::io
