// SPDX-License-Identifier: Apache-2.0
#include "bench/bare_sends.h"

#include <liburing.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "io/packet_socket.h"

namespace osprey::io {
namespace {

FileDescriptor Socket(const Link& link, bool opaque_frames = true) {
  auto fd = OpenPacketSender(link.name, link.index, {.opaque_frames = opaque_frames});
  OSPREY_CHECK(fd.ok());
  return *std::move(fd);
}

uint64_t BareSend(int fd, int64_t deadline_ns) {
  const auto frame = PrebuiltFrame(LinkLayer::kEthernet);
  uint64_t sent = 0;
  while (Before(deadline_ns)) {
    for (int i = 0; i < 64; ++i) {
      if (send(fd, frame.data(), frame.size(), MSG_DONTWAIT) > 0) ++sent;
    }
  }
  return sent;
}

uint64_t BareSendmmsg(int fd, int64_t deadline_ns) {
  auto frame = PrebuiltFrame(LinkLayer::kEthernet);
  iovec piece{.iov_base = frame.data(), .iov_len = frame.size()};
  std::array<mmsghdr, 64> messages{};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
  }
  uint64_t sent = 0;
  while (Before(deadline_ns)) {
    const int count = sendmmsg(fd, messages.data(), messages.size(), MSG_DONTWAIT);
    if (count > 0) sent += static_cast<uint64_t>(count);
  }
  return sent;
}

// `registered`: IORING_OP_WRITE_FIXED from a registered buffer instead of IORING_OP_SEND.
uint64_t BareUring(int fd, unsigned flags, bool registered, int64_t deadline_ns) {
  constexpr unsigned kBatch = 64;
  auto frame = PrebuiltFrame(LinkLayer::kEthernet);
  io_uring ring{};
  if (io_uring_queue_init(kBatch, &ring, flags) < 0) return 0;
  io_uring_register_files(&ring, &fd, 1);
  const iovec buffer{.iov_base = frame.data(), .iov_len = frame.size()};
  if (registered) io_uring_register_buffers(&ring, &buffer, 1);
  uint64_t sent = 0;
  while (Before(deadline_ns)) {
    for (unsigned i = 0; i < kBatch; ++i) {
      io_uring_sqe* sqe = io_uring_get_sqe(&ring);
      if (registered) {
        io_uring_prep_write_fixed(sqe, 0, frame.data(), frame.size(), 0, 0);
      } else {
        io_uring_prep_send(sqe, 0, frame.data(), frame.size(), MSG_DONTWAIT);
      }
      sqe->flags |= IOSQE_FIXED_FILE;
    }
    io_uring_submit(&ring);
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring, head, cqe) {
      ++seen;
      if (cqe->res > 0) ++sent;
    }
    io_uring_cq_advance(&ring, seen);
  }
  io_uring_queue_exit(&ring);
  return sent;
}

// PACKET_TX_RING (TPACKET_V2): frames lie in memory shared with the kernel, 64 to a call.
class BareTxRing {
 public:
  explicit BareTxRing(const Link& link) : fd_(Socket(link)) {
    const int version = TPACKET_V2;
    tpacket_req layout{.tp_block_size = 1 << 16,
                       .tp_block_nr = kFrames * kFrameSize >> 16,
                       .tp_frame_size = kFrameSize,
                       .tp_frame_nr = kFrames};
    OSPREY_CHECK(setsockopt(fd_.get(), SOL_PACKET, PACKET_VERSION, &version, sizeof version) == 0);
    OSPREY_CHECK(setsockopt(fd_.get(), SOL_PACKET, PACKET_TX_RING, &layout, sizeof layout) == 0);
    void* memory =
        mmap(nullptr, kFrames * kFrameSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    OSPREY_CHECK(memory != MAP_FAILED);
    memory_ = static_cast<std::byte*>(memory);
    const auto frame = PrebuiltFrame(LinkLayer::kEthernet);
    for (size_t i = 0; i < kFrames; ++i) {
      Header(i)->tp_len = kFrameLength;
      std::memcpy(memory_ + i * kFrameSize + kDataOffset, frame.data(), frame.size());
    }
  }
  ~BareTxRing() { munmap(memory_, kFrames * kFrameSize); }

  uint64_t Run(int64_t deadline_ns) {
    uint64_t sent = 0;
    while (Before(deadline_ns)) {
      for (int i = 0; i < 64; ++i, next_ = (next_ + 1) % kFrames) {
        tpacket2_hdr* header = Header(next_);
        if (__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) break;
        __atomic_store_n(&header->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
      }
      const ssize_t bytes = send(fd_.get(), nullptr, 0, MSG_DONTWAIT);
      if (bytes > 0) sent += static_cast<uint64_t>(bytes) / kFrameLength;
    }
    return sent;
  }

 private:
  static constexpr size_t kFrameSize = 256;
  static constexpr size_t kFrames = 4096;
  static constexpr size_t kDataOffset = 32;  // TPACKET_ALIGN(sizeof(tpacket2_hdr))
  static_assert(kDataOffset == sizeof(tpacket2_hdr));
  tpacket2_hdr* Header(size_t i) const {
    return reinterpret_cast<tpacket2_hdr*>(memory_ + i * kFrameSize);
  }

  FileDescriptor fd_;
  std::byte* memory_ = nullptr;
  size_t next_ = 0;
};

}  // namespace

std::array<uint8_t, kFrameLength> PrebuiltFrame(LinkLayer layer) {
  std::array<uint8_t, kFrameLength> frame{};
  uint8_t* ip = frame.data();
  if (layer == LinkLayer::kEthernet) {
    frame[0] = 0x02;
    frame[5] = 0x99;  // nobody's address: the far end drops it at once
    frame[6] = 0x02;
    frame[12] = 0x08;
    ip += 14;
  }
  const std::array<uint8_t, 20> header = {0x45, 0, 0,  60, 0x12, 0x34, 0,  0,  64, 6,
                                          0,    0, 10, 99, 0,    1,    10, 99, 0,  9};
  std::copy(header.begin(), header.end(), ip);
  return frame;
}

std::vector<BareLoop> BareLoops(const Link& link) {
  std::vector<BareLoop> out;
  const auto fd = std::make_shared<FileDescriptor>(Socket(link));
  out.push_back({"bare send", [fd](int64_t d) { return BareSend(fd->get(), d); }});
  out.push_back({"bare sendmmsg 64", [fd](int64_t d) { return BareSendmmsg(fd->get(), d); }});
  const auto uring = [&](const char* name, unsigned flags, bool registered) {
    out.push_back({name, [fd, flags, registered](int64_t d) {
                     return BareUring(fd->get(), flags, registered, d);
                   }});
  };
  uring("bare io_uring 64", 0, false);
  uring(" coop_taskrun", IORING_SETUP_COOP_TASKRUN, false);
  uring(" single, defer", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, false);
  uring(" registered buffer", IORING_SETUP_COOP_TASKRUN, true);
  const auto parsed = std::make_shared<FileDescriptor>(Socket(link, /*opaque_frames=*/false));
  out.push_back(
      {" frames parsed", [parsed](int64_t d) { return BareUring(parsed->get(), 0, false, d); }});
  const auto tx_ring = std::make_shared<BareTxRing>(link);
  out.push_back({"bare TX_RING 64", [tx_ring](int64_t d) { return tx_ring->Run(d); }});
  return out;
}

}  // namespace osprey::io
