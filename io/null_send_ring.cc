// SPDX-License-Identifier: Apache-2.0
#include "io/null_send_ring.h"

#include <utility>

namespace osprey::io {

NullSendRing::NullSendRing(LinkLayer layer, FrameSlab slab)
    : SendRing(layer, slab.data(), slab.slots()),
      slab_owner_(std::move(slab)),
      finished_(slots()) {}

size_t NullSendRing::Submit(std::span<const SendEntry> frames) {
  counters_.submitted += frames.size();
  counters_.sent += frames.size();
  for (const SendEntry& frame : frames) {
    if (frame.tag == 0) {
      Release(frame.slot);
    } else {
      finished_.Push({.completion = {.tag = frame.tag, .error = 0}, .slot = frame.slot});
    }
  }
  return frames.size();
}

size_t NullSendRing::Reap(std::span<SendCompletion> out) {
  return finished_.PopInto(out, [this](uint32_t slot) { Release(slot); });
}

}  // namespace osprey::io
