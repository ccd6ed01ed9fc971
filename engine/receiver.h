// SPDX-License-Identifier: Apache-2.0
#pragma once
// A capture thread of a link, of which there may be several (io/capture_fanout.h): takes frames
// from the capture ring, parses each once, and hands it to the lane that owns the host. Nothing
// else happens here. A reply is never dropped for want of room: while a lane's queue is full the
// frames wait in the kernel's ring, whose own drops are counted and shown.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "engine/lane.h"
#include "engine/network.h"
#include "io/wire/parse.h"

namespace osprey::engine {

enum class ReceiverCounter : uint8_t {
  kFrames,     // handed out by the ring; each ends in one of the next three or a parse outcome
  kNotOurs,    // accepted by the parser, but to another address or port of ours
  kForwarded,  // to a lane
  kAfterEnd,   // for a lane that has finished
  kKernelDrops,
  kInterfaceDrops,
  kCount,
};
inline constexpr std::string_view kReceiverCounterNames[] = {
    "frames", "not_ours", "forwarded", "after_end", "kernel_drops", "interface_drops"};

class Receiver {
 public:
  // `lanes` and `plan` outlive the receiver.
  Receiver(uint8_t link_index, const LinkInfo& link, std::unique_ptr<io::CaptureRing> ring,
           const DiscoveryPlan* plan, const PortPlan& ports,
           std::span<const std::unique_ptr<Lane>> lanes);

  // One turn: waits at most `timeout_ms` for frames. Returns how many were taken.
  size_t PumpOnce(int timeout_ms);
  // Turns until Stop.
  void Run();
  // Any thread.
  void Stop();

  const CounterSet<ReceiverCounter>& counters() const { return counters_; }
  // By reason; kAccepted counts those that went on.
  const CounterSet<io::wire::ParseOutcome>& outcomes() const { return outcomes_; }
  std::string_view ring_name() const { return ring_->name(); }
  const std::string& link_name() const { return link_.name; }

 private:
  struct Held {
    uint32_t lane;
    io::wire::Reply reply;
  };
  void Take(const io::FrameView& frame);
  bool IsOurs(const io::wire::Reply& reply) const;
  uint32_t LaneFor(const io::wire::Reply& reply) const;
  bool Forward(const Held& held);
  bool ReleaseHeld();
  void ReadDrops();

  uint8_t link_index_;
  LinkInfo link_;
  std::vector<Ipv4Addr> mine_;  // link_.sources, ascending
  std::unique_ptr<io::CaptureRing> ring_;
  const DiscoveryPlan* plan_;
  PortPlan ports_;
  std::vector<Lane*> lanes_;
  std::vector<ReplyQueue::Producer> producers_;  // parallel to lanes_
  std::vector<bool> to_ring_;                    // lanes whose bell is to be rung
  std::vector<Held> held_;                       // found a full queue; in order
  int64_t turns_ = 0;
  CounterSet<ReceiverCounter> counters_;
  CounterSet<io::wire::ParseOutcome> outcomes_;
  std::atomic<bool> stopped_{false};
};

}  // namespace osprey::engine
