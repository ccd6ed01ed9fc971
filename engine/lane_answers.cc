// SPDX-License-Identifier: Apache-2.0
// Lane, answers: what we owe to others where the kernel does not give it.
//
// Resets (LinkInfo::own_resets) end the handshakes that our SYNs began. Each leaves at the scan's
// rate, before new discovery and after probes to hosts that are being measured, unless so many wait
// that some would be lost. A SYN-ACK is answered if it acknowledges a probe of ours, or comes from
// a port that is being measured, since some stacks acknowledge other numbers; a few times for each
// connection. So nobody can have many packets sent to others through us, nor to himself.
//
// Where the kernel sends the resets, at once and to whatever looks like a SYN-ACK, the same ones
// are counted and put on the pacer's bill, so that the scan's rate holds with them. What the kernel
// sends for forged ones is not the scan's.
//
// ARP replies (LinkInfo::foreign) tell neighbours, the gateway above all, where our source
// addresses are that the kernel knows nothing of.

#include <algorithm>
#include <cstdint>

#include "engine/lane.h"
#include "engine/lane_tags.h"

namespace osprey::engine {
namespace {

constexpr uint32_t kResetNoise = 0x81;      // "probe number" of resets
constexpr uint32_t kKernelResetBytes = 54;  // 40 behind the Ethernet header
constexpr uint32_t kRoundsRemembered = 12;  // of a host that is not in the table any more

// From a port that the round under way probes, to one that it probes from.
bool IsMeasured(const HostState& host, const io::wire::TcpReply& reply) {
  const bool measuring = host.phase == Phase::kSequence || host.phase == Phase::kTests;
  const auto offset = static_cast<uint16_t>(reply.destination_port - host.identity.tcp_base);
  return measuring && offset < matcher::kTcpProbeCount &&
         (reply.source_port == host.open_port ||
          reply.source_port == HostMachine::ClosedPort(host));
}

}  // namespace

bool Lane::IsSynAck(const io::wire::Reply& reply) {
  constexpr uint8_t kMask = kTcpSyn | kTcpAck | kTcpRst;
  return reply.kind == io::wire::ReplyKind::kTcp &&
         (reply.tcp.answer.flags & kMask) == (kTcpSyn | kTcpAck);
}

Lane::Resetter Lane::ResetterOf(const io::wire::Reply& syn_ack) const {
  const LinkInfo& link = shared_->network->link(syn_ack.link);
  if (link.own_resets || (resets_taken_over_ && link.can_reset)) return Resetter::kLane;
  // The kernel's to an address of our own never leave the machine.
  const bool foreign =
      std::binary_search(link.foreign.begin(), link.foreign.end(), syn_ack.destination);
  return foreign || link.local ? Resetter::kNobody : Resetter::kKernel;
}

void Lane::TakeOverResets() {
  resets_taken_over_ = true;
  if (resets_.capacity() > 0) return;
  resets_ = ResetQueue(ResetQueue::kCapacity, DeriveKey(shared_->seed, "resets"));
}

// SYNs of a round have the numbers seq0 (+ n of SEQn+1); T3's FIN counts as well.
bool Lane::AcknowledgesRound(const io::wire::Reply& reply, uint32_t serial) const {
  const IdentitySource& identities = *shared_->identities;
  HostOrderPort tcp_base, udp_base;
  identities.BasePorts(reply.source, serial, tcp_base, udp_base);
  const auto offset = static_cast<uint16_t>(reply.tcp.destination_port - tcp_base);
  if (offset >= matcher::kTcpProbeCount) return false;
  const uint32_t sent = identities.For(reply.source, serial).seq0 +
                        (offset < matcher::Observation::kSeqCount ? offset : 0);
  const uint32_t ahead = reply.tcp.answer.ack - sent;
  return ahead == 1 || ahead == 2;
}

bool Lane::AcknowledgesAnyRound(const io::wire::Reply& reply) const {
  const uint32_t slot = hosts_.Find(reply.source);
  uint32_t rounds = std::min(
      kRoundsRemembered, uint32_t{machine_.config().max_rounds} + machine_.config().max_remeasures);
  if (slot != HostTable::kNone) {
    rounds = hosts_[slot].state.serial;
  } else {
    const auto index = shared_->discovery->targets->IndexOf(reply.source);
    if (!index || !admitted_.Test(*index)) return false;
  }
  while (rounds-- > 0) {
    if (AcknowledgesRound(reply, rounds)) return true;
  }
  return false;
}

void Lane::AnswerOsSynAck(const io::wire::Reply& reply) {
  const uint32_t slot = hosts_.Find(reply.source);
  if (slot != HostTable::kNone && IsMeasured(hosts_[slot].state, reply.tcp)) {
    AnswerSynAck(reply, AcknowledgesRound(reply, hosts_[slot].state.serial - 1U));
  } else if (AcknowledgesAnyRound(reply)) {
    AnswerSynAck(reply, true);
  }
}

void Lane::CountRepeat(const io::wire::Reply& reply) {
  if (!IsSynAck(reply) || !AcknowledgesAnyRound(reply)) return;
  counters_[LaneCounter::kSynAcksRepeated].Add();
}

void Lane::AnswerSynAck(const io::wire::Reply& reply, bool proven) {
  switch (ResetterOf(reply)) {
    case Resetter::kLane:
      return QueueReset(reply, proven);
    case Resetter::kKernel:
      counters_[LaneCounter::kKernelResets].Add();
      pacer_.Bill(kKernelResetBytes);
      nets_.Charge(reply.source, now_);
      return;
    case Resetter::kNobody:
      return;
  }
}

void Lane::QueueReset(const io::wire::Reply& reply, bool proven) {
  const Path path = shared_->network->PathTo(reply.source);
  const LinkInfo& link = shared_->network->link(path.link);
  if (!path.reachable || path.link != reply.link ||
      link.sources[path.source] != reply.destination) {
    return;
  }
  const ResetQueue::Outcome outcome =
      resets_.Push({.to = reply.source,
                    .seq = reply.tcp.answer.ack,
                    .from = reply.tcp.destination_port,
                    .port = reply.tcp.source_port,
                    .next_hop = path.on_link ? reply.source_mac : path.next_hop,
                    .link = path.link,
                    .source = path.source,
                    .proven = proven});
  if (outcome == ResetQueue::Outcome::kFull) counters_[LaneCounter::kResetsOverflowed].Add();
  if (outcome == ResetQueue::Outcome::kAnsweredOften) {
    counters_[LaneCounter::kResetsWithheld].Add();
  }
}

void Lane::SendResets(uint32_t allowance) {
  while (!resets_.empty() && frames_this_turn_ < allowance && Room() > 0) {
    const PendingReset reset = resets_.Pop();
    if (IsExcluded(reset.to)) continue;
    Port& port = ports_[reset.link];
    const io::FrameSlot frame = Lease(port);
    const PacketNoise noise =
        shared_->identities->NoiseFor(reset.to, reset.from, kResetNoise, reset.seq);
    const uint32_t length = port.sources[reset.source].discovery.WriteReset(
        {reset.to, reset.next_hop}, reset.port, reset.from, reset.seq, noise, frame.data);
    counters_[LaneCounter::kSentResets].Add();
    nets_.Charge(reset.to, now_);
    Add(port, frame, length, MakeResetTag(), {});
  }
}

void Lane::OweArp(const io::wire::Reply& request) {
  const LinkInfo& link = shared_->network->link(request.link);
  if (!std::binary_search(link.foreign.begin(), link.foreign.end(), request.destination)) return;
  // Who gets no answer asks again.
  if (arp_owed_.size() == kArpCapacity) return counters_[LaneCounter::kArpOverflowed].Add();
  const auto source = std::find(link.sources.begin(), link.sources.end(), request.destination);
  arp_owed_.push_back({.to = request.source,
                       .mac = request.source_mac,
                       .link = request.link,
                       .source = static_cast<uint8_t>(source - link.sources.begin())});
}

void Lane::SendArpAnswers(uint32_t allowance) {
  while (!arp_owed_.empty() && frames_this_turn_ < allowance && Room() > 0) {
    const ArpOwed owed = arp_owed_.back();
    arp_owed_.pop_back();
    Port& port = ports_[owed.link];
    const io::FrameSlot frame = Lease(port);
    const uint32_t length =
        port.sources[owed.source].discovery.WriteArpReply(owed.to, owed.mac, frame.data);
    counters_[LaneCounter::kSentArpReplies].Add();
    Add(port, frame, length, kUnreportedTag, {});
  }
}

}  // namespace osprey::engine
