// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes every frame that a ring takes to a capture file, stamped just before it is submitted. What
// bypasses the queueing discipline is invisible to a local tcpdump: this is how the program's own
// sends are seen. Frames that the link then refuses are in the file too; the counters tell.
//
// The inner ring's slots are all leased by this one, which lends them on: frames are written
// straight into the inner slab. Same thread rules as the inner ring; the writer is shared.

#include <memory>

#include "base/clock.h"
#include "io/pcap_file.h"
#include "io/send_ring.h"

namespace osprey::io {

class RecordingSendRing final : public SendRing {
 public:
  // REQUIRES: every slot of `inner` is free. `clock` outlives the ring; `writer` is of the inner
  // ring's link layer.
  RecordingSendRing(std::unique_ptr<SendRing> inner, std::shared_ptr<PcapWriter> writer,
                    const Clock& clock);

  std::string_view name() const override { return inner_->name(); }
  size_t Submit(std::span<const SendEntry> frames) override;
  size_t Reap(std::span<SendCompletion> out) override;

 private:
  void TakeBackFreeSlots();

  std::unique_ptr<SendRing> inner_;
  std::shared_ptr<PcapWriter> writer_;
  const Clock& clock_;
};

}  // namespace osprey::io
