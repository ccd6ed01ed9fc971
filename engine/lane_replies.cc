// SPDX-License-Identifier: Apache-2.0
// Lane, receiving side: which host and which probe a reply belongs to (decision 7), and what each
// becomes. Every reply ends in exactly one counter.

#include "engine/lane.h"

namespace osprey::engine {

using io::wire::Reply;
using io::wire::ReplyKind;

bool Lane::DrainReplies() {
  const size_t count = replies_.TryPopBatch(reply_batch_.data(), reply_batch_.size());
  for (size_t i = 0; i < count; ++i) HandleReply(reply_batch_[i]);
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
      return HandleUdp(reply, received);
    default:
      counters_[LaneCounter::kReplyOther].Add();
  }
}

void Lane::HandleTcp(const Reply& reply, int64_t received) {
  const HostOrderPort to = reply.tcp.destination_port;
  const PortPlan& plan = shared_->identities->plan();
  if (plan.IsDiscoveryPort(to)) return HandleDiscoveryTcp(reply, received);
  const uint32_t slot = hosts_.Find(reply.source);
  if (!plan.IsOsPort(to) || slot == HostTable::kNone) {
    counters_[LaneCounter::kReplyLate].Add();
    return;
  }
  HostRecord& host = hosts_[slot];
  const auto offset = static_cast<uint16_t>(to - host.state.identity.tcp_base);
  const bool measuring = host.state.phase == Phase::kSequence || host.state.phase == Phase::kTests;
  if (!measuring || offset >= matcher::kTcpProbeCount) {
    counters_[LaneCounter::kReplyLate].Add();
    return;
  }
  CountProbeReply(slot, machine_.OnTcp(host, offset, reply.tcp.answer, received));
}

void Lane::CountProbeReply(uint32_t slot, bool fresh) {
  counters_[fresh ? LaneCounter::kReplyProbe : LaneCounter::kReplyProbeDuplicate].Add();
  if (fresh) Reschedule(slot);
}

void Lane::HandleDiscoveryTcp(const Reply& reply, int64_t received) {
  const TcpAnswer& answer = reply.tcp.answer;
  const HostOrderPort from = reply.tcp.source_port;
  const HostOrderPort to = reply.tcp.destination_port;
  const bool reset = (answer.flags & kTcpRst) != 0;
  const bool acknowledges = (answer.flags & kTcpAck) != 0;
  if (acknowledges && (reset || (answer.flags & kTcpSyn) != 0) &&
      shared_->cookies->CheckSynReply(reply.source, from, to, answer.ack)) {
    return HandleLife(reply, from, reset ? PortState::kClosed : PortState::kOpen, received);
  }
  if (reset && shared_->cookies->CheckAckReply(reply.source, from, to, answer.seq)) {
    return HandleLife(reply, from, PortState::kUnknown, received);
  }
  counters_[LaneCounter::kReplyForged].Add();
}

void Lane::HandleLife(const Reply& reply, HostOrderPort port, PortState state, int64_t received) {
  const std::optional<uint32_t> index = shared_->discovery->targets->IndexOf(reply.source);
  if (!index) {
    counters_[LaneCounter::kReplyNotTarget].Add();
    return;
  }
  const uint32_t slot = hosts_.Find(reply.source);
  if (slot == HostTable::kNone) {
    return Admit(*index, reply.source, reply.source_mac, port, state, true);
  }
  HostState& host = hosts_[slot].state;
  if (state == PortState::kUnknown) {
    if (host.phase == Phase::kPorts) host.spoke = true;
    counters_[LaneCounter::kReplyAliveAgain].Add();
    return;
  }
  const bool fresh = machine_.OnPort(host, port, state, received);
  counters_[fresh ? LaneCounter::kReplyPort : LaneCounter::kReplyPortDuplicate].Add();
  if (!fresh) return;
  RememberPort(slot, port, state);
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
    return HandleLife(reply, 0, PortState::kUnknown, received);
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
  CountProbeReply(slot, machine_.OnEcho(host, which, reply.echo.answer, received));
}

void Lane::HandleUdp(const Reply& reply, int64_t received) {
  if (!shared_->cookies->CheckUdpReply(reply.source, reply.udp.source_port,
                                       reply.udp.destination_port)) {
    counters_[LaneCounter::kReplyForged].Add();
    return;
  }
  HandleLife(reply, reply.udp.source_port, PortState::kUnknown, received);
}

void Lane::HandleIcmpError(const Reply& reply, int64_t received) {
  const io::wire::IcmpError& error = reply.icmp;
  if (error.type == 3 && error.code == 3 && error.quotes_udp_header) {
    const uint32_t slot = hosts_.Find(reply.source);
    if (slot != HostTable::kNone) {
      HostRecord& host = hosts_[slot];
      if (error.quoted_source_port == host.state.identity.udp_base &&
          error.quoted_destination_port == HostMachine::UdpPort(host.state)) {
        return CountProbeReply(slot, machine_.OnUnreachable(host, error.answer, received));
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
  // A router's word counts for the state of a port, but is no sign of life.
  const uint32_t slot = hosts_.Find(about);
  if (reply.source != about) {
    counters_[LaneCounter::kReplyRouterError].Add();
    if (slot != HostTable::kNone && error.type == 3 &&
        machine_.OnPort(hosts_[slot].state, port, PortState::kFiltered, received)) {
      Reschedule(slot);
    }
    return;
  }
  HandleLife(reply, port, error.quoted_protocol == 6 ? PortState::kFiltered : PortState::kUnknown,
             received);
}

void Lane::HandleArp(const Reply& reply) {
  const std::optional<uint32_t> index = shared_->discovery->targets->IndexOf(reply.source);
  if (!index || !shared_->network->PathTo(reply.source).on_link) {
    counters_[LaneCounter::kReplyNotTarget].Add();
    return;
  }
  Admit(*index, reply.source, reply.source_mac, 0, PortState::kUnknown, true);
}

void Lane::Admit(uint32_t index, Ipv4Addr address, const MacAddr& mac, HostOrderPort port,
                 PortState state, bool spoke) {
  if (admitted_.Test(index)) {
    if (spoke) counters_[LaneCounter::kReplyAliveAgain].Add();
    return;
  }
  if (alive_count_ == kAliveCapacity) {
    counters_[LaneCounter::kReplyOverflow].Add();
    ++overflows_;
    overflowed_ = true;
    return;
  }
  admitted_.Set(index);
  if (spoke) counters_[LaneCounter::kReplyAlive].Add();
  counters_[LaneCounter::kHostsAdmitted].Add();
  alive_[(alive_first_ + alive_count_) % kAliveCapacity] = {
      .address = address,
      .index = index,
      .open_port = state == PortState::kOpen ? port : HostOrderPort{0},
      .closed_port = state == PortState::kClosed ? port : HostOrderPort{0},
      .epoch = epochs_.Admit(),
      .spoke = spoke,
      .mac = mac};
  ++alive_count_;
}

}  // namespace osprey::engine
