// SPDX-License-Identifier: Apache-2.0
#pragma once
// Live capture: libpcap over the kernel's memory-mapped packet ring (TPACKET_V3), with nanosecond
// real-time stamps taken by the kernel on arrival, whatever the moment of reading.
//
// Only incoming packets are seen, each once, on loopback too (PACKET_IGNORE_OUTGOING: the kernel
// does not even copy ours). Reading never blocks; waiting is poll() on the ring and an eventfd,
// which Break writes.
//
// V3 hands over whole blocks: a block becomes readable when it is full or `block_ms` after its
// first packet, so latency is bounded by block_ms and a fast stream costs one wake-up per block.
// Immediate mode (a wake-up per packet, TPACKET_V2) is for interactive use only.
//
// One thread, except Break.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "io/capture_fanout.h"
#include "io/capture_filter.h"
#include "io/capture_ring.h"
#include "io/link.h"

namespace osprey::io {

struct CaptureOptions {
  int buffer_bytes = 64 << 20;  // ring shared with the kernel; what it must bridge is one stall
  int snap_bytes = 2048;        // a frame of a usual link whole: reset data are checked to the end
  int block_ms = 1;
  bool immediate = false;
  bool promiscuous = false;  // needed for VLAN tags that no interface has
  // A loaded socket filter (eBPF) of the caller's that takes the place of the kernel's part of the
  // CaptureFilter; -1: none.
  int bpf_program = -1;
  CaptureFanout* fanout = nullptr;  // the ring becomes a member; nullptr: it sees all packets
};

// Opens a live ring on `link` for the packets `filter` describes. PermissionDenied: CAP_NET_RAW is
// missing; NotFound: no such interface; FailedPrecondition: it is down; Unimplemented: a link
// type we do not read; ResourceExhausted: no memory for the ring.
absl::StatusOr<std::unique_ptr<CaptureRing>> OpenPcapCapture(const Link& link,
                                                             const CaptureFilter& filter,
                                                             const CaptureOptions& options = {});

}  // namespace osprey::io
