// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/transmitter.h"

#include <cerrno>
#include <utility>

#include "base/status_macros.h"
#include "io/packet_socket.h"

namespace osprey::lab {

absl::StatusOr<std::unique_ptr<Transmitter>> Transmitter::Open(const io::Link& link) {
  OSPREY_ASSIGN_OR_RETURN(io::FileDescriptor socket, io::OpenPacketSender(link.name, link.index));
  return std::make_unique<Transmitter>(std::move(socket));
}

Transmitter::Transmitter(io::FileDescriptor socket)
    : socket_(std::move(socket)), slab_(kBatch * kFrameBytes), pieces_(kBatch), messages_(kBatch) {
  for (size_t i = 0; i < kBatch; ++i) {
    pieces_[i].iov_base = slab_.data() + i * kFrameBytes;
    messages_[i].msg_hdr.msg_iov = &pieces_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

void Transmitter::Flush() {
  for (size_t next = 0; next < used_;) {
    const int taken = sendmmsg(socket_.get(), &messages_[next], static_cast<unsigned>(used_ - next),
                               MSG_DONTWAIT);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) {
      ++refused_;
      ++next;
      continue;
    }
    sent_ += static_cast<uint64_t>(taken);
    next += static_cast<size_t>(taken);
  }
  used_ = 0;
}

}  // namespace osprey::lab
