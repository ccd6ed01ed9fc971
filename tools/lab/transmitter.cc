// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/transmitter.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/status_macros.h"
#include "io/packet_socket.h"

namespace osprey::lab {

absl::StatusOr<std::unique_ptr<Transmitter>> Transmitter::Open(const io::Link& link) {
  OSPREY_ASSIGN_OR_RETURN(io::FileDescriptor socket, io::OpenPacketSender(link.name, link.index));
  return std::make_unique<Transmitter>(std::move(socket));
}

Transmitter::Transmitter(io::FileDescriptor out, Way way)
    : out_(std::move(out)),
      way_(way),
      slab_(kBatch * kFrameBytes),
      pieces_(kBatch),
      messages_(kBatch) {
  for (size_t i = 0; i < kBatch; ++i) {
    pieces_[i].iov_base = slab_.data() + i * kFrameBytes;
    messages_[i].msg_hdr.msg_iov = &pieces_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

void Transmitter::Flush() {
  if (way_ == Way::kMessages) {
    SendMessages();
  } else {
    WriteFrames();
  }
  used_ = 0;
}

void Transmitter::SendMessages() {
  for (size_t next = 0; next < used_;) {
    const int taken =
        sendmmsg(out_.get(), &messages_[next], static_cast<unsigned>(used_ - next), MSG_DONTWAIT);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) {
      ++refused_;
      ++next;
      continue;
    }
    sent_ += static_cast<uint64_t>(taken);
    next += static_cast<size_t>(taken);
  }
}

void Transmitter::WriteFrames() {
  for (size_t next = 0; next < used_;) {
    const ssize_t written = write(out_.get(), pieces_[next].iov_base, pieces_[next].iov_len);
    if (written < 0 && errno == EINTR) continue;
    ++(written < 0 ? refused_ : sent_);
    ++next;
  }
}

}  // namespace osprey::lab
