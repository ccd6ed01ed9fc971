// SPDX-License-Identifier: Apache-2.0
#pragma once
// One reference of a database made into a stack that behaves like it.
//
// For every attribute one value is chosen that satisfies the reference's expression, so that
// values agree with each other: a TTL that satisfies T (exact distance) and TG (guessed) at once,
// timestamp options that go with TS, IP IDs whose classes and sharing give TI, CI, II and SS.
// What cannot be satisfied is said in `contradictions` and answered as well as it can be.
//
// A personality knows how a stack answers a kind of packet in a state of a port, as real stacks
// do; it does not know of probes, apart from the six SYNs whose options and windows give O1..O6,
// W1..W6 and the sequence numbers.
//
// Immutable after Make; shared by all hosts that have it.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "db/reference_text.h"
#include "tools/lab/option_text.h"
#include "tools/lab/sequence_plan.h"

namespace osprey::lab {

// Where a reply's sequence number comes from (S) and its acknowledgement number (A).
enum class SeqRule : uint8_t { kZero, kAck, kAckPlusOne, kOther };
enum class AckRule : uint8_t { kZero, kSeq, kSeqPlusOne, kOther };

struct TcpBehaviour {
  bool answers = false;
  bool df = false;
  uint8_t ttl = 64;
  uint8_t flags = 0;     // byte 13
  uint8_t reserved = 0;  // low half of byte 12
  uint16_t window = 0;
  uint16_t urgent = 0;
  SeqRule seq = SeqRule::kZero;
  AckRule ack = AckRule::kSeqPlusOne;
  uint8_t data_size = 0;
  std::array<std::byte, 4> data{};  // of a reset, so that its CRC-32 is what RD asks for
  OptionTemplate options;
};

// How IP IDs go on from one packet to the next.
enum class IpIdKind : uint8_t {
  kZero,
  kConstant,
  kIncrement,  // by one
  kBroken,     // by one with the bytes swapped
  kRandom,
  kRandomPositive,  // by more than a thousand
  kIrregular,       // by some hundreds: no class at all
};

struct IpIdPlan {
  IpIdKind kind = IpIdKind::kIncrement;
  uint8_t counter = 0;  // which of the host's three counters it draws from
  uint16_t constant = 0;
  uint16_t floor = 0;       // counters start between floor and floor + range,
  uint16_t range = 0x2000;  // and are set back there before they would wrap
};

enum class ClockKind : uint8_t { kNone, kZero, kRate, kPerConnection };

struct UnreachableBehaviour {
  bool answers = false;
  bool df = false;
  uint8_t ttl = 64;
  uint16_t total_length = 356;
  uint32_t unused = 0;                // UN
  bool change_quoted_length = false;  // RIPL other than G
  uint16_t quoted_length = 0;
  bool change_quoted_id = false;
  uint16_t quoted_id = 0;
  enum class Checksum : uint8_t { kGood, kZero, kInvalid } quoted_checksum = Checksum::kGood;
  bool change_udp_checksum = false;
  uint16_t udp_checksum = 0;
  bool spoil_data = false;
};

struct EchoBehaviour {
  bool answers = false;
  uint8_t ttl = 64;
  enum class Df : uint8_t { kNever, kAlways, kSame, kOpposite } df = Df::kNever;
  enum class Code : uint8_t { kZero, kSame, kFixed, kOdd } code = Code::kZero;
  uint8_t fixed_code = 0;
};

// Which line answers a segment without the usual SYN.
enum class Segment : uint8_t {
  kNullOpen,
  kSynFinOpen,
  kAckOpen,
  kSynClosed,
  kAckClosed,
  kFinClosed
};
inline constexpr size_t kSegments = 6;  // T2..T7

class Personality {
 public:
  // `reference` need not outlive the result. `plans` spares a search where another reference of the
  // same database has asked for the same numbers.
  static Personality Make(const db::ReferenceText& reference, SequencePlans& plans);
  static Personality Make(const db::ReferenceText& reference);

  const std::string& name() const { return name_; }
  uint32_t db_line() const { return db_line_; }
  const std::vector<std::string>& contradictions() const { return contradictions_; }

  // To the six SYNs of OS detection, `index` 0..5, and to that with ECN.
  const TcpBehaviour& syn(unsigned index) const { return syn_[index]; }
  const TcpBehaviour& ecn() const { return ecn_; }
  // To any other SYN to an open port.
  const TcpBehaviour& plain_syn() const { return plain_syn_; }
  const TcpBehaviour& segment(Segment segment) const {
    return segments_[static_cast<size_t>(segment)];
  }
  const UnreachableBehaviour& unreachable() const { return unreachable_; }
  const EchoBehaviour& echo() const { return echo_; }

  const SequencePlan& sequence() const { return sequence_; }
  const IpIdPlan& open_ids() const { return open_ids_; }      // TI
  const IpIdPlan& closed_ids() const { return closed_ids_; }  // CI
  const IpIdPlan& icmp_ids() const { return icmp_ids_; }      // II

  ClockKind clock() const { return clock_; }
  // Ticks a second, also for clocks that jump with every connection.
  double clock_hz() const { return clock_hz_; }

  // Hops that the quoted TTL of port unreachables lost inside the host: some stacks count it down
  // before they quote. All T of such references are larger by that.
  uint8_t quote_ttl_loss() const { return quote_ttl_loss_; }

 private:
  friend class PersonalityMaker;

  std::string name_;
  uint32_t db_line_ = 0;
  std::vector<std::string> contradictions_;
  std::array<TcpBehaviour, 6> syn_;
  TcpBehaviour ecn_;
  TcpBehaviour plain_syn_;
  std::array<TcpBehaviour, kSegments> segments_;
  UnreachableBehaviour unreachable_;
  EchoBehaviour echo_;
  SequencePlan sequence_;
  IpIdPlan open_ids_, closed_ids_, icmp_ids_;
  ClockKind clock_ = ClockKind::kNone;
  double clock_hz_ = 0;
  uint8_t quote_ttl_loss_ = 0;
};

}  // namespace osprey::lab
