// SPDX-License-Identifier: Apache-2.0
// Lane, hosts: from the alive queue into the table, through their phases, and out again.

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/lane.h"

namespace osprey::engine {
namespace {

using matcher::ProbeId;

constexpr uint32_t kVerdictsPerTurn = 256;
// SEQ probes take 6 of the about 20 packets that a host costs; their phase lasts half a second.
constexpr double kSequenceShare = 0.3;
constexpr double kSequenceProbes = matcher::Observation::kSeqCount;
constexpr double kBacklogSeconds = 0.1;
constexpr double kSmallBacklog = 64;
constexpr double kSequenceProbesPerSecond = 10;
constexpr int64_t kSequenceLateLimitNs = 2 * kNsPerMs;

}  // namespace

void Lane::StartHosts() {
  if (!admitting_) return;
  while (alive_count_ > 0 && !hosts_.full() &&
         !IsBacklog(other_due_.size() + kSequenceProbes * sequence_wait_.size())) {
    const Alive& alive = alive_[alive_first_];
    alive_first_ = (alive_first_ + 1) % kAliveCapacity;
    --alive_count_;
    const Path path = shared_->network->PathTo(alive.address);
    const uint32_t slot = hosts_.Insert(alive.address);
    HostState& host = hosts_[slot].state;
    host.target_index = alive.index;
    host.epoch = alive.epoch;
    host.spoke = alive.spoke;
    host.open_port = alive.port.state == PortState::kOpen ? alive.port.port : HostOrderPort{0};
    host.closed_port = alive.port.state == PortState::kClosed ? alive.port.port : HostOrderPort{0};
    host.link = path.link;
    host.source = path.source;
    host.local = path.local;
    host.on_link = path.on_link;
    host.next_hop = path.on_link ? alive.mac : path.next_hop;
    started_ns_[slot] = now_;
    results_[slot].Clear();
    TakeHints(host, alive);
    machine_.Start(host, -1, now_);
    // The ladder asks again about a port that was only refused: some SYNs are.
    if (alive.port.state != PortState::kFiltered) RememberPort(slot, alive.port);
    Reschedule(slot);
  }
}

// Discovery asks a known port first. Where that was not what the host answered, the port is not
// what it was said to be (or the probe was lost), and the ladder finds ports as for any host.
void Lane::TakeHints(HostState& host, const Alive& alive) const {
  const DiscoveryPlan& plan = *shared_->discovery;
  const auto hints = plan.targets->HintsFor(alive.address);
  const bool asked = plan.AsksKnownPorts() && !host.on_link && !host.local;
  const auto seen = [&](const PortHint& hint) {
    return hint.port == alive.port.port &&
           alive.port.state == (hint.closed ? PortState::kClosed : PortState::kOpen);
  };
  if (asked && std::none_of(hints.begin(), hints.end(), seen)) return;
  for (const PortHint& hint : hints) {
    if (hint.port == host.open_port || hint.port == host.closed_port) continue;
    HostOrderPort& known = hint.closed ? host.closed_port : host.open_port;
    if (known == 0) known = hint.port;
  }
}

void Lane::RememberPort(uint32_t slot, const PortResult& port) {
  if (port.state == PortState::kUnknown) return;
  results_[slot].Note(port);
}

void Lane::RememberSilentPorts(uint32_t slot, const HostAction& action) {
  for (uint32_t left = action.silent; left != 0; left &= left - 1) {
    const size_t i = action.first_port + static_cast<uint32_t>(std::countr_zero(left));
    RememberPort(slot, {shared_->host->ports[i], PortState::kFiltered, PortReason::kNoResponse, 0});
  }
}

bool Lane::FireTimers() {
  fired_.clear();
  wheel_.Advance(now_, [this](uint32_t slot) {
    hosts_.PrefetchState(slot);
    fired_.push_back(slot);
  });
  for (const uint32_t slot : fired_) Enqueue(slot);
  return !fired_.empty();
}

void Lane::Enqueue(uint32_t slot) {
  HostState& host = hosts_[slot].state;
  if (host.queued) return;
  host.queued = true;
  wheel_.Cancel(slot);
  (host.phase == Phase::kSequence ? sequence_due_ : other_due_).Push(slot);
}

void Lane::Reschedule(uint32_t slot) {
  if (hosts_[slot].state.queued) return;
  const int64_t due = machine_.NextDue(hosts_[slot]);
  if (due == std::numeric_limits<int64_t>::max()) {
    wheel_.Cancel(slot);
  } else if (due <= now_) {
    Enqueue(slot);
  } else {
    wheel_.Schedule(slot, due);
  }
}

bool Lane::IsBacklog(double probes) const {
  const double rate = pacer_.limits().packets_per_second;
  return rate > 0 && probes > std::max(kBacklogSeconds * rate, kSmallBacklog);
}

bool Lane::EnoughAlive() const {
  return alive_count_ >= kAliveCapacity / 2 || IsBacklog(static_cast<double>(alive_count_));
}

bool Lane::ReserveSequence() const {
  if (in_sequence_ == 0) return true;
  // Whatever rate was asked for: a machine that is late with the SEQ probes it has is given no
  // more, or their spacing would be lost and the rounds with it.
  if (sequence_late_ns_ > kSequenceLateLimitNs) return false;
  const double rate = pacer_.limits().packets_per_second;
  if (rate <= 0) return true;
  if (now_ < rounds_.next(spare_) || IsBacklog(other_due_.size())) return false;
  return (in_sequence_ + 1) * kSequenceProbesPerSecond <= kSequenceShare * rate;
}

void Lane::ReleaseSequence(uint32_t slot) {
  HostState& host = hosts_[slot].state;
  if (!host.reserved) return;
  host.reserved = false;
  --in_sequence_;
}

void Lane::BeginRound(uint32_t slot) {
  HostRecord& host = hosts_[slot];
  HostState& state = host.state;
  const OsIdentity id = shared_->identities->For(state.address, state.serial);
  const auto noise = static_cast<uint16_t>(id.seq0 ^ id.ack0 >> 16);
  // Guessed ports lie in 30000..44780 and are new in every round (2.1).
  const RoundPorts ports{.tcp_base = id.tcp_base,
                         .udp_base = id.udp_base,
                         .icmp_id = id.icmpid,
                         .closed_port = static_cast<HostOrderPort>(30000 + noise % 14781),
                         .udp_port = static_cast<HostOrderPort>(30000 + (id.seq0 >> 7) % 14781)};
  matcher::RoundContext context{.seq0 = id.seq0, .ack0 = id.ack0, .u1_ttl = id.u1_ttl};
  // The UDP checksum of U1 is known before it is sent: it depends on nothing that varies.
  const HostOrderPort udp = state.udp_closed != 0 ? state.udp_closed : ports.udp_port;
  std::array<std::byte, io::SendRing::kFrameBytes> scratch;
  context.u1_udp_checksum =
      ports_[state.link]
          .sources[state.source]
          .os
          .Write(ProbeId::kU1, {state.address, state.next_hop}, id, {0, 0, udp}, {}, scratch.data())
          .udp_checksum;
  machine_.BeginRound(host, ports, context, now_);
  rounds_.OnBegun(now_, pacer_.limits().packets_per_second);
  if (state.phase == Phase::kSequence) {
    state.reserved = true;
    ++in_sequence_;
  }
}

void Lane::Visit(uint32_t slot) {
  HostRecord& host = hosts_[slot];
  host.state.queued = false;
  if (shared_->host_timeout_ns > 0 && now_ - started_ns_[slot] > shared_->host_timeout_ns) {
    return EndHost(slot, HostOutcome::kTimedOut);
  }
  if (new_exclusions_ != nullptr && IsExcluded(host.state.address)) {
    return EndHost(slot, HostOutcome::kExcluded);
  }
  if (WaitForNet(slot)) return;
  const HostAction action = machine_.OnDue(host, now_);
  if (host.state.phase != Phase::kSequence) ReleaseSequence(slot);
  switch (action.kind) {
    case HostAction::Kind::kNothing:
      return Reschedule(slot);
    case HostAction::Kind::kSendPort:
      return SendPort(slot, action.port);
    case HostAction::Kind::kPortsSilent:
      RememberSilentPorts(slot, action);
      return Reschedule(slot);
    case HostAction::Kind::kSendProbe:
      return SendProbe(slot, action);
    case HostAction::Kind::kBeginRound:
      if (host.state.remeasured > 0) counters_[LaneCounter::kRoundsRemeasured].Add();
      host.state.queued = true;
      if (EnterNet(slot)) sequence_wait_.Push(slot);
      return;
    case HostAction::Kind::kRoundDone:
      counters_[LaneCounter::kRoundsDone].Add();
      if (host.observation.lost_seq_answers() + host.observation.repeats_answered() > 0) {
        counters_[LaneCounter::kRoundsWithLosses].Add();
      }
      NoteCost(host);
      LeaveNet(slot);
      return host.state.spoke ? SubmitJob(slot) : EndHost(slot, HostOutcome::kSilent);
    case HostAction::Kind::kNotMeasured:
      return EndHost(slot, HostOutcome::kSkipped);
  }
}

// Its own packets, and on average what finding ports and resetting connections takes.
void Lane::NoteCost(const HostRecord& host) {
  const uint64_t others = counters_[LaneCounter::kSentPorts].value() +
                          counters_[LaneCounter::kSentResets].value() +
                          counters_[LaneCounter::kKernelResets].value();
  const uint64_t rounds = counters_[LaneCounter::kRoundsDone].value();
  rounds_.OnEnded(HostMachine::PacketsOf(host) +
                  static_cast<double>(others) / static_cast<double>(rounds));
}

MatchJob Lane::JobFor(uint32_t slot) const {
  return {.host = &hosts_[slot],
          .history = history_[slot].get(),
          .ports = &results_[slot],
          .started_realtime_ns = started_ns_[slot] + clock_offset_ns_,
          .slot = slot,
          .lane = config_.lane,
          .final = history_used_ >= shared_->history_bytes};
}

void Lane::SubmitJob(uint32_t slot) {
  if (!blocked_.empty() || !job_producer_.TryPush(JobFor(slot))) {
    blocked_.Push(slot);
    return;
  }
  shared_->shard_bell->Ring();
}

void Lane::RetryBlocked() {
  while (!blocked_.empty() && job_producer_.TryPush(JobFor(blocked_.front()))) {
    blocked_.Pop();
    shared_->shard_bell->Ring();
  }
  while (!blocked_results_.empty() &&
         result_producer_.TryPush(std::move(blocked_results_.back()))) {
    blocked_results_.pop_back();
    shared_->writer_bell->Ring();
  }
}

bool Lane::DrainVerdicts() {
  const auto take = [this](uint32_t slot, RoundVerdict verdict) {
    HostState& host = hosts_[slot].state;
    machine_.OnVerdict(host, verdict, now_);
    if (host.phase == Phase::kFinished) {
      counters_[LaneCounter::kHostsMatched].Add();
      return Erase(slot);
    }
    KeepRound(slot);
    Reschedule(slot);
  };
  return verdicts_.Drain(kVerdictsPerTurn, take) > 0;
}

void Lane::KeepRound(uint32_t slot) {
  if (!history_[slot]) history_[slot] = std::make_unique<RoundHistory>();
  history_[slot]->push_back(hosts_[slot].observation);
  history_used_ += sizeof(matcher::Observation);
  if (history_used_ >= shared_->history_bytes) counters_[LaneCounter::kHistoryExhausted].Add();
}

void Lane::EndHost(uint32_t slot, HostOutcome outcome) {
  const HostState& host = hosts_[slot].state;
  auto result = std::make_unique<HostResult>();
  result->outcome = outcome;
  result->address = host.address;
  result->target_index = host.target_index;
  result->lane = config_.lane;
  result->epoch = host.epoch;
  result->facts = FactsOf(host, *shared_->host);
  if (host.on_link) result->mac = host.next_hop;
  result->srtt_us = host.rtt.srtt_us;
  result->started_realtime_ns = started_ns_[slot] + clock_offset_ns_;
  result->finished_realtime_ns = now_ + clock_offset_ns_;
  result->ports = results_[slot];
  counters_[outcome == HostOutcome::kSkipped    ? LaneCounter::kHostsSkipped
            : outcome == HostOutcome::kExcluded ? LaneCounter::kHostsExcluded
            : outcome == HostOutcome::kTimedOut ? LaneCounter::kHostsTimedOut
                                                : LaneCounter::kHostsSilent]
      .Add();
  Erase(slot);
  if (blocked_results_.empty() && result_producer_.TryPush(std::move(result))) {
    shared_->writer_bell->Ring();
  } else {
    blocked_results_.push_back(std::move(result));
  }
}

void Lane::Erase(uint32_t slot) {
  if (history_[slot]) {
    history_used_ -= history_[slot]->size() * sizeof(matcher::Observation);
    history_[slot].reset();
  }
  ReleaseSequence(slot);
  LeaveNet(slot);
  wheel_.Cancel(slot);
  hosts_.Erase(slot);
}

}  // namespace osprey::engine
