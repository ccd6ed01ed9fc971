// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where frames enter the program. One ring belongs to one capture thread; Break may be called from
// any thread. Frames are borrowed: a FrameView is valid only during the call that hands it out.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "io/send_ring.h"

namespace osprey::io {

struct FrameView {
  std::span<const std::byte> bytes;  // as captured: may be cut short
  uint32_t wire_length = 0;          // as it was on the link
  int64_t realtime_ns = 0;           // the kernel's stamp, CLOCK_REALTIME
};

// Never decreases.
struct CaptureCounters {
  uint64_t received = 0;        // frames handed out by Poll
  uint64_t dropped_kernel = 0;  // passed the filter but found no room in the ring
  uint64_t dropped_interface = 0;
};

class CaptureRing {
 public:
  virtual ~CaptureRing() = default;

  virtual std::string_view name() const = 0;
  virtual LinkLayer link_layer() const = 0;

  // Hands out up to `max` frames in order of arrival; waits at most `timeout_ms` for the first one
  // (0: does not wait). Returns how many.
  virtual size_t Poll(int timeout_ms, size_t max,
                      absl::FunctionRef<void(const FrameView&)> sink) = 0;
  // Ends a waiting Poll early. Any thread.
  virtual void Break() = 0;
  // OK while frames may still come; else why none will: OutOfRange at the end of a file,
  // Unavailable if the interface is gone, DataLoss for a damaged file. The capture thread.
  virtual absl::Status status() const { return absl::OkStatus(); }
  // Asks the kernel for its drop counters. The capture thread.
  virtual CaptureCounters Counters() = 0;
};

}  // namespace osprey::io
