// SPDX-License-Identifier: Apache-2.0
// Lane, sending side: three strict classes share one pacer, frames are patched from templates into
// leased buffers, and a batch is stamped immediately before it is handed over.

#include <algorithm>
#include <array>

#include "base/check.h"
#include "engine/lane.h"

namespace osprey::engine {
namespace {

using matcher::Index;
using matcher::ProbeId;

constexpr uint32_t kFramesPerTurn = 256;
constexpr uint32_t kPlacesPerLook = 1024;  // that discovery may skip before it gives up a turn
constexpr uint32_t kLookAhead = 8;         // hosts whose memory is asked for in advance
constexpr uint32_t kTypicalFrameBytes = 74;
constexpr uint32_t kDiscoveryNoise = 0x80;  // "probe number" of discovery packets

// An answer is there before the SEQ probe after the next one, also where queues are 100 ms long.
constexpr int32_t kSequenceRttUs = 160'000;
constexpr uint32_t kMostAttempts = 16;  // at one discovery probe that the kernel refuses

// Completion tags, never 0: what kind of frame it was in bits 32..39, with
//   an OS probe    slot in bits 0..31, generation in 40..55; the kind is the probe, from 1
//   a port probe   slot, port in 40..55, generation (low half) in 56..63
//   a reset        nothing: it is not sent again
//   discovery      target index, pass in 40..55, earlier attempts in 56..63
constexpr uint64_t kPortTag = 0xFE;
constexpr uint64_t kDiscoveryTag = 0xFF;

constexpr uint64_t MakeTag(uint32_t slot, ProbeId probe, uint16_t generation) {
  return uint64_t{slot} | uint64_t{Index(probe) + 1} << 32 | uint64_t{generation} << 40;
}
constexpr uint64_t MakePortTag(uint32_t slot, HostOrderPort port, uint16_t generation) {
  return uint64_t{slot} | kPortTag << 32 | uint64_t{port} << 40 | uint64_t{generation} << 56;
}
constexpr uint64_t MakeDiscoveryTag(const DiscoveryTarget& target, uint32_t attempts) {
  return uint64_t{target.index} | kDiscoveryTag << 32 | (uint64_t{target.pass} & 0xFFFF) << 40 |
         uint64_t{attempts} << 56;
}

}  // namespace

bool Lane::Fill() {
  frames_this_turn_ = 0;
  const uint32_t allowance = pacer_.Allowance(now_, kFramesPerTurn, kTypicalFrameBytes);
  // Their rate is reserved, so SEQ probes do not ask.
  sequence_late_ns_ = 0;
  for (uint32_t n = sequence_due_.size(); n > 0 && Room(); --n) {
    const uint32_t slot = sequence_due_.Pop();
    sequence_late_ns_ = std::max(sequence_late_ns_, now_ - machine_.NextDue(hosts_[slot]));
    Visit(slot);
  }
  while (!sequence_wait_.empty() && frames_this_turn_ < allowance && ReserveSequence() && Room()) {
    const uint32_t slot = sequence_wait_.Pop();
    BeginRound(slot);
    Visit(slot);
  }
  FlushAll();
  SendArpAnswers(allowance);
  if (resets_.filling_up()) SendResets(allowance);
  for (uint32_t n = other_due_.size(); n > 0 && frames_this_turn_ < allowance && Room(); --n) {
    if (const uint32_t soon = other_due_.Peek(kLookAhead); soon != SlotRing::kNone) {
      hosts_.PrefetchState(soon);
    }
    Visit(other_due_.Pop());
  }
  SendResets(allowance);
  const bool looked = frames_this_turn_ < allowance && FillDiscovery(allowance);
  FlushAll();
  if (frames_this_turn_ < allowance) pacer_.Idle();
  return frames_this_turn_ > 0 || looked;
}

bool Lane::FillDiscovery(uint32_t allowance) {
  if (!MayStartHosts()) return false;
  bool worked = SendPostponed(allowance);
  for (size_t n = refused_.size(); n > 0 && frames_this_turn_ < allowance && Room(); --n) {
    const Refused again = refused_.front();
    refused_.pop_front();
    worked = true;
    resent_ns_ = now_;
    if (!admitted_.Test(again.target.index)) SendDiscovery(again.target, again.attempts);
  }
  while (frames_this_turn_ < allowance && !EnoughAlive() &&
         postponed_.size() < kPostponedCapacity && Room()) {
    DiscoveryTarget target;
    if (!discovery_.Next(now_, kPlacesPerLook, target)) {
      return worked || (!discovery_.done_walking() && discovery_.ResumeAt() <= now_);
    }
    worked = true;
    SendDiscovery(target, 0);
  }
  return worked;
}

void Lane::SendDiscovery(const DiscoveryTarget& target, uint32_t attempts) {
  const DiscoveryPlan& plan = *shared_->discovery;
  // Exclusions may have grown since the targets were built.
  if (IsExcluded(target.address)) return;
  const Path path = shared_->network->PathTo(target.address);
  if (!path.reachable) {
    if (target.pass == 0) counters_[LaneCounter::kTargetsUnreachable].Add();
    return;
  }
  const bool needs_arp =
      path.on_link && shared_->network->link(path.link).layer == io::LinkLayer::kEthernet;
  const bool take_as_up = path.local || (plan.steps.empty() && !needs_arp);
  if (take_as_up) {
    if (Admit(target.index, target.address, path.next_hop, {}, path.local) ==
        Admission::kAdmitted) {
      counters_[LaneCounter::kTakenAsUp].Add();
    }
    return;
  }
  // Modulo: all passes are walked once more if hosts were turned away for want of room.
  if (needs_arp && target.pass % plan.passes() >= plan.arp_passes) return;
  const bool known_only = !needs_arp && plan.StepOf(target.pass).kind == ProbeKind::kKnownPort;
  if (known_only && KnownPort(target.address) == 0) return;
  if (const int64_t due = nets_.NotBefore(target.address, now_); due > now_) {
    return Postpone(target, attempts, due);
  }
  nets_.Charge(target.address, now_);
  Port& port = ports_[path.link];
  const io::FrameSlot frame = Lease(port);
  const uint32_t length =
      needs_arp ? port.sources[path.source].discovery.WriteArp(target.address, frame.data)
                : WriteStep(port, path, target, frame.data);
  counters_[LaneCounter::kTargetsProbed].Add();
  counters_[LaneCounter::kSentDiscovery].Add();
  Add(port, frame, length, MakeDiscoveryTag(target, attempts), {});
}

HostOrderPort Lane::KnownPort(Ipv4Addr address) const {
  const auto hints = shared_->discovery->targets->HintsFor(address);
  const auto open =
      std::find_if(hints.begin(), hints.end(), [](const PortHint& hint) { return !hint.closed; });
  return open != hints.end() ? open->port : hints.empty() ? HostOrderPort{0} : hints.front().port;
}

uint32_t Lane::WriteStep(const Port& port, const Path& path, const DiscoveryTarget& target,
                         std::byte* frame) const {
  const DiscoveryPlan& plan = *shared_->discovery;
  const DiscoveryStep& step = plan.StepOf(target.pass);
  const uint32_t repeat = plan.RepeatOf(target.pass);
  const DiscoveryProbes& probes = port.sources[path.source].discovery;
  const io::wire::Destination to{target.address, path.next_hop};
  const PacketNoise noise =
      shared_->identities->NoiseFor(target.address, target.pass, kDiscoveryNoise, repeat);
  const CookieJar& cookies = *shared_->cookies;
  switch (step.kind) {
    case ProbeKind::kSyn:
    case ProbeKind::kKnownPort: {
      const HostOrderPort to_port =
          step.kind == ProbeKind::kSyn ? step.port : KnownPort(target.address);
      return probes.WriteSyn(to, to_port, cookies.ForSyn(target.address, to_port, repeat), noise,
                             frame);
    }
    case ProbeKind::kAck:
      return probes.WriteAck(to, step.port, cookies.ForAck(target.address, step.port, repeat),
                             noise, frame);
    case ProbeKind::kUdp:
      return probes.WriteUdp(to, step.port, cookies.ForUdp(target.address, step.port, repeat),
                             noise, frame);
    case ProbeKind::kEcho:
      break;
  }
  return probes.WriteEcho(to, cookies.ForEcho(target.address, repeat), noise, frame);
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

bool Lane::Room() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto has_room = [](const Port& port) { return port.ring->free_slots() > 0; };
    if (std::all_of(ports_.begin(), ports_.end(), has_room)) return true;
    FlushAll();
    ReapAll();
  }
  return false;
}

io::FrameSlot Lane::Lease(Port& port) {
  io::FrameSlot frame;
  OSPREY_CHECK(port.ring->Lease(frame));
  return frame;
}

void Lane::Add(Port& port, const io::FrameSlot& frame, uint32_t length, uint64_t tag, Stamp stamp) {
  port.batch.push_back({.slot = frame.index, .length = length, .tag = tag});
  port.stamps.push_back(stamp);
  ++frames_this_turn_;
  pacer_.Consume(1, length);
  if (port.batch.size() == kBatch) Flush(port);
}

void Lane::Flush(Port& port) {
  if (port.batch.empty()) return;
  // Stamped immediately before the frames are handed over.
  const int64_t sent = shared_->clock->MonotonicNs();
  const size_t taken = port.ring->Submit(port.batch);
  for (size_t i = 0; i < taken; ++i) TakeStamp(port.stamps[i], sent);
  const auto gone = static_cast<std::ptrdiff_t>(taken);
  port.batch.erase(port.batch.begin(), port.batch.begin() + gone);
  port.stamps.erase(port.stamps.begin(), port.stamps.begin() + gone);
}

void Lane::TakeStamp(const Stamp& stamp, int64_t sent) {
  if (stamp.kind == Stamp::Kind::kDiscovery) return;
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
  if ((tag >> 32 & 0xFF) == kDiscoveryTag) return HandleUnsentDiscovery(tag);
  if ((tag >> 32 & 0xFF) == kResetTag) return;  // the target repeats its SYN-ACK
  const auto slot = static_cast<uint32_t>(tag);
  HostRecord& host = hosts_[slot];
  if ((tag >> 32 & 0xFF) == kPortTag) {
    if (host.state.phase != Phase::kPorts || (host.state.generation & 0xFF) != tag >> 56) return;
    machine_.OnPortUnsent(host.state, static_cast<HostOrderPort>(tag >> 40));
    return Reschedule(slot);
  }
  const bool measuring = host.state.phase == Phase::kSequence || host.state.phase == Phase::kTests;
  if (!measuring || host.state.generation != static_cast<uint16_t>(tag >> 40)) return;
  machine_.OnUnsent(host, static_cast<ProbeId>((tag >> 32 & 0xFF) - 1));
  Reschedule(slot);
}

// Congestion of our own link must not cost targets: the probe is sent again, and if there are too
// many of them the whole walk is.
void Lane::HandleUnsentDiscovery(uint64_t tag) {
  const auto index = static_cast<uint32_t>(tag);
  const auto attempts = static_cast<uint32_t>(tag >> 56) + 1;
  if (admitted_.Test(index) || stopping_.load(std::memory_order_relaxed)) return;
  if (attempts >= kMostAttempts) {
    counters_[LaneCounter::kTargetsLost].Add();
    return;
  }
  if (refused_.size() >= kRefusedCapacity) {
    ++overflows_;
    overflowed_ = true;
    return;
  }
  refused_.push_back({.target = {.address = shared_->discovery->targets->At(index),
                                 .index = index,
                                 .pass = static_cast<uint32_t>(tag >> 40 & 0xFFFF)},
                      .attempts = attempts});
}

}  // namespace osprey::engine
