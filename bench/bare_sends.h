// SPDX-License-Identifier: Apache-2.0
#pragma once
// The kernel's send paths without anything of ours on top: loops that send one prebuilt frame and
// read nothing back but what the kernel makes them. What a ring of ours cannot beat.
//
// One thread at a time. The programs that use it end when anything here cannot be set up.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/link.h"
#include "io/wire/link_layer.h"

namespace osprey::io {

inline constexpr size_t kFrameLength = 74;  // SEQ1 on Ethernet

// To nobody's MAC address, from 10.99.0.1 to 10.99.0.9, without payload.
std::array<uint8_t, kFrameLength> PrebuiltFrame(LinkLayer layer);

inline bool Before(int64_t deadline_ns) { return Clock::Real().MonotonicNs() < deadline_ns; }

// Sends until CLOCK_MONOTONIC reaches `deadline_ns`; returns how many frames the kernel took.
using SendUntil = std::function<uint64_t(int64_t deadline_ns)>;

struct BareLoop {
  std::string name;
  SendUntil run;
};

// send, sendmmsg, io_uring in some variants, PACKET_TX_RING.
std::vector<BareLoop> BareLoops(const Link& link);
// AF_XDP in copy mode on queue 0, which must be free; nothing where it was not built.
std::optional<BareLoop> BareXdpLoop(const Link& link);

}  // namespace osprey::io
