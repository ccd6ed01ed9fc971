// SPDX-License-Identifier: Apache-2.0
#pragma once
// A ring that sends nothing: every frame counts as sent at once. For measuring everything but
// the kernel, and for dry runs (behind RecordingSendRing). One thread at a time.

#include "io/finished_queue.h"
#include "io/frame_slab.h"
#include "io/send_ring.h"

namespace osprey::io {

class NullSendRing final : public SendRing {
 public:
  NullSendRing(LinkLayer layer, FrameSlab slab);

  std::string_view name() const override { return "null"; }
  size_t Submit(std::span<const SendEntry> frames) override;
  size_t Reap(std::span<SendCompletion> out) override;

 private:
  FrameSlab slab_owner_;
  FinishedQueue finished_;
};

}  // namespace osprey::io
