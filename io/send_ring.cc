// SPDX-License-Identifier: Apache-2.0
#include "io/send_ring.h"

#include <cerrno>

namespace osprey::io {

SendRing::SendRing(LinkLayer link_layer, std::byte* slab, size_t slots)
    : slab_(slab), link_layer_(link_layer), slots_(slots) {
  free_.reserve(slots);
  // The lowest slot is leased first: a ring that is hardly used touches little memory.
  for (size_t i = slots; i > 0; --i) free_.push_back(static_cast<uint32_t>(i - 1));
}

void SendRing::CountResult(int error) {
  if (error == 0) {
    ++counters_.sent;
  } else if (error == ENOBUFS || error == EAGAIN) {
    ++counters_.no_buffers;
    counters_.last_error = error;
  } else {
    ++counters_.failed;
    counters_.last_error = error;
  }
}

}  // namespace osprey::io
