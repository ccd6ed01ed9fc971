// SPDX-License-Identifier: Apache-2.0
#pragma once
// Several capture rings on one link that share its packets: the kernel gives each packet to one of
// them, by the /24 of its source address, so that all packets of a host come to the same ring and
// keep their order. A classic BPF program decides; the kernel's own flow hash would spread the
// ports of one host over all rings.
//
// Set-up only. A ring of the group that is full drops by itself, and its own counters say so.

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace osprey::io {

struct CaptureFanout {
  uint32_t members = 1;
  uint16_t group = 0;   // the kernel's number of the group, set when the first ring joins
  uint32_t joined = 0;  // rings so far
};

// Makes the packet socket `fd`, bound to a link, the next member of the group.
absl::Status JoinFanout(int fd, const std::string& link_name, CaptureFanout& fanout);

}  // namespace osprey::io
