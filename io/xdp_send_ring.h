// SPDX-License-Identifier: Apache-2.0
#pragma once
// AF_XDP send ring: frames lie in memory shared with the kernel and leave by descriptor, past the
// packet socket and the queueing discipline. Sending only: no XDP program is loaded, and what
// comes in stays with the kernel (and the capture ring).
//
//   slab (UMEM)   [slot 0][slot 1]...  kFrameBytes each, eight to a 4 KiB chunk; a descriptor
//                                      may point anywhere inside a chunk
//   TX ring       frame addresses, us -> kernel      at least an entry for every slot,
//   completion    frame addresses, kernel -> us      so that neither can run over
//
// Copy mode, on any Ethernet device: the kernel takes frames only inside the system call, one by
// one, as a packet socket would, so the stamp taken before Submit holds and each refusal is known
// to its frame. Frames that the kernel left in the ring (link down, driver queue full) are failed
// at once, as other rings do, and their entries made void (address beyond the slab, which the
// kernel skips) until the next batch overwrites them: nothing leaves late.
//
// Zero copy, where the driver has it: the device reads the slab on its own time, completions say
// that a frame is done but not whether the link took it, and a link that is down leaves frames in
// flight until it is up. Such a socket takes the queue's receive side too; a few chunks behind the
// slab are given to it for good, from which drivers copy packets on to the kernel.
//
// One queue of the device serves one ring. One thread at a time. Nothing allocates after Open.

#include <memory>

#include "absl/status/statusor.h"
#include "io/link.h"
#include "io/send_ring.h"

namespace osprey::io {

enum class XdpMode : uint8_t {
  kBest,  // zero copy if the driver has it and it works without an XDP program, else copy
  kCopy,
};

struct XdpOptions {
  size_t slots = 4096;  // 1..FrameSlab::kMaxSlots
  uint32_t queue = 0;   // of the device
  int send_buffer_bytes = 8 << 20;
};

// name() is "af_xdp" with zero copy, else "af_xdp-copy".
//
// InvalidArgument: not an Ethernet link, or no such queue. PermissionDenied: CAP_NET_RAW is
// missing. AlreadyExists: another socket has the queue. FailedPrecondition: the link is down.
// Unimplemented: the kernel or this program was built without AF_XDP. ResourceExhausted: memory.
absl::StatusOr<std::unique_ptr<SendRing>> OpenXdpSendRing(const Link& link, XdpMode mode,
                                                          const XdpOptions& options);

}  // namespace osprey::io
