// SPDX-License-Identifier: Apache-2.0
// Lane, receiving side: which host and which probe a reply belongs to (decision 7), and what each
// becomes. Every reply ends in exactly one counter.

#include <algorithm>

#include "engine/lane.h"

namespace osprey::engine {
namespace {

constexpr size_t kLookAhead = 8;            // replies whose host's memory is asked for in advance
constexpr int64_t kMostGrowthUs = 200'000;  // of a round trip within 100 ms: more is a mistake
constexpr uint32_t kLadderRepeat = 1;       // first try of a port: see SendPort

}  // namespace

using io::wire::Reply;
using io::wire::ReplyKind;

bool Lane::DrainReplies() {
  const size_t count = replies_.TryPopBatch(reply_batch_.data(), reply_batch_.size());
  // The index of those a little later, and the host of those a little sooner.
  const auto prefetch_index = [&](size_t i) {
    if (i < count) hosts_.PrefetchIndex(reply_batch_[i].source);
  };
  const auto prefetch_host = [&](size_t i) {
    if (i >= count) return;
    const uint32_t slot = hosts_.Find(reply_batch_[i].source);
    if (slot != HostTable::kNone) hosts_.PrefetchState(slot);
  };
  for (size_t i = 0; i < 2 * kLookAhead; ++i) prefetch_index(i);
  for (size_t i = 0; i < kLookAhead; ++i) prefetch_host(i);
  for (size_t i = 0; i < count; ++i) {
    prefetch_index(i + 2 * kLookAhead);
    prefetch_host(i + kLookAhead);
    HandleReply(reply_batch_[i]);
  }
  return count > 0;
}

void Lane::HandleReply(const Reply& reply) {
  counters_[LaneCounter::kRepliesIn].Add();
  const int64_t received = ToMonotonic(reply.realtime_ns);
  switch (reply.kind) {
    case ReplyKind::kTcp:
      return HandleTcp(reply, received);
    case ReplyKind::kEcho:
      return HandleEcho(reply, received);
    case ReplyKind::kIcmpError:
      return HandleIcmpError(reply, received);
    case ReplyKind::kArp:
      return HandleArp(reply);
    case ReplyKind::kUdp:
      return HandleUdp(reply);
    default:
      counters_[LaneCounter::kReplyOther].Add();
  }
}

void Lane::HandleTcp(const Reply& reply, int64_t received) {
  const HostOrderPort to = reply.tcp.destination_port;
  const PortPlan& plan = shared_->identities->plan();
  if (plan.IsDiscoveryPort(to)) return HandleDiscoveryTcp(reply, received);
  if (IsSynAck(reply)) AnswerOsSynAck(reply);
  const uint32_t slot = hosts_.Find(reply.source);
  if (!plan.IsOsPort(to) || slot == HostTable::kNone) {
    counters_[LaneCounter::kReplyLate].Add();
    CountRepeat(reply);
    return;
  }
  HostRecord& host = hosts_[slot];
  const auto offset = static_cast<uint16_t>(to - host.state.identity.tcp_base);
  const bool measuring = host.state.phase == Phase::kSequence || host.state.phase == Phase::kTests;
  if (!measuring || offset >= matcher::kTcpProbeCount) {
    counters_[LaneCounter::kReplyLate].Add();
    CountRepeat(reply);
    return;
  }
  const auto probe = static_cast<matcher::ProbeId>(offset);
  const uint32_t attempt =
      probe < matcher::ProbeId::kOps1 ? 0 : HostMachine::TransmissionsOf(host.state, probe);
  const bool fresh = machine_.OnTcp(host, offset, reply.tcp.answer, received);
  if (fresh && attempt == 0) CountSequenceAnswer(slot, offset, received);
  if (fresh) CountAttempt(attempt);
  if (!fresh) CountRepeat(reply);
  CountProbeReply(slot, fresh);
}

void Lane::CountSequenceAnswer(uint32_t slot, uint32_t n, int64_t received) {
  counters_[LaneCounter::kAnsweredSequence].Add();
  if (n >= matcher::Observation::kSeqCount) return;
  const HostRecord& host = hosts_[slot];
  const int64_t rtt_us = (received - HostMachine::SeqSentNs(host, n)) / kNsPerUs;
  const std::optional<int64_t> growth = delays_.Follow(slot, host.state, n, rtt_us);
  if (!growth || std::abs(*growth) > kMostGrowthUs) return;
  counters_[LaneCounter::kDelayPairs].Add();
  counters_[LaneCounter::kDelayGrownUs].Add(static_cast<uint64_t>(std::max<int64_t>(*growth, 0)));
  counters_[LaneCounter::kDelayShrunkUs].Add(static_cast<uint64_t>(std::max<int64_t>(-*growth, 0)));
}

void Lane::CountAttempt(uint32_t transmissions) {
  if (transmissions == 1) counters_[LaneCounter::kAnsweredFirst].Add();
  if (transmissions == 2) counters_[LaneCounter::kAnsweredSecond].Add();
}

void Lane::CountProbeReply(uint32_t slot, bool fresh) {
  counters_[fresh ? LaneCounter::kReplyProbe : LaneCounter::kReplyProbeDuplicate].Add();
  // A reply that adds nothing (its IP ID repeats, say) may still end the wait for it.
  Reschedule(slot);
}

void Lane::HandleDiscoveryTcp(const Reply& reply, int64_t received) {
  const TcpAnswer& answer = reply.tcp.answer;
  const HostOrderPort from = reply.tcp.source_port;
  const HostOrderPort to = reply.tcp.destination_port;
  const bool reset = (answer.flags & kTcpRst) != 0;
  const bool acknowledges = (answer.flags & kTcpAck) != 0;
  if (acknowledges && (reset || (answer.flags & kTcpSyn) != 0)) {
    const auto match = shared_->cookies->CheckSynReply(reply.source, from, to, answer.ack);
    const PortResult port{from, reset ? PortState::kClosed : PortState::kOpen,
                          reset ? PortReason::kReset : PortReason::kSynAck, answer.ttl};
    if (match && !reset) AnswerSynAck(reply, true);
    if (match) return HandleLife(reply, port, match->pass, received);
  }
  if (reset && shared_->cookies->CheckAckReply(reply.source, from, to, answer.seq)) {
    return HandleLife(reply, {}, 0, received);
  }
  counters_[LaneCounter::kReplyForged].Add();
}

void Lane::HandleLife(const Reply& reply, const PortResult& port, uint32_t repeat,
                      int64_t received) {
  const std::optional<uint32_t> index = shared_->discovery->targets->IndexOf(reply.source);
  if (!index) {
    counters_[LaneCounter::kReplyNotTarget].Add();
    return;
  }
  const uint32_t slot = hosts_.Find(reply.source);
  if (slot == HostTable::kNone) {
    return CountAdmission(Admit(*index, reply.source, reply.source_mac, port, true));
  }
  HostState& host = hosts_[slot].state;
  // In kMatching a shard reads the state.
  if (host.phase == Phase::kPorts) host.spoke = true;
  if (port.state == PortState::kUnknown) {
    counters_[LaneCounter::kReplyAliveAgain].Add();
    return;
  }
  bool fresh = machine_.OnPort(host, port.port, port.state, repeat == kLadderRepeat, received);
  // An answer that comes after its port was given up.
  fresh = fresh || (host.phase == Phase::kPorts && port.state != PortState::kFiltered &&
                    results_[slot].IsFiltered(port.port));
  counters_[fresh ? LaneCounter::kReplyPort : LaneCounter::kReplyPortDuplicate].Add();
  if (!fresh) return;
  if (repeat >= kLadderRepeat) CountAttempt(repeat - kLadderRepeat + 1);
  RememberPort(slot, port);
  Reschedule(slot);
}

void Lane::HandleEcho(const Reply& reply, int64_t received) {
  if (reply.echo.id >= kFirstDiscoveryIcmpId) {
    if (!reply.echo.has_payload ||
        !shared_->cookies->CheckEchoReply(reply.source, reply.echo.id, reply.echo.sequence,
                                          reply.echo.payload)) {
      counters_[LaneCounter::kReplyForged].Add();
      return;
    }
    return HandleLife(reply, {}, 0, received);
  }
  const uint32_t slot = hosts_.Find(reply.source);
  if (slot == HostTable::kNone) {
    counters_[LaneCounter::kReplyLate].Add();
    return;
  }
  HostRecord& host = hosts_[slot];
  const auto which = static_cast<uint16_t>(reply.echo.id - host.state.identity.icmp_id);
  if (which > 1 || host.state.phase != Phase::kTests) {
    counters_[LaneCounter::kReplyLate].Add();
    return;
  }
  const auto probe = which == 0 ? matcher::ProbeId::kIe1 : matcher::ProbeId::kIe2;
  const uint32_t attempt = HostMachine::TransmissionsOf(host.state, probe);
  const bool fresh = machine_.OnEcho(host, which, reply.echo.answer, received);
  if (fresh) CountAttempt(attempt);
  CountProbeReply(slot, fresh);
}

// A datagram has no room for a proof: the source port alone shows that we asked. It starts a
// host's ladder, and the host is forgotten if nothing else of it answers.
void Lane::HandleUdp(const Reply& reply) {
  const io::wire::UdpReply& udp = reply.udp;
  const auto asked = [&](const DiscoveryStep& step) {
    return step.kind == ProbeKind::kUdp && step.port == udp.source_port;
  };
  const auto& steps = shared_->discovery->steps;
  if (std::none_of(steps.begin(), steps.end(), asked) ||
      !shared_->cookies->CheckUdpReply(reply.source, udp.source_port, udp.destination_port)) {
    counters_[LaneCounter::kReplyForged].Add();
    return;
  }
  const std::optional<uint32_t> index = shared_->discovery->targets->IndexOf(reply.source);
  if (!index) {
    counters_[LaneCounter::kReplyNotTarget].Add();
    return;
  }
  CountAdmission(Admit(*index, reply.source, reply.source_mac, {}, false));
}

void Lane::HandleIcmpError(const Reply& reply, int64_t received) {
  const io::wire::IcmpError& error = reply.icmp;
  if (error.type == 3 && error.code == 3 && error.quotes_udp_header) {
    const uint32_t slot = hosts_.Find(reply.source);
    if (slot != HostTable::kNone) {
      HostRecord& host = hosts_[slot];
      if (error.quoted_source_port == host.state.identity.udp_base &&
          error.quoted_destination_port == HostMachine::UdpPort(host.state)) {
        const uint32_t attempt = HostMachine::TransmissionsOf(host.state, matcher::ProbeId::kU1);
        const bool fresh = machine_.OnUnreachable(host, error.answer, received);
        if (fresh) CountAttempt(attempt);
        return CountProbeReply(slot, fresh);
      }
    }
  }
  if (!error.has_quoted_ports ||
      !shared_->identities->plan().IsDiscoveryPort(error.quoted_source_port)) {
    counters_[LaneCounter::kReplyRouterError].Add();
    return;
  }
  const Ipv4Addr about = error.quoted_destination;
  const HostOrderPort port = error.quoted_destination_port;
  const bool ours =
      error.quoted_protocol == 17
          ? shared_->cookies
                ->CheckQuotedUdp(about, port, error.quoted_source_port, error.answer.quoted_ip_id)
                .has_value()
          : shared_->cookies
                ->CheckQuotedTcp(about, port, error.quoted_source_port, error.quoted_tcp_seq)
                .has_value();
  if (!ours) {
    counters_[LaneCounter::kReplyForged].Add();
    return;
  }
  const bool prohibited =
      error.type == 3 && (error.code == 9 || error.code == 10 || error.code == 13);
  if (prohibited) counters_[LaneCounter::kProhibited].Add();
  // A router's word counts for the state of a port, but is no sign of life.
  const uint32_t slot = hosts_.Find(about);
  const PortResult filtered{
      port, PortState::kFiltered,
      error.type == 3 ? ReasonOfUnreachable(error.code) : PortReason::kDestUnreach,
      error.answer.ttl};
  if (reply.source != about) {
    counters_[LaneCounter::kReplyRouterError].Add();
    if (slot != HostTable::kNone && error.type == 3 &&
        machine_.OnPort(hosts_[slot].state, port, PortState::kFiltered, false, received)) {
      RememberPort(slot, filtered);
      Reschedule(slot);
    }
    return;
  }
  HandleLife(reply, error.quoted_protocol == 6 ? filtered : PortResult{}, 0, received);
}

void Lane::HandleArp(const Reply& reply) {
  if (reply.arp.is_request) OweArp(reply);
  const std::optional<uint32_t> index = shared_->discovery->targets->IndexOf(reply.source);
  if (!index || !shared_->network->PathTo(reply.source).on_link) {
    counters_[LaneCounter::kReplyNotTarget].Add();
    return;
  }
  CountAdmission(Admit(*index, reply.source, reply.source_mac, {}, true));
}

void Lane::CountAdmission(Admission admission) {
  switch (admission) {
    case Admission::kAdmitted:
      return counters_[LaneCounter::kReplyAlive].Add();
    case Admission::kAgain:
      return counters_[LaneCounter::kReplyAliveAgain].Add();
    case Admission::kNoRoom:
      return counters_[LaneCounter::kReplyOverflow].Add();
  }
}

Lane::Admission Lane::Admit(uint32_t index, Ipv4Addr address, const MacAddr& mac,
                            const PortResult& port, bool spoke) {
  if (admitted_.Test(index)) return Admission::kAgain;
  if (alive_count_ == kAliveCapacity) {
    ++overflows_;
    overflowed_ = true;
    return Admission::kNoRoom;
  }
  admitted_.Set(index);
  counters_[LaneCounter::kHostsAdmitted].Add();
  alive_[(alive_first_ + alive_count_) % kAliveCapacity] = {.address = address,
                                                            .index = index,
                                                            .port = port,
                                                            .epoch = epochs_.Admit(),
                                                            .spoke = spoke,
                                                            .mac = mac};
  ++alive_count_;
  return Admission::kAdmitted;
}

}  // namespace osprey::engine
