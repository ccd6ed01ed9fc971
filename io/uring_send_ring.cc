// SPDX-License-Identifier: Apache-2.0
#include "io/uring_send_ring.h"

#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey::io {
namespace {

absl::Status Refused(const char* call, int error) {
  if (error == EPERM || error == EACCES) {
    return absl::UnavailableError(absl::StrFormat(
        "io_uring is refused (%s: %s): kernel.io_uring_disabled or a seccomp filter forbids it",
        call, std::strerror(error)));
  }
  if (error == ENOSYS) {
    return absl::UnavailableError(
        absl::StrFormat("io_uring is not there (%s: %s): the kernel lacks it or a seccomp filter "
                        "hides it",
                        call, std::strerror(error)));
  }
  return absl::UnavailableError(
      absl::StrFormat("io_uring cannot be used (%s: %s)", call, std::strerror(error)));
}

// Newest flags first: older kernels answer EINVAL to those they do not know.
int InitQueue(unsigned entries, io_uring* ring) {
  constexpr unsigned kFlagSets[] = {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
                                    IORING_SETUP_SUBMIT_ALL, 0};
  int result = -EINVAL;
  for (const unsigned flags : kFlagSets) {
    io_uring_params params{};
    params.flags = flags;
    result = io_uring_queue_init_params(entries, ring, &params);
    if (result != -EINVAL) break;
  }
  return result;
}

// Some sandboxes allow io_uring_setup but not io_uring_enter: one no-op tells.
int TryNop(io_uring* ring) {
  io_uring_prep_nop(io_uring_get_sqe(ring));
  if (const int result = io_uring_submit_and_wait(ring, 1); result < 0) return result;
  io_uring_cqe* cqe = nullptr;
  if (const int result = io_uring_peek_cqe(ring, &cqe); result < 0) return result;
  io_uring_cqe_seen(ring, cqe);
  return 0;
}

bool SupportsSend(io_uring* ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(ring);
  if (probe == nullptr) return false;
  const bool supported = io_uring_opcode_supported(probe, IORING_OP_SEND) != 0;
  io_uring_free_probe(probe);
  return supported;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SendRing>> UringSendRing::Create(LinkLayer layer,
                                                                FileDescriptor socket,
                                                                FrameSlab slab) {
  std::unique_ptr<UringSendRing> ring(new UringSendRing(layer, std::move(socket), std::move(slab)));
  OSPREY_RETURN_IF_ERROR(ring->Start());
  return ring;
}

UringSendRing::UringSendRing(LinkLayer layer, FileDescriptor socket, FrameSlab slab)
    : SendRing(layer, slab.data(), slab.slots()),
      slab_owner_(std::move(slab)),
      socket_(std::move(socket)),
      tags_(slots(), 0) {}

absl::Status UringSendRing::Start() {
  const auto entries = static_cast<unsigned>(std::bit_ceil(slots()));
  if (const int result = InitQueue(entries, &ring_); result < 0) {
    return Refused("io_uring_setup", -result);
  }
  started_ = true;
  if (!SupportsSend(&ring_)) return Refused("IORING_OP_SEND", ENOSYS);
  if (const int result = TryNop(&ring_); result < 0) return Refused("io_uring_enter", -result);
  const int fd = socket_.get();
  if (const int result = io_uring_register_files(&ring_, &fd, 1); result < 0) {
    return Refused("io_uring_register", -result);
  }
  return absl::OkStatus();
}

UringSendRing::~UringSendRing() {
  if (started_) io_uring_queue_exit(&ring_);
}

// EINTR, EAGAIN and EBUSY leave the rest in the submission queue; the next Submit or Reap, which
// makes room, hands it on.
void UringSendRing::Flush() {
  ++counters_.system_calls;
  if (const int result = io_uring_submit(&ring_); result < 0) counters_.last_error = -result;
}

size_t UringSendRing::Submit(std::span<const SendEntry> frames) {
  size_t taken = 0;
  for (; taken < frames.size(); ++taken) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) break;
    const SendEntry& frame = frames[taken];
    io_uring_prep_send(sqe, 0, slab_ + size_t{frame.slot} * kFrameBytes, frame.length,
                       MSG_DONTWAIT);
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->user_data = frame.slot;
    tags_[frame.slot] = frame.tag;
  }
  counters_.submitted += taken;
  if (taken > 0) Flush();
  return taken;
}

size_t UringSendRing::Reap(std::span<SendCompletion> out) {
  if (io_uring_sq_ready(&ring_) > 0) Flush();
  size_t written = 0;
  unsigned seen = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    const auto slot = static_cast<uint32_t>(cqe->user_data);
    const uint64_t tag = tags_[slot];
    if (tag != 0 && written == out.size()) break;
    const int error = cqe->res < 0 ? -cqe->res : 0;
    CountResult(error);
    if (tag != 0) out[written++] = {.tag = tag, .error = error};
    Release(slot);
    ++seen;
  }
  io_uring_cq_advance(&ring_, seen);
  return written;
}

}  // namespace osprey::io
