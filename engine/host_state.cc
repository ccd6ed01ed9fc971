// SPDX-License-Identifier: Apache-2.0
#include "engine/host_state.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>

#include "base/check.h"
#include "base/clock.h"

namespace osprey::engine {
namespace {

using matcher::Index;
using matcher::ProbeId;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr size_t kFirstTest = Index(ProbeId::kOps1);
constexpr uint8_t kFirstBatch = 4;
constexpr uint8_t kLargestBatch = 32;
constexpr uint8_t kMostRefusals = 100;   // in one phase, before a refused probe counts as lost
constexpr uint32_t kWindowAtStart = 10;  // probes outstanding before the first answer (1.9)

constexpr uint32_t Bit(ProbeId probe) { return uint32_t{1} << Index(probe); }

// The order in which phase T sends (1.7): IE1, IE2, U1, OPS, ECN, T1..T7.
constexpr std::array<ProbeId, 17> kTestOrder = {
    ProbeId::kIe1,  ProbeId::kIe2,  ProbeId::kU1,   ProbeId::kOps1, ProbeId::kOps2, ProbeId::kOps3,
    ProbeId::kOps4, ProbeId::kOps5, ProbeId::kOps6, ProbeId::kEcn,  ProbeId::kT1,   ProbeId::kT2,
    ProbeId::kT3,   ProbeId::kT4,   ProbeId::kT5,   ProbeId::kT6,   ProbeId::kT7};

uint32_t Transmissions(const HostState& s, ProbeId probe) {
  return static_cast<uint32_t>(s.tests.transmissions >> (3 * (Index(probe) - kFirstTest)) & 7);
}

void SetTransmissions(HostState& s, ProbeId probe, uint32_t count) {
  const size_t shift = 3 * (Index(probe) - kFirstTest);
  s.tests.transmissions = (s.tests.transmissions & ~(uint64_t{7} << shift)) | uint64_t{count}
                                                                                  << shift;
}

int64_t SentNs(const HostState& s, ProbeId probe) {
  return s.phase_start_ns + int64_t{s.tests.sent_us[Index(probe) - kFirstTest]} * kNsPerUs;
}

int64_t TimeoutNs(const HostState& s) { return int64_t{s.rtt.timeout_us} * kNsPerUs; }

void Pause(HostState& s, int64_t until) {
  s.phase = Phase::kPause;
  std::construct_at(&s.ports, PortWork{.wait_until_ns = until});
}

// The probe to send next: unsent ones in order, then those that timed out, oldest first.
ProbeId NextTest(const HostState& s) {
  ProbeId best = ProbeId::kSeq1;
  uint64_t best_key = std::numeric_limits<uint64_t>::max();
  for (const ProbeId probe : kTestOrder) {
    if ((s.tests.pending & Bit(probe)) == 0) continue;
    if (Transmissions(s, probe) == 0) return probe;
    const uint64_t key = s.tests.sent_us[Index(probe) - kFirstTest];
    if (key < best_key) {
      best_key = key;
      best = probe;
    }
  }
  return best;
}

}  // namespace

void HostMachine::Start(HostState& s, int64_t rtt_us, int64_t now) const {
  s.phase = Phase::kPorts;
  s.phase_start_ns = now;
  s.last_send_ns = now;
  s.rtt.Reset(config_->rtt);
  if (rtt_us >= 0) s.rtt.Add(rtt_us, config_->rtt);
  std::construct_at(&s.ports, PortWork{.wait_until_ns = now});
  s.refusals = 0;
  s.ports.size = NextBatchSize(s);
}

int64_t HostMachine::NextDue(const HostRecord& host) const {
  const HostState& s = host.state;
  switch (s.phase) {
    case Phase::kPorts:
      return s.ports.sent < s.ports.size || s.ports.unsent != 0 ? s.phase_start_ns
                                                                : s.ports.wait_until_ns;
    case Phase::kPause:
      return s.ports.wait_until_ns;
    case Phase::kSequence:
      return SequenceNextDue(host);
    case Phase::kTests:
      return TestsNextDue(host);
    case Phase::kFree:
    case Phase::kMatching:
    case Phase::kFinished:
      return kNever;
  }
  return kNever;
}

HostAction HostMachine::OnDue(HostRecord& host, int64_t now) const {
  if (now < NextDue(host)) return {};
  switch (host.state.phase) {
    case Phase::kPorts:
      return PortsDue(host.state, now);
    case Phase::kPause:
      return {.kind = HostAction::Kind::kBeginRound};
    case Phase::kSequence:
      return SequenceDue(host, now);
    case Phase::kTests:
      return TestsDue(host, now);
    case Phase::kFree:
    case Phase::kMatching:
    case Phase::kFinished:
      return {};
  }
  return {};
}

uint32_t HostMachine::TransmissionsOf(const HostState& state, ProbeId probe) {
  const bool measuring = state.phase == Phase::kSequence || state.phase == Phase::kTests;
  return measuring ? Transmissions(state, probe) : 0;
}

uint32_t HostMachine::PacketsOf(const HostRecord& host) {
  uint32_t packets = 0;
  for (int n = 0; n < 6; ++n) packets += host.observation.SeqSent(n) ? 1U : 0U;
  for (uint64_t left = host.state.tests.transmissions; left != 0; left >>= 3) packets += left & 7;
  return packets;
}

// --- Ports -----------------------------------------------------------------------------------

uint8_t HostMachine::NextBatchSize(const HostState& s) const {
  const size_t left = config_->ports.size() - s.ports.cursor;
  const size_t wanted =
      s.ports.size == 0 ? kFirstBatch : std::min<size_t>(size_t{s.ports.size} * 2, kLargestBatch);
  return static_cast<uint8_t>(std::min(left, wanted));
}

HostAction HostMachine::PortsDue(HostState& s, int64_t now) const {
  if (!config_->all_ports && s.open_port != 0 && s.closed_port != 0) return EndPorts(s);
  while (s.ports.size > 0) {
    // One pass over the batch: every port not answered yet.
    while (s.ports.sent < s.ports.size) {
      const uint8_t i = s.ports.sent++;
      const HostOrderPort port = config_->ports[s.ports.cursor + i];
      if ((s.ports.answered >> i & 1) != 0) continue;
      if (port == s.open_port || port == s.closed_port) {
        s.ports.answered |= uint32_t{1} << i;
        continue;
      }
      return ProbePort(s, i, now);
    }
    s.ports.unsent &= ~s.ports.answered;
    if (s.ports.unsent != 0) {
      const auto i = static_cast<uint8_t>(std::countr_zero(s.ports.unsent));
      s.ports.unsent &= s.ports.unsent - 1;
      return ProbePort(s, i, now);
    }
    const bool complete = std::popcount(s.ports.answered) == s.ports.size;
    if (!complete && now < s.ports.wait_until_ns) return {};
    if (!complete && s.ports.pass < config_->port_retries) {
      ++s.ports.pass;
      s.ports.sent = 0;
      continue;
    }
    if (const HostAction silent = EndBatch(s); silent.silent != 0) return silent;
  }
  return EndPorts(s);
}

// Goes on to the next batch; says which ports of this one never answered.
HostAction HostMachine::EndBatch(HostState& s) const {
  const auto all = static_cast<uint32_t>((uint64_t{1} << s.ports.size) - 1);
  // After so many refusals, which were sent and which not is no longer known.
  const bool known = s.refusals < kMostRefusals;
  const HostAction silent{.kind = HostAction::Kind::kPortsSilent,
                          .first_port = s.ports.cursor,
                          .silent = known ? all & ~s.ports.answered : 0};
  s.ports.cursor += s.ports.size;
  s.ports.size = NextBatchSize(s);
  s.ports.answered = 0;
  s.ports.sent = 0;
  s.ports.pass = 0;
  return silent;
}

HostAction HostMachine::ProbePort(HostState& s, uint8_t i, int64_t now) const {
  s.ports.newest = i;
  s.ports.wait_until_ns = now + TimeoutNs(s);
  return {.kind = HostAction::Kind::kSendPort, .port = config_->ports[s.ports.cursor + i]};
}

void HostMachine::OnPortSent(HostState& s, int64_t now) const {
  if (s.phase != Phase::kPorts) return;
  s.last_send_ns = now;
  // Not if the answers came first and the batch is over.
  if (s.ports.wait_until_ns > s.phase_start_ns) s.ports.wait_until_ns = now + TimeoutNs(s);
  if (s.ports.pass == 0 && s.ports.newest < s.ports.sent_us.size()) {
    s.ports.sent_us[s.ports.newest] = static_cast<uint32_t>((now - s.phase_start_ns) / kNsPerUs);
  }
}

void HostMachine::OnPortUnsent(HostState& s, HostOrderPort port) const {
  if (s.phase != Phase::kPorts || s.refusals >= kMostRefusals) return;
  ++s.refusals;
  for (uint32_t i = 0; i < s.ports.sent; ++i) {
    if (config_->ports[s.ports.cursor + i] == port) s.ports.unsent |= uint32_t{1} << i;
  }
}

HostAction HostMachine::EndPorts(HostState& s) const {
  if (config_->os_scan_limit && (s.open_port == 0 || s.closed_port == 0)) {
    s.phase = Phase::kFinished;
    return {.kind = HostAction::Kind::kNotMeasured};
  }
  Pause(s, 0);
  return {.kind = HostAction::Kind::kBeginRound};
}

bool HostMachine::OnPort(HostState& s, HostOrderPort port, PortState port_state, bool first_try,
                         int64_t received) const {
  // Later nothing is chosen any more, and in kMatching a shard reads the state.
  if (s.phase != Phase::kPorts) return false;
  bool news = false;
  for (uint32_t i = 0; i < s.ports.size; ++i) {
    if (config_->ports[s.ports.cursor + i] != port) continue;
    news = (s.ports.answered >> i & 1) == 0;
    s.ports.answered |= uint32_t{1} << i;
    // Only what was sent: an answer to discovery may come before the ladder's own probe leaves.
    const bool timed =
        first_try && i < s.ports.sent_us.size() && (s.ports.sent > i || s.ports.pass > 0);
    if (news && timed && port_state != PortState::kFiltered) {
      OnRtt(s, (received - s.phase_start_ns) / kNsPerUs - int64_t{s.ports.sent_us[i]});
    }
  }
  if (std::popcount(s.ports.answered) == s.ports.size) s.ports.wait_until_ns = s.phase_start_ns;
  // Ports once chosen are kept from round to round (2.1).
  if (port_state == PortState::kFiltered || port == 0) return news;
  HostOrderPort& chosen = port_state == PortState::kOpen ? s.open_port : s.closed_port;
  if (chosen == 0 || port < chosen) {
    news = true;
    chosen = port;
  }
  if (!config_->all_ports && s.open_port != 0 && s.closed_port != 0) {
    s.ports.wait_until_ns = s.phase_start_ns;
  }
  return news;
}

// --- Sequence --------------------------------------------------------------------------------

void HostMachine::BeginRound(HostRecord& host, const RoundPorts& identity,
                             const matcher::RoundContext& context, int64_t now) const {
  HostState& s = host.state;
  s.identity = identity;
  s.phase_start_ns = now;
  s.last_send_ns = now;
  s.seq_next = 0;
  s.seq_unsent = false;
  std::construct_at(&s.tests);
  s.refusals = 0;
  ++s.serial;
  host.observation.Begin(context);
  if (s.open_port != 0) {
    s.phase = Phase::kSequence;
  } else {
    BeginTests(host);
    s.last_send_ns = now - config_->test_spacing_ns;  // nothing was sent yet
  }
}

int64_t HostMachine::SequenceNextDue(const HostRecord& host) const {
  const HostState& s = host.state;
  if (s.seq_next == 0) return s.last_send_ns;
  if (s.seq_next < 6) return s.last_send_ns + config_->seq_spacing_ns;
  int64_t due = s.last_send_ns;
  for (int n = 0; n < 6; ++n) {
    if (!host.observation.SeqSent(n) || host.observation.SeqAnswered(n)) continue;
    due = std::max(due, HostMachine::SeqSentNs(host, static_cast<size_t>(n)) + TimeoutNs(s));
  }
  return due;
}

HostAction HostMachine::SequenceDue(HostRecord& host, int64_t now) const {
  HostState& s = host.state;
  if (s.seq_next < 6) {
    const auto probe = static_cast<ProbeId>(s.seq_next);
    return {.kind = HostAction::Kind::kSendProbe, .probe = probe, .transmission = 1};
  }
  if (SpacingWasOff(host) && s.remeasured < config_->max_remeasures) {
    ++s.remeasured;
    Pause(s, now);
    return {.kind = HostAction::Kind::kBeginRound};
  }
  // Of rounds that count: one that is thrown away does not make the fingerprint unfit.
  const uint32_t span_ms = std::min<uint32_t>(host.observation.seq_span_ms(), 0xFFFF);
  s.max_span_ms = std::max(s.max_span_ms, static_cast<uint16_t>(span_ms));
  BeginTests(host);
  return TestsDue(host, now);
}

bool HostMachine::SpacingWasOff(const HostRecord& host) const {
  if (host.state.seq_unsent) return true;
  const int64_t limit_us = (config_->seq_spacing_ns + config_->seq_spacing_slack_ns) / kNsPerUs;
  for (size_t n = 1; n < 6; ++n) {
    const auto& previous = host.observation.seq(n - 1);
    const auto& slot = host.observation.seq(n);
    if (!slot.sent || !previous.sent) return true;
    if (int64_t{slot.sent_us} - int64_t{previous.sent_us} > limit_us) return true;
  }
  return false;
}

// --- Tests -----------------------------------------------------------------------------------

void HostMachine::BeginTests(HostRecord& host) const {
  HostState& s = host.state;
  const matcher::Observation& o = host.observation;
  s.phase = Phase::kTests;
  s.tests.pending = Bit(ProbeId::kU1) | Bit(ProbeId::kT5) | Bit(ProbeId::kT6) | Bit(ProbeId::kT7) |
                    Bit(ProbeId::kIe1) | Bit(ProbeId::kIe2);
  if (s.open_port != 0) {
    for (int n = 0; n < 6; ++n) {
      if (o.OpsMissing(n))
        s.tests.pending |= Bit(static_cast<ProbeId>(kFirstTest + static_cast<size_t>(n)));
    }
    if (!o.SeqAnswered(0)) s.tests.pending |= Bit(ProbeId::kT1);
    s.tests.pending |=
        Bit(ProbeId::kEcn) | Bit(ProbeId::kT2) | Bit(ProbeId::kT3) | Bit(ProbeId::kT4);
  }
  if (config_->gentle) {
    s.tests.pending &= ~(Bit(ProbeId::kT2) | Bit(ProbeId::kT3) | Bit(ProbeId::kT7));
  }
}

void HostMachine::ExpireTests(HostRecord& host, int64_t now) const {
  HostState& s = host.state;
  const int64_t timeout = TimeoutNs(s);
  for (uint32_t left = s.tests.outstanding; left != 0; left &= left - 1) {
    const auto probe = static_cast<ProbeId>(std::countr_zero(left));
    if (now < SentNs(s, probe) + timeout) continue;
    s.tests.outstanding &= ~Bit(probe);
    if (Transmissions(s, probe) < config_->test_transmissions) s.tests.pending |= Bit(probe);
  }
}

int64_t HostMachine::TestsNextDue(const HostRecord& host) const {
  const HostState& s = host.state;
  if (s.tests.pending == 0 && s.tests.outstanding == 0) return s.last_send_ns;
  int64_t due = kNever;
  for (uint32_t left = s.tests.outstanding; left != 0; left &= left - 1) {
    const auto probe = static_cast<ProbeId>(std::countr_zero(left));
    due = std::min(due, SentNs(s, probe) + TimeoutNs(s));
  }
  const auto outstanding = static_cast<uint32_t>(std::popcount(s.tests.outstanding));
  if (s.tests.pending != 0 && outstanding < kWindowAtStart) {
    due = std::min(due, s.last_send_ns + config_->test_spacing_ns);
  }
  return due;
}

HostAction HostMachine::TestsDue(HostRecord& host, int64_t now) const {
  HostState& s = host.state;
  ExpireTests(host, now);
  if (s.tests.pending == 0 && s.tests.outstanding == 0) {
    s.phase = Phase::kMatching;
    return {.kind = HostAction::Kind::kRoundDone};
  }
  if (s.tests.pending == 0 || now < s.last_send_ns + config_->test_spacing_ns ||
      static_cast<uint32_t>(std::popcount(s.tests.outstanding)) >= kWindowAtStart) {
    return {};
  }
  const ProbeId probe = NextTest(s);
  return {.kind = HostAction::Kind::kSendProbe,
          .probe = probe,
          .transmission = static_cast<uint8_t>(Transmissions(s, probe) + 1)};
}

// --- Events ----------------------------------------------------------------------------------

void HostMachine::OnSent(HostRecord& host, ProbeId probe, int64_t now, int64_t realtime) const {
  HostState& s = host.state;
  s.last_send_ns = now;
  if (Index(probe) < kFirstTest) {
    if (probe == ProbeId::kSeq1) s.phase_start_ns = now;
    host.observation.NoteSeqSent(static_cast<int>(Index(probe)), now, realtime);
    s.seq_next = static_cast<uint8_t>(Index(probe) + 1);
    return;
  }
  s.tests.pending &= ~Bit(probe);
  s.tests.outstanding |= Bit(probe);
  SetTransmissions(s, probe, std::min<uint32_t>(Transmissions(s, probe) + 1, 7));
  s.tests.sent_us[Index(probe) - kFirstTest] =
      static_cast<uint32_t>((now - s.phase_start_ns) / kNsPerUs);
}

void HostMachine::OnUnsent(HostRecord& host, ProbeId probe) const {
  HostState& s = host.state;
  if (Index(probe) < kFirstTest) {
    // Too late to send it in its place: the gap would be off. The round is measured again.
    if (s.phase == Phase::kSequence) {
      host.observation.NoteSeqUnsent(static_cast<int>(Index(probe)));
      s.seq_unsent = true;
    }
    return;
  }
  if (s.phase != Phase::kTests || (s.tests.outstanding & Bit(probe)) == 0) return;
  if (s.refusals >= kMostRefusals) return;  // from here on it counts as sent and lost
  ++s.refusals;
  s.tests.outstanding &= ~Bit(probe);
  s.tests.pending |= Bit(probe);
  const uint32_t sent = Transmissions(s, probe);
  SetTransmissions(s, probe, sent > 0 ? sent - 1 : 0);
}

void HostMachine::Answered(HostState& s, ProbeId probe, int64_t received) const {
  s.spoke = true;
  if (Index(probe) < kFirstTest) return;
  if ((s.tests.outstanding & Bit(probe)) != 0 && Transmissions(s, probe) == 1) {
    OnRtt(s, (received - SentNs(s, probe)) / kNsPerUs);
  }
  s.tests.outstanding &= ~Bit(probe);
  s.tests.pending &= ~Bit(probe);
}

// Of a probe of phase T.
void HostMachine::NoteFirstAnswer(HostRecord& host, ProbeId probe) const {
  if (Transmissions(host.state, probe) > 1) host.observation.NoteRepeatAnswered();
}

bool HostMachine::OnTcp(HostRecord& host, size_t offset, const TcpAnswer& answer,
                        int64_t received) const {
  HostState& s = host.state;
  if (s.phase != Phase::kSequence && s.phase != Phase::kTests) return false;
  const auto probe = static_cast<ProbeId>(offset);
  const matcher::RecordOutcome outcome = host.observation.RecordTcp(offset, answer);
  if (outcome == matcher::RecordOutcome::kNotSent) return false;
  if (outcome == matcher::RecordOutcome::kUnexpectedReset) s.reset_warning = true;
  if (outcome == matcher::RecordOutcome::kNew) {
    if (Index(probe) < kFirstTest) {
      OnRtt(s, (received - SeqSentNs(host, offset)) / kNsPerUs);
    } else {
      NoteFirstAnswer(host, probe);
    }
  }
  Answered(s, probe, received);
  return outcome != matcher::RecordOutcome::kDuplicate;
}

bool HostMachine::OnEcho(HostRecord& host, int which, const EchoAnswer& answer,
                         int64_t received) const {
  HostState& s = host.state;
  if (s.phase != Phase::kSequence && s.phase != Phase::kTests) return false;
  const auto probe = static_cast<ProbeId>(Index(ProbeId::kIe1) + static_cast<size_t>(which));
  if (Transmissions(s, probe) == 0) return false;
  const bool usable = (s.tests.outstanding & Bit(probe)) != 0 && Transmissions(s, probe) == 1;
  const auto outcome = host.observation.RecordEcho(which, answer, usable);
  Answered(s, probe, received);
  if (outcome != matcher::RecordOutcome::kNew) return false;
  NoteFirstAnswer(host, probe);
  return true;
}

bool HostMachine::OnUnreachable(HostRecord& host, const UnreachableAnswer& answer,
                                int64_t received) const {
  HostState& s = host.state;
  if (s.phase != Phase::kSequence && s.phase != Phase::kTests) return false;
  if (Transmissions(s, ProbeId::kU1) == 0) return false;
  const auto outcome = host.observation.RecordUnreachable(answer);
  Answered(s, ProbeId::kU1, received);
  if (outcome != matcher::RecordOutcome::kNew) return false;
  NoteFirstAnswer(host, ProbeId::kU1);
  const HostOrderPort port = UdpPort(s);
  if (s.udp_closed == 0) s.udp_closed = port;
  if (!s.distance_known) {
    s.hop_distance =
        static_cast<int16_t>(host.observation.context().u1_ttl - answer.quoted_ttl + 1);
    s.distance_known = s.hop_distance != -1;  // -1 is the mark of "unknown" itself (8.1)
  }
  return true;
}

void HostMachine::OnVerdict(HostState& s, RoundVerdict verdict, int64_t now) const {
  OSPREY_DCHECK(s.phase == Phase::kMatching);
  if (verdict == RoundVerdict::kFinished) {
    s.phase = Phase::kFinished;
    return;
  }
  ++s.round;
  s.remeasured = 0;
  // One second before a round, another one and a half before the fourth (1.10).
  Pause(s, now + kNsPerSecond + (s.round == 3 ? 1500 * kNsPerMs : 0));
}

}  // namespace osprey::engine
