// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the live ring and the file ring share: owning a libpcap handle, and turning what it hands
// out into FrameViews with one of our two link layers. For .cc files of this folder only.

#include <pcap/pcap.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "io/capture_ring.h"

namespace osprey::io {

struct PcapClose {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapHandle = std::unique_ptr<pcap_t, PcapClose>;

// How frames of a libpcap link type are read: as `layer`, after `skip` bytes in front.
struct PcapLayer {
  LinkLayer layer = LinkLayer::kNone;
  size_t skip = 0;
  int64_t stamp_unit_ns = 1;  // of the part of a second
};
// Ethernet, raw IP and Linux cooked (whose pseudo header is skipped). Unimplemented for others;
// `where` starts the message.
absl::StatusOr<PcapLayer> LayerOf(pcap_t* handle, const std::string& where);

// Hands out up to `max` frames; stamps become nanoseconds. Returns pcap_dispatch's result:
// the count, or a negative PCAP_ERROR_*.
int DispatchFrames(pcap_t* handle, PcapLayer layer, size_t max,
                   absl::FunctionRef<void(const FrameView&)> sink);

}  // namespace osprey::io
