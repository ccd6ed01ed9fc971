// SPDX-License-Identifier: Apache-2.0
// Lane, sending side: three strict classes share one pacer, frames are patched from templates into
// leased buffers, and a batch is stamped immediately before it is handed over.

#include <algorithm>
#include <array>

#include "base/check.h"
#include "engine/lane.h"
#include "engine/lane_tags.h"

namespace osprey::engine {
namespace {

using matcher::Index;
using matcher::ProbeId;

constexpr uint32_t kFramesPerTurn = 256;
constexpr uint32_t kLookAhead = 8;  // hosts whose memory is asked for in advance
constexpr uint32_t kTypicalFrameBytes = 74;

// An answer is there before the SEQ probe after the next one, also where queues are 100 ms long.
constexpr int32_t kSequenceRttUs = 160'000;

}  // namespace

bool Lane::Fill() {
  frames_this_turn_ = 0;
  const uint32_t allowance = pacer_.Allowance(now_, kFramesPerTurn, kTypicalFrameBytes);
  // Their rate is reserved, so SEQ probes do not ask.
  sequence_late_ns_ = 0;
  for (uint32_t n = sequence_due_.size(); n > 0 && Room() > 0; --n) {
    const uint32_t slot = sequence_due_.Pop();
    sequence_late_ns_ = std::max(sequence_late_ns_, now_ - machine_.NextDue(hosts_[slot]));
    Visit(slot);
  }
  while (!sequence_wait_.empty() && frames_this_turn_ < allowance && ReserveSequence() &&
         Room() > 0) {
    const uint32_t slot = sequence_wait_.Pop();
    BeginRound(slot);
    Visit(slot);
  }
  FlushAll();
  SendArpAnswers(allowance);
  if (resets_.filling_up()) SendResets(allowance);
  for (uint32_t n = other_due_.size(); n > 0 && frames_this_turn_ < allowance && Room() > 0; --n) {
    if (const uint32_t soon = other_due_.Peek(kLookAhead); soon != SlotRing::kNone) {
      hosts_.PrefetchState(soon);
    }
    Visit(other_due_.Pop());
  }
  SendResets(allowance);
  const bool looked = frames_this_turn_ < allowance && FillDiscovery(allowance);
  FlushAll();
  spare_ = frames_this_turn_ < allowance;
  if (spare_) pacer_.Idle();
  return frames_this_turn_ > 0 || looked;
}

void Lane::SendPort(uint32_t slot, HostOrderPort to_port) {
  HostState& host = hosts_[slot].state;
  Port& port = ports_[host.link];
  const io::FrameSlot frame = Lease(port);
  // Passes 0 and 1 of a port's cookie are discovery's and the ladder's first try.
  const uint32_t pass = 1 + uint32_t{host.ports.pass};
  const uint32_t length = port.sources[host.source].discovery.WriteSyn(
      {host.address, host.next_hop}, to_port, shared_->cookies->ForSyn(host.address, to_port, pass),
      shared_->identities->NoiseFor(host.address, to_port, kDiscoveryNoise, pass), frame.data);
  counters_[LaneCounter::kSentPorts].Add();
  if (host.spoke && host.ports.pass == 0) counters_[LaneCounter::kSentToLive].Add();
  nets_.Charge(host.address, now_);
  host.queued = true;  // until it is stamped
  Add(port, frame, length, MakePortTag(slot, to_port, host.generation),
      {.slot = slot, .kind = Stamp::Kind::kPort});
}

void Lane::SendProbe(uint32_t slot, const HostAction& action) {
  const HostState& host = hosts_[slot].state;
  Port& port = ports_[host.link];
  const io::FrameSlot frame = Lease(port);
  const OsIdentity id = shared_->identities->For(host.address, host.serial - 1U);
  const PacketNoise noise = shared_->identities->NoiseFor(
      host.address, host.serial - 1U, static_cast<uint32_t>(Index(action.probe)),
      action.transmission);
  const ProbeFrame written =
      port.sources[host.source].os.Write(action.probe, {host.address, host.next_hop}, id,
                                         {.open = host.open_port,
                                          .closed = HostMachine::ClosedPort(host),
                                          .udp = HostMachine::UdpPort(host)},
                                         noise, frame.data);
  const bool sequence = action.probe <= ProbeId::kSeq6;
  if (sequence) CountSequence(hosts_[slot], Index(action.probe));
  counters_[sequence ? LaneCounter::kSentSequence : LaneCounter::kSentTests].Add();
  if (host.spoke && (sequence || action.transmission == 1)) {
    counters_[LaneCounter::kSentToLive].Add();
  }
  nets_.Charge(host.address, now_);
  hosts_[slot].state.queued = true;  // until it is stamped
  Add(port, frame, written.length, MakeTag(slot, action.probe, host.generation),
      {.slot = slot, .kind = Stamp::Kind::kProbe, .probe = action.probe});
}

void Lane::CountSequence(const HostRecord& host, size_t n) {
  const bool in_time = host.state.rtt.srtt_us >= 0 && host.state.rtt.srtt_us <= kSequenceRttUs;
  bool answers = false;  // else the port may not be open at all
  for (size_t i = 0; i + 2 < n; ++i) answers |= host.observation.seq(i).answered;
  if (!in_time || !answers) return;
  counters_[LaneCounter::kSequenceDue].Add();
  if (host.observation.seq(n - 2).answered) counters_[LaneCounter::kSequenceKept].Add();
}

size_t Lane::Room() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    size_t least = SIZE_MAX;
    for (const Port& port : ports_) least = std::min(least, port.ring->free_slots());
    if (least > 0) return least;
    FlushAll();
    ReapAll();
  }
  return 0;
}

io::FrameSlot Lane::Lease(Port& port) {
  io::FrameSlot frame;
  OSPREY_CHECK(port.ring->Lease(frame));
  return frame;
}

void Lane::Add(Port& port, const io::FrameSlot& frame, uint32_t length, uint64_t tag, Stamp stamp) {
  port.batch.push_back({.slot = frame.index, .length = length, .tag = tag});
  if (stamp.kind != Stamp::Kind::kNone) {
    stamp.frame = static_cast<uint32_t>(port.batch.size() - 1);
    port.stamps.push_back(stamp);
  }
  ++frames_this_turn_;
  pacer_.Consume(1, length);
  if (port.batch.size() == kBatch) Flush(port);
}

void Lane::Flush(Port& port) {
  if (port.batch.empty()) return;
  // Stamped immediately before the frames are handed over.
  const int64_t sent = shared_->clock->MonotonicNs();
  const size_t taken = port.ring->Submit(port.batch);
  size_t stamped = 0;
  for (; stamped < port.stamps.size() && port.stamps[stamped].frame < taken; ++stamped) {
    TakeStamp(port.stamps[stamped], sent);
  }
  const auto gone = [](size_t n) { return static_cast<std::ptrdiff_t>(n); };
  port.batch.erase(port.batch.begin(), port.batch.begin() + gone(taken));
  port.stamps.erase(port.stamps.begin(), port.stamps.begin() + gone(stamped));
  for (Stamp& stamp : port.stamps) stamp.frame -= static_cast<uint32_t>(taken);
}

void Lane::TakeStamp(const Stamp& stamp, int64_t sent) {
  HostRecord& host = hosts_[stamp.slot];
  host.state.queued = false;
  if (stamp.kind == Stamp::Kind::kPort) {
    machine_.OnPortSent(host.state, sent);
  } else {
    if (stamp.probe > ProbeId::kSeq1 && stamp.probe <= ProbeId::kSeq6) {
      sequence_lateness_.Add(sent - host.state.last_send_ns - machine_.config().seq_spacing_ns);
    }
    machine_.OnSent(host, stamp.probe, sent, sent + clock_offset_ns_);
  }
  Reschedule(stamp.slot);
}

void Lane::FlushAll() {
  for (Port& port : ports_) Flush(port);
}

void Lane::ReapAll() {
  std::array<io::SendCompletion, 128> completions;
  for (Port& port : ports_) {
    size_t count;
    do {
      count = port.ring->Reap(completions);
      for (size_t i = 0; i < count; ++i) {
        if (completions[i].error != 0) HandleUnsent(completions[i].tag);
      }
    } while (count == completions.size());
  }
}

void Lane::HandleUnsent(uint64_t tag) {
  counters_[LaneCounter::kUnsent].Add();
  if (KindOfTag(tag) == kDiscoveryTag) return HandleUnsentDiscovery(tag);
  if (KindOfTag(tag) == kResetTag) return;  // the target repeats its SYN-ACK
  const auto slot = static_cast<uint32_t>(tag);
  HostRecord& host = hosts_[slot];
  if (KindOfTag(tag) == kPortTag) {
    if (host.state.phase != Phase::kPorts || (host.state.generation & 0xFF) != tag >> 56) return;
    machine_.OnPortUnsent(host.state, static_cast<HostOrderPort>(tag >> 40));
    return Reschedule(slot);
  }
  const bool measuring = host.state.phase == Phase::kSequence || host.state.phase == Phase::kTests;
  if (!measuring || host.state.generation != static_cast<uint16_t>(tag >> 40)) return;
  machine_.OnUnsent(host, static_cast<ProbeId>(KindOfTag(tag) - 1));
  Reschedule(slot);
}

}  // namespace osprey::engine
