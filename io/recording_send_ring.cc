// SPDX-License-Identifier: Apache-2.0
#include "io/recording_send_ring.h"

#include <utility>

#include "base/check.h"

namespace osprey::io {
namespace {

// Leases every slot of `ring` and returns where its slab begins.
std::byte* LeaseAll(SendRing& ring) {
  OSPREY_CHECK(ring.free_slots() == ring.slots());
  std::byte* slab = nullptr;
  FrameSlot slot;
  while (ring.Lease(slot)) slab = slot.data - size_t{slot.index} * SendRing::kFrameBytes;
  return slab;
}

}  // namespace

RecordingSendRing::RecordingSendRing(std::unique_ptr<SendRing> inner,
                                     std::shared_ptr<PcapWriter> writer, const Clock& clock)
    : SendRing(inner->link_layer(), LeaseAll(*inner), inner->slots()),
      inner_(std::move(inner)),
      writer_(std::move(writer)),
      clock_(clock) {}

size_t RecordingSendRing::Submit(std::span<const SendEntry> frames) {
  const int64_t realtime_ns = clock_.RealtimeNs();
  const size_t taken = inner_->Submit(frames);
  // A slot may be free again by now, but nobody writes to it before Submit returns.
  for (const SendEntry& frame : frames.first(taken)) {
    writer_->Write({slab_ + size_t{frame.slot} * kFrameBytes, frame.length}, frame.length,
                   realtime_ns);
  }
  TakeBackFreeSlots();
  return taken;
}

size_t RecordingSendRing::Reap(std::span<SendCompletion> out) {
  const size_t written = inner_->Reap(out);
  TakeBackFreeSlots();
  return written;
}

void RecordingSendRing::TakeBackFreeSlots() {
  FrameSlot slot;
  while (inner_->Lease(slot)) Release(slot.index);
  counters_ = inner_->counters();
}

}  // namespace osprey::io
