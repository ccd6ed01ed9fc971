// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where frames leave the program.
//
// Model: the ring owns a fixed slab of frame buffers. The owner leases a buffer, writes a frame
// into it (usually by patching what an earlier use left there), and submits a batch of leased
// buffers; the ring returns each to the free list when the kernel has finished with it.
//
// Threads: one ring belongs to one thread (its lane); no method is synchronised. Nothing
// allocates or blocks after construction; sends never wait for room on the link (MSG_DONTWAIT).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "io/wire/link_layer.h"

namespace osprey::io {

// One leased buffer. Valid from Lease until it is submitted or released.
struct FrameSlot {
  uint32_t index = 0;
  std::byte* data = nullptr;  // kFrameBytes writable bytes
};

// One frame of a batch. Frames leave in the order of the batch.
struct SendEntry {
  uint32_t slot = 0;    // FrameSlot::index
  uint32_t length = 0;  // whole frame, link header included, in bytes
  uint64_t tag = 0;     // handed back by Reap if not 0: names host, probe and transmission
};

struct SendCompletion {
  uint64_t tag = 0;
  int error = 0;  // 0, or an errno value: the frame did not leave
};

// Never decreases, last_error apart. submitted = sent + no_buffers + failed + still in flight.
struct SendCounters {
  uint64_t submitted = 0;   // frames taken by Submit
  uint64_t sent = 0;        // finished without error
  uint64_t no_buffers = 0;  // ENOBUFS/EAGAIN: the link's queue was full
  uint64_t failed = 0;      // any other error
  uint64_t system_calls = 0;
  int last_error = 0;  // errno of the newest failure
};

class SendRing {
 public:
  // Holds every probe of ours (U1 on Ethernet is 342 bytes). A power of two, so that no frame
  // crosses a page, which AF_XDP forbids.
  static constexpr size_t kFrameBytes = 512;

  virtual ~SendRing() = default;
  SendRing(const SendRing&) = delete;
  SendRing& operator=(const SendRing&) = delete;

  // "io_uring", "sendmmsg", "af_xdp", "raw-ip", "null", "fake", ...
  virtual std::string_view name() const = 0;
  LinkLayer link_layer() const { return link_layer_; }

  // Takes a free buffer. False if all are in flight: Reap, then try again later.
  [[nodiscard]] bool Lease(FrameSlot& out) {
    if (free_.empty()) return false;
    out.index = free_.back();
    out.data = slab_ + size_t{out.index} * kFrameBytes;
    free_.pop_back();
    return true;
  }
  // Gives a leased buffer back unsent.
  void Release(uint32_t slot) { free_.push_back(slot); }

  // Hands frames to the kernel, in order, and returns how many were taken. Fewer than asked means
  // the ring is full, which is back-pressure, not an error: the rest stays leased. A frame taken
  // is finished exactly once: counted, and reported by Reap if its tag is not 0.
  virtual size_t Submit(std::span<const SendEntry> frames) = 0;

  // Returns finished buffers to the free list, and the completions of tagged frames: up to
  // out.size(), the rest at the next call. Returns how many were written.
  virtual size_t Reap(std::span<SendCompletion> out) = 0;

  const SendCounters& counters() const { return counters_; }
  size_t slots() const { return slots_; }
  size_t free_slots() const { return free_.size(); }

 protected:
  // `slab` holds `slots` * kFrameBytes bytes and outlives the ring.
  SendRing(LinkLayer link_layer, std::byte* slab, size_t slots);

  // Counts one finished frame by its errno value (0: sent).
  void CountResult(int error);

  std::byte* slab_;
  SendCounters counters_;

 private:
  LinkLayer link_layer_;
  size_t slots_;
  std::vector<uint32_t> free_;  // capacity is slots: never grows
};

}  // namespace osprey::io
