// SPDX-License-Identifier: Apache-2.0
#include "io/mmsg_send_ring.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace osprey::io {
namespace {

constexpr size_t kIpDestinationOffset = 16;

}  // namespace

MmsgSendRing::MmsgSendRing(Destination destination, LinkLayer layer, FileDescriptor socket,
                           FrameSlab slab)
    : SendRing(layer, slab.data(), slab.slots()),
      destination_(destination),
      slab_owner_(std::move(slab)),
      socket_(std::move(socket)),
      messages_(kBatch),
      pieces_(kBatch),
      addresses_(destination == Destination::kIpHeader ? kBatch : 0),
      finished_(slots()) {
  for (size_t i = 0; i < kBatch; ++i) {
    messages_[i].msg_hdr.msg_iov = &pieces_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
    if (addresses_.empty()) continue;
    addresses_[i].sin_family = AF_INET;
    messages_[i].msg_hdr.msg_name = &addresses_[i];
    messages_[i].msg_hdr.msg_namelen = sizeof addresses_[i];
  }
}

std::string_view MmsgSendRing::name() const {
  return destination_ == Destination::kIpHeader ? "raw-ip" : "sendmmsg";
}

size_t MmsgSendRing::Submit(std::span<const SendEntry> frames) {
  counters_.submitted += frames.size();
  for (size_t done = 0; done < frames.size();) {
    const auto batch = frames.subspan(done, std::min(kBatch, frames.size() - done));
    Prepare(batch);
    SendPrepared(batch);
    done += batch.size();
  }
  return frames.size();
}

void MmsgSendRing::Prepare(std::span<const SendEntry> frames) {
  for (size_t i = 0; i < frames.size(); ++i) {
    std::byte* data = slab_ + size_t{frames[i].slot} * kFrameBytes;
    pieces_[i] = {.iov_base = data, .iov_len = frames[i].length};
    if (addresses_.empty()) continue;
    std::memcpy(&addresses_[i].sin_addr, data + kIpDestinationOffset, sizeof(in_addr));
  }
}

void MmsgSendRing::SendPrepared(std::span<const SendEntry> frames) {
  for (size_t next = 0; next < frames.size();) {
    ++counters_.system_calls;
    const int sent = sendmmsg(socket_.get(), &messages_[next],
                              static_cast<unsigned>(frames.size() - next), MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) {
      Finish(frames[next++], sent < 0 ? errno : EIO);
      continue;
    }
    for (int i = 0; i < sent; ++i) Finish(frames[next++], 0);
  }
}

void MmsgSendRing::Finish(const SendEntry& frame, int error) {
  CountResult(error);
  if (frame.tag == 0) {
    Release(frame.slot);
  } else {
    finished_.Push({.completion = {.tag = frame.tag, .error = error}, .slot = frame.slot});
  }
}

size_t MmsgSendRing::Reap(std::span<SendCompletion> out) {
  return finished_.PopInto(out, [this](uint32_t slot) { Release(slot); });
}

}  // namespace osprey::io
