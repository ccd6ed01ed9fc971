// SPDX-License-Identifier: Apache-2.0
#include "io/xdp_send_ring.h"

#include <linux/if_xdp.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "io/finished_queue.h"
#include "io/frame_slab.h"

namespace osprey::io {
namespace {

constexpr size_t kChunkBytes = 4096;
constexpr size_t kReceiveChunks = 512;  // zero copy only; a power of two
constexpr size_t kEthernetHeaderBytes = 14;
// A socket that was just closed holds its queue until the kernel's work queue gets to it.
constexpr int kBusyAttempts = 20;
constexpr std::chrono::milliseconds kBusyPause{10};
// Beyond any slab: the kernel counts such a descriptor as invalid and goes on behind it.
constexpr uint64_t kVoidAddress = ~uint64_t{0} >> 1;
// Since Linux 6.17; Debian 12's headers do not have it.
constexpr int kMaxTxSkbBudget = 9;
static_assert(kChunkBytes % SendRing::kFrameBytes == 0, "no frame crosses a chunk");

struct UmemDelete {
  void operator()(xsk_umem* umem) const { xsk_umem__delete(umem); }
};
struct SocketDelete {
  void operator()(xsk_socket* socket) const { xsk_socket__delete(socket); }
};

constexpr size_t RoundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

absl::Status OpenError(const Link& link, uint32_t queue, int error) {
  const std::string where = absl::StrFormat("%s: AF_XDP on queue %d", link.name, queue);
  switch (error) {
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError(where + ": need CAP_NET_RAW; run as root");
    case EBUSY:
      return absl::AlreadyExistsError(where + ": another AF_XDP socket has this queue");
    case EINVAL:
      return absl::InvalidArgumentError(
          where +
          ": the device has no such queue, which each lane needs one of; use fewer --lanes "
          "or --ring io_uring");
    case ENETDOWN:
      return absl::FailedPreconditionError(where + ": the interface is down");
    case ENODEV:
      return absl::NotFoundError(where + ": no such interface");
    case EAFNOSUPPORT:
      return absl::UnimplementedError(where + ": this kernel has no AF_XDP");
    case ENOMEM:
    case ENOBUFS:
      return absl::ResourceExhaustedError(where + ": no memory (RLIMIT_MEMLOCK counts too)");
    default:
      return absl::ErrnoToStatus(error, where);
  }
}

class XdpSendRing final : public SendRing {
 public:
  static absl::StatusOr<std::unique_ptr<SendRing>> Create(const Link& link, bool zero_copy,
                                                          const XdpOptions& options);

  std::string_view name() const override { return zero_copy_ ? "af_xdp" : "af_xdp-copy"; }
  size_t Submit(std::span<const SendEntry> frames) override;
  size_t Reap(std::span<SendCompletion> out) override;

 private:
  // What is known of a slot while its frame is in flight.
  struct Flight {
    uint64_t tag = 0;
    int error = 0;
    bool active = false;
  };

  XdpSendRing(const Link& link, bool zero_copy, size_t slots, FrameSlab slab)
      : SendRing(LinkLayer::kEthernet, slab.data(), slots),
        zero_copy_(zero_copy),
        max_frame_(static_cast<uint32_t>(link.mtu) + kEthernetHeaderBytes),
        slab_owner_(std::move(slab)),
        flights_(slots),
        finished_(slots) {}

  // The errno of the call that failed, or 0.
  int Open(const Link& link, const XdpOptions& options);
  int GiveReceiveChunks(size_t first_byte);
  int Wake();
  // Copy mode: pushes the frames at [first, last) of the TX ring into the kernel.
  void Push(uint32_t first, uint32_t last);
  // How far the kernel has come, given that Wake returned `error`.
  uint32_t Taken(uint32_t from, int error) const;
  void Refuse(uint32_t first, uint32_t last, int error);
  void Finish(uint32_t slot, uint64_t tag, int error);

  xdp_desc& Entry(uint32_t position) { return *xsk_ring_prod__tx_desc(&tx_, position); }
  uint32_t SlotAt(uint32_t position) {
    return static_cast<uint32_t>(Entry(position).addr / kFrameBytes);
  }

  bool zero_copy_;
  uint32_t max_frame_;
  FrameSlab slab_owner_;
  xsk_ring_prod fill_{};
  xsk_ring_cons completion_{};
  xsk_ring_prod tx_{};
  std::unique_ptr<xsk_umem, UmemDelete> umem_;
  std::unique_ptr<xsk_socket, SocketDelete> socket_;  // before its memory goes
  uint32_t head_ = 0;            // position of the next frame; entries up to tail_ are void
  uint32_t tail_ = 0;            // as published to the kernel
  std::vector<Flight> flights_;  // by slot
  FinishedQueue finished_;       // frames the kernel never took
};

absl::StatusOr<std::unique_ptr<SendRing>> XdpSendRing::Create(const Link& link, bool zero_copy,
                                                              const XdpOptions& options) {
  const size_t extra = zero_copy ? (kReceiveChunks + 1) * kChunkBytes : 0;
  OSPREY_ASSIGN_OR_RETURN(FrameSlab slab, FrameSlab::Create(options.slots, extra));
  std::unique_ptr<XdpSendRing> ring(
      new XdpSendRing(link, zero_copy, options.slots, std::move(slab)));
  int error = ring->Open(link, options);
  for (int i = 0; error == EBUSY && i < kBusyAttempts; ++i) {
    std::this_thread::sleep_for(kBusyPause);
    error = ring->Open(link, options);
  }
  if (error != 0) return OpenError(link, options.queue, error);
  return ring;
}

int XdpSendRing::Open(const Link& link, const XdpOptions& options) {
  const auto entries = static_cast<uint32_t>(std::bit_ceil(std::max<size_t>(slots(), 64)));
  const size_t frames = RoundUp(slots() * kFrameBytes, kChunkBytes);
  const size_t bytes = frames + (zero_copy_ ? kReceiveChunks * kChunkBytes : 0);
  const xsk_umem_config memory{.fill_size = kReceiveChunks,
                               .comp_size = entries,
                               .frame_size = kChunkBytes,
                               .frame_headroom = 0,
                               .flags = 0};
  socket_.reset();
  umem_.reset();
  fill_ = {};
  completion_ = {};
  tx_ = {};
  xsk_umem* umem = nullptr;
  int result = xsk_umem__create(&umem, slab_, bytes, &fill_, &completion_, &memory);
  if (result < 0) return -result;
  umem_.reset(umem);
  if (zero_copy_) {
    if (const int error = GiveReceiveChunks(frames); error != 0) return error;
  }
  const auto mode = static_cast<uint16_t>(zero_copy_ ? XDP_ZEROCOPY : XDP_COPY);
  xsk_socket_config config{};
  config.tx_size = entries;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  config.bind_flags = static_cast<uint16_t>(mode | XDP_USE_NEED_WAKEUP);
  xsk_socket* socket = nullptr;
  result =
      xsk_socket__create(&socket, link.name.c_str(), options.queue, umem, nullptr, &tx_, &config);
  if (result < 0) return -result;
  socket_.reset(socket);
  const int fd = xsk_socket__fd(socket);
  const int buffer = options.send_buffer_bytes;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  }
  // Frames per system call, 32 where the kernel does not know the option.
  setsockopt(fd, SOL_XDP, kMaxTxSkbBudget, &entries, sizeof entries);
  // Some drivers take the socket, and tell only now that they want an XDP program too.
  const int woken = zero_copy_ ? Wake() : 0;
  return woken == EAGAIN || woken == EBUSY ? 0 : woken;
}

int XdpSendRing::GiveReceiveChunks(size_t first_byte) {
  uint32_t position = 0;
  if (xsk_ring_prod__reserve(&fill_, kReceiveChunks, &position) != kReceiveChunks) return ENOBUFS;
  for (uint32_t i = 0; i < kReceiveChunks; ++i) {
    *xsk_ring_prod__fill_addr(&fill_, position + i) = first_byte + i * kChunkBytes;
  }
  xsk_ring_prod__submit(&fill_, kReceiveChunks);
  return 0;
}

int XdpSendRing::Wake() {
  ++counters_.system_calls;
  return sendto(xsk_socket__fd(socket_.get()), nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0 ? errno
                                                                                         : 0;
}

void XdpSendRing::Finish(uint32_t slot, uint64_t tag, int error) {
  CountResult(error);
  if (tag == 0) {
    Release(slot);
  } else {
    finished_.Push({.completion = {.tag = tag, .error = error}, .slot = slot});
  }
}

size_t XdpSendRing::Submit(std::span<const SendEntry> frames) {
  counters_.submitted += frames.size();
  const uint32_t first = head_;
  uint32_t last = first;
  for (const SendEntry& frame : frames) {
    if (frame.length > max_frame_) {
      Finish(frame.slot, frame.tag, EMSGSIZE);
      continue;
    }
    Entry(last++) = {.addr = uint64_t{frame.slot} * kFrameBytes, .len = frame.length, .options = 0};
    flights_[frame.slot] = {.tag = frame.tag, .error = 0, .active = true};
  }
  if (last == first) return frames.size();
  if (static_cast<int32_t>(last - tail_) > 0) tail_ = last;
  std::atomic_ref(*tx_.producer).store(tail_, std::memory_order_release);
  if (!zero_copy_) {
    Push(first, last);
  } else {
    head_ = last;
    if (xsk_ring_prod__needs_wakeup(&tx_) != 0) Wake();
  }
  return frames.size();
}

// The kernel publishes its position whenever a call has sent a frame. A call whose first frame the
// device refused ends with EBUSY and that frame used up, but does not publish.
uint32_t XdpSendRing::Taken(uint32_t from, int error) const {
  const uint32_t position = std::atomic_ref(*tx_.consumer).load(std::memory_order_acquire);
  if (static_cast<int32_t>(position - from) > 0) return position;
  return error == EBUSY ? from + 1 : from;
}

void XdpSendRing::Push(uint32_t first, uint32_t last) {
  uint32_t at = first;
  while (static_cast<int32_t>(last - at) > 0) {
    const int error = Wake();
    const uint32_t taken = Taken(at, error);
    // The last frame of such a call: used up, and its completion will come, but dropped.
    if (error == EBUSY) flights_[SlotAt(taken - 1)].error = ENOBUFS;
    if (taken == at && error != EINTR) {
      Refuse(at, last, error == EAGAIN ? ENOBUFS : error == 0 ? ENXIO : error);
      break;
    }
    at = taken;
  }
  head_ = at;
}

void XdpSendRing::Refuse(uint32_t first, uint32_t last, int error) {
  for (uint32_t position = first; position != last; ++position) {
    const uint32_t slot = SlotAt(position);
    Entry(position).addr = kVoidAddress;
    flights_[slot].active = false;
    Finish(slot, flights_[slot].tag, error);
  }
}

size_t XdpSendRing::Reap(std::span<SendCompletion> out) {
  size_t written = finished_.PopInto(out, [this](uint32_t slot) { Release(slot); });
  uint32_t position = 0;
  const uint32_t ready =
      xsk_ring_cons__peek(&completion_, static_cast<uint32_t>(slots()), &position);
  uint32_t seen = 0;
  for (; seen < ready; ++seen) {
    const uint64_t address = *xsk_ring_cons__comp_addr(&completion_, position + seen);
    const uint64_t slot = address / kFrameBytes;
    if (slot >= slots() || !flights_[slot].active) continue;
    Flight& flight = flights_[slot];
    if (flight.tag != 0 && written == out.size()) break;
    flight.active = false;
    CountResult(flight.error);
    if (flight.tag != 0) out[written++] = {.tag = flight.tag, .error = flight.error};
    Release(static_cast<uint32_t>(slot));
  }
  xsk_ring_cons__cancel(&completion_, ready - seen);
  xsk_ring_cons__release(&completion_, seen);
  const bool waiting = zero_copy_ && free_slots() < slots();
  if (waiting && xsk_ring_prod__needs_wakeup(&tx_) != 0) Wake();
  return written;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SendRing>> OpenXdpSendRing(const Link& link, XdpMode mode,
                                                          const XdpOptions& options) {
  if (link.kind != LinkKind::kEthernet) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: AF_XDP sends Ethernet frames and this is a %s interface; use io_uring "
                        "or raw-ip",
                        link.name, std::string(LinkKindName(link.kind))));
  }
  if (mode == XdpMode::kBest) {
    auto ring = XdpSendRing::Create(link, /*zero_copy=*/true, options);
    if (ring.ok()) return ring;
  }
  return XdpSendRing::Create(link, /*zero_copy=*/false, options);
}

}  // namespace osprey::io
