// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything one round of one host measured, as parsed fields (docs/os-detection.md, sections 1
// to 3). Packets go in, in order of arrival; BuildFingerprint reads the result.
//
// A plain value: trivially copyable, fixed size, never allocates, so that a lane can keep one for
// each host in flight and hand it to a matcher shard by copy. Belongs to one thread at a time.
// Numbers are in host byte order. Replies are attributed before they come here (1.6): by source
// port for TCP, by identifier for echo replies, by the quoted ports for the unreachable message.
// Nothing a reply contains can make a call fail; what does not count is reported as such.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/answers.h"
#include "db/attributes.h"

namespace osprey::matcher {

// The parts of a round's identity on the wire that are needed to read its replies.
struct RoundContext {
  uint32_t seq0 = 0;
  uint32_t ack0 = 0;
  uint16_t u1_udp_checksum = 0;  // of U1 as sent
  uint8_t u1_ttl = 0;            // of U1 as sent
};

// What a TCP or echo reply meant to the round.
enum class RecordOutcome : uint8_t {
  kNew,        // the first answer to its probe
  kDuplicate,  // its probe was answered before, or its IP ID repeats (3.2); may have filled T1
  kUnexpectedReset,  // a RST to a SEQ probe before any good SEQ reply: deserves the warning of 2.2
  kNotSent,          // answers a SEQ probe that was not sent: forged, ignored
};

// What the replies alone say about TCP timestamps. One variable a round: the last reply decides.
enum class TimestampSupport : uint8_t { kUndecided, kZero, kUnsupported };

class Observation {
 public:
  static constexpr size_t kSeqCount = 6;
  static constexpr size_t kTcpLineCount = 8;  // ECN, T1..T7
  static constexpr size_t kMaxOptionBytes = 40;

  // Slots are packed: hosts in flight are budgeted.

  // One SEQ probe and its good reply.
  struct [[gnu::packed]] SeqSlot {
    uint32_t isn = 0;      // 0: none
    uint32_t tsval = 0;    // 0 unless the option was there
    uint32_t sent_us = 0;  // since the first SEQ probe was sent
    uint16_t ip_id = 0;
    bool sent : 1 = false;
    bool answered : 1 = false;  // any reply came, good or not
    bool good : 1 = false;      // isn, tsval and ip_id are set
  };

  // Option bytes as received.
  struct Options {
    uint8_t length = 0;
    std::array<uint8_t, kMaxOptionBytes> bytes{};
    std::span<const uint8_t> span() const { return {bytes.data(), length}; }
  };

  // The reply that filled one of ECN, T1..T7.
  struct [[gnu::packed]] TcpLine {
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint32_t data_crc32 = 0;
    uint16_t window = 0;
    uint16_t urgent = 0;
    uint16_t ip_id = 0;
    uint8_t ttl = 0;
    uint8_t flags = 0;
    uint8_t options_length = 0;  // the bytes are kept apart; 0 for T1, whose are not kept
    uint8_t reserved : 4 = 0;    // low half of byte 12
    bool df : 1 = false;
    bool filled : 1 = false;
  };

  struct [[gnu::packed]] EchoSlot {
    uint16_t ip_id = 0;
    uint8_t ttl = 0;
    uint8_t code = 0;
    bool filled : 1 = false;
    bool df : 1 = false;
    bool usable_for_ii : 1 = false;  // its probe was outstanding and had been sent once
    bool last : 1 = false;           // arrived after the other one, or alone
  };

  // Forgets everything and starts a round.
  void Begin(const RoundContext& context);

  // To be called immediately before SEQ`n` (0..5) is handed to the kernel, with both clocks.
  // A time before the first SEQ probe's counts as equal to it.
  void NoteSeqSent(int n, int64_t monotonic_ns, int64_t realtime_ns);
  // The kernel refused it after all: SEQ`n` counts as never sent, and a reply to it as forged.
  void NoteSeqUnsent(int n);

  // `offset` is the reply's destination port minus the TCP base port, 0..19 (1.3).
  RecordOutcome RecordTcp(size_t offset, const TcpAnswer& answer);
  // `which` is 0 for IE1 and 1 for IE2. `usable_for_ii`: the probe had been sent once when the
  // reply came, and was still outstanding.
  RecordOutcome RecordEcho(int which, const EchoAnswer& answer, bool usable_for_ii);
  RecordOutcome RecordUnreachable(const UnreachableAnswer& answer);
  // The first answer to a probe that had been sent more than once by then.
  void NoteRepeatAnswered() { ++repeats_answered_; }

  // What is there. n is 0..5; `line` is one of ECN, T1..T7; `which` is 0 or 1.
  bool SeqSent(int n) const { return seq_[Slot(n)].sent; }
  bool SeqAnswered(int n) const { return seq_[Slot(n)].answered; }
  // OPSn has to be sent: neither SEQn nor OPSn was answered.
  bool OpsMissing(int n) const { return (ops_filled_ >> n & 1) == 0; }
  bool LineFilled(db::LineId line) const { return lines_[LineSlot(line)].filled; }
  bool EchoFilled(int which) const { return echo_[static_cast<size_t>(which)].filled; }
  bool U1Filled() const { return u1_filled_; }
  // SEQ probes with a good reply (3.2), those whose ISN was 0 included.
  int good_seq_replies() const;
  // Signs that packets were lost on the way, or late: SEQ probes without an answer whose repeat as
  // OPS was answered, and other probes that were answered only after they had been sent again.
  // Neither is kept in the journal's compact form.
  int lost_seq_answers() const;
  int repeats_answered() const { return repeats_answered_; }
  // Whole milliseconds between sending SEQ1 and SEQ6; 0 unless both were sent. Divided by 500 it
  // is the timing ratio of 1.7.
  uint32_t seq_span_ms() const;
  double timing_ratio() const { return seq_span_ms() / 500.0; }

  // For the fingerprint builder and the codec.
  const RoundContext& context() const { return context_; }
  const SeqSlot& seq(size_t n) const { return seq_[n]; }
  // Of the first reply to SEQn or OPSn; empty and 0 if there is none.
  std::span<const uint8_t> ops_options(size_t n) const { return ops_options_[n].span(); }
  uint16_t ops_window(size_t n) const { return ops_windows_[n]; }
  const TcpLine& line(db::LineId line) const { return lines_[LineSlot(line)]; }
  // The reply's option bytes; none for T1.
  std::span<const uint8_t> line_options(db::LineId line) const {
    const size_t slot = LineSlot(line);
    return {line_options_[OptionSlot(slot)].data(), lines_[slot].options_length};
  }
  const EchoSlot& echo(size_t which) const { return echo_[which]; }
  const UnreachableAnswer& u1() const { return u1_; }
  TimestampSupport timestamp_support() const { return timestamp_support_; }
  // Real-time clock when the first SEQ probe was sent, in microseconds since 1970; 0 if none was.
  int64_t first_seq_realtime_us() const { return first_realtime_us_; }

  static constexpr size_t LineSlot(db::LineId line) {
    return static_cast<size_t>(line) - static_cast<size_t>(db::LineId::kEcn);
  }

 private:
  friend class ObservationCodec;

  static constexpr size_t Slot(int n) { return static_cast<size_t>(n); }
  static constexpr size_t OptionSlot(size_t line) { return line == 0 ? 0 : line - 1; }
  RecordOutcome RecordSeq(size_t n, const TcpAnswer& answer);
  void NoteTimestamp(SeqSlot& slot, const TcpAnswer& answer);
  bool FillOps(size_t n, const TcpAnswer& answer);
  bool FillLine(db::LineId id, const TcpAnswer& answer);

  // Ordered by alignment: the size is budgeted.
  int64_t first_realtime_us_ = 0;
  uint32_t first_monotonic_us_ = 0;  // modulo 2^32
  RoundContext context_;
  UnreachableAnswer u1_;
  std::array<uint16_t, kSeqCount> ops_windows_{};
  uint16_t previous_ip_id_ = 0;  // of the last packet at offsets 0..5 (3.2, rule 1)
  std::array<SeqSlot, kSeqCount> seq_;
  std::array<TcpLine, kTcpLineCount> lines_;
  std::array<EchoSlot, 2> echo_;
  TimestampSupport timestamp_support_ = TimestampSupport::kUndecided;
  uint8_t ops_filled_ = 0;            // bit n: SEQn or OPSn was answered
  uint8_t repeats_answered_ : 5 = 0;  // of the 17 probes of phase T
  bool any_seq_sent_ : 1 = false;
  bool u1_filled_ : 1 = false;
  std::array<Options, kSeqCount> ops_options_;
  std::array<std::array<uint8_t, kMaxOptionBytes>, kTcpLineCount - 1> line_options_{};  // not T1
};

static_assert(std::is_trivially_copyable_v<Observation>);
static_assert(sizeof(Observation) <= 864, "hosts in flight are budgeted at 1 KiB each");

}  // namespace osprey::matcher
