// SPDX-License-Identifier: Apache-2.0
#include "matcher/observation.h"

#include <algorithm>

#include "base/check.h"
#include "base/tcp_options.h"
#include "matcher/probe_id.h"

namespace osprey::matcher {
namespace {

constexpr int64_t kNsPerUs = 1000;

// Copies the options, bounded by both sides whatever the length says; gives the count.
uint8_t CopyOptions(const TcpAnswer& answer, std::array<uint8_t, 40>& out) {
  const size_t length = std::min<size_t>(answer.options_length, out.size());
  std::copy_n(answer.options.begin(), length, out.begin());
  return static_cast<uint8_t>(length);
}

std::span<const uint8_t> OptionsOf(const TcpAnswer& answer) {
  return {answer.options.data(), std::min<size_t>(answer.options_length, answer.options.size())};
}

constexpr db::LineId LineOfOffset(size_t offset) {
  return static_cast<db::LineId>(static_cast<size_t>(db::LineId::kEcn) + offset -
                                 Index(ProbeId::kEcn));
}

}  // namespace

void Observation::Begin(const RoundContext& context) {
  *this = Observation();
  context_ = context;
}

void Observation::NoteSeqSent(int n, int64_t monotonic_ns, int64_t realtime_ns) {
  // Truncated to microseconds before the subtraction, as a clock in microseconds would have read.
  const auto now_us = static_cast<uint32_t>(monotonic_ns / kNsPerUs);
  if (!any_seq_sent_) {
    any_seq_sent_ = true;
    first_monotonic_us_ = now_us;
    first_realtime_us_ = realtime_ns / kNsPerUs;
  }
  const uint32_t elapsed = now_us - first_monotonic_us_;
  SeqSlot& slot = seq_[Slot(n)];
  slot.sent = true;
  slot.sent_us = static_cast<int32_t>(elapsed) < 0 ? 0 : elapsed;
}

void Observation::NoteSeqUnsent(int n) {
  seq_[Slot(n)].sent = false;
  seq_[Slot(n)].sent_us = 0;
}

RecordOutcome Observation::RecordTcp(size_t offset, const TcpAnswer& answer) {
  OSPREY_DCHECK(offset < kTcpProbeCount);
  if (offset < kSeqCount) return RecordSeq(offset, answer);
  const bool first = offset < Index(ProbeId::kEcn) ? FillOps(offset - kSeqCount, answer)
                                                   : FillLine(LineOfOffset(offset), answer);
  return first ? RecordOutcome::kNew : RecordOutcome::kDuplicate;
}

RecordOutcome Observation::RecordSeq(size_t n, const TcpAnswer& answer) {
  SeqSlot& slot = seq_[n];
  if (!slot.sent) return RecordOutcome::kNotSent;
  RecordOutcome outcome = slot.answered ? RecordOutcome::kDuplicate : RecordOutcome::kNew;
  slot.answered = true;

  const bool repeats = previous_ip_id_ != 0 && previous_ip_id_ == answer.ip_id;
  previous_ip_id_ = answer.ip_id;
  if (repeats) {
    outcome = RecordOutcome::kDuplicate;
  } else if ((answer.flags & kTcpRst) != 0) {
    if (good_seq_replies() == 0) outcome = RecordOutcome::kUnexpectedReset;
  } else if ((answer.flags & (kTcpSyn | kTcpAck)) == (kTcpSyn | kTcpAck) && slot.isn == 0) {
    slot.good = true;
    slot.isn = answer.seq;
    slot.ip_id = answer.ip_id;
    NoteTimestamp(slot, answer);
  }

  if (n == 0) FillLine(db::LineId::kT1, answer);
  FillOps(n, answer);
  return outcome;
}

void Observation::NoteTimestamp(SeqSlot& slot, const TcpAnswer& answer) {
  slot.tsval = 0;
  const auto timestamp = FindTimestamp(OptionsOf(answer));
  if (!timestamp) {
    timestamp_support_ = TimestampSupport::kUnsupported;
  } else if (timestamp->tsval == 0) {
    timestamp_support_ = TimestampSupport::kZero;
  } else {
    slot.tsval = timestamp->tsval;
  }
}

bool Observation::FillOps(size_t n, const TcpAnswer& answer) {
  const auto bit = static_cast<uint8_t>(1U << n);
  if ((ops_filled_ & bit) != 0) return false;
  ops_filled_ |= bit;
  ops_windows_[n] = answer.window;
  ops_options_[n].length = CopyOptions(answer, ops_options_[n].bytes);
  return true;
}

bool Observation::FillLine(db::LineId id, const TcpAnswer& answer) {
  const size_t slot = LineSlot(id);
  TcpLine& line = lines_[slot];
  if (line.filled) return false;
  line = {.seq = answer.seq,
          .ack = answer.ack,
          .data_crc32 = answer.data_crc32,
          .window = answer.window,
          .urgent = answer.urgent,
          .ip_id = answer.ip_id,
          .ttl = answer.ttl,
          .flags = answer.flags,
          .options_length = 0,
          .reserved = static_cast<uint8_t>(answer.reserved & 0x0F),
          .df = answer.df,
          .filled = true};
  if (id != db::LineId::kT1) {
    line.options_length = CopyOptions(answer, line_options_[OptionSlot(slot)]);
  }
  return true;
}

RecordOutcome Observation::RecordEcho(int which, const EchoAnswer& answer, bool usable_for_ii) {
  EchoSlot& slot = echo_[Slot(which)];
  if (slot.filled) return RecordOutcome::kDuplicate;
  slot.ip_id = answer.ip_id;
  slot.ttl = answer.ttl;
  slot.code = answer.code;
  slot.filled = true;
  slot.df = answer.df;
  slot.usable_for_ii = usable_for_ii;
  slot.last = true;
  echo_[1 - Slot(which)].last = false;
  return RecordOutcome::kNew;
}

RecordOutcome Observation::RecordUnreachable(const UnreachableAnswer& answer) {
  if (u1_filled_) return RecordOutcome::kDuplicate;
  u1_filled_ = true;
  u1_ = answer;
  return RecordOutcome::kNew;
}

int Observation::good_seq_replies() const {
  return static_cast<int>(
      std::count_if(seq_.begin(), seq_.end(), [](const SeqSlot& slot) { return slot.good; }));
}

int Observation::lost_seq_answers() const {
  int lost = 0;
  for (int n = 0; n < static_cast<int>(kSeqCount); ++n) {
    lost += SeqSent(n) && !SeqAnswered(n) && !OpsMissing(n);
  }
  return lost;
}

uint32_t Observation::seq_span_ms() const {
  const SeqSlot& first = seq_.front();
  const SeqSlot& last = seq_.back();
  if (!first.sent || !last.sent || last.sent_us < first.sent_us) return 0;
  return (last.sent_us - first.sent_us) / 1000;
}

}  // namespace osprey::matcher
