// SPDX-License-Identifier: Apache-2.0
#include "matcher/fingerprint_builder.h"

#include <charconv>

#include "base/check.h"
#include "base/tcp_options.h"
#include "matcher/ip_id.h"

namespace osprey::matcher {
namespace {

using db::Attribute;
using db::AttributeId;
using db::LineId;

constexpr uint32_t kMaxSequenceScanDelayMs = 1000;
constexpr size_t kMinTiSamples = 3;
constexpr size_t kMinCiSamples = 2;
constexpr uint16_t kU1TotalLength = 328;
constexpr uint16_t kU1IpId = 0x1042;

// Where the attributes of a TCP line stand, counted from its R; 0 for those it does not have.
struct TcpLayout {
  uint8_t df, t, tg, w, s, a, f, o, rd, cc, q;
};
consteval uint8_t Place(LineId line, std::string_view name) {
  return static_cast<uint8_t>(Attribute(line, name) - Attribute(line, "R"));
}
constexpr TcpLayout kEcnLayout = {.df = Place(LineId::kEcn, "DF"),
                                  .t = Place(LineId::kEcn, "T"),
                                  .tg = Place(LineId::kEcn, "TG"),
                                  .w = Place(LineId::kEcn, "W"),
                                  .s = 0,
                                  .a = 0,
                                  .f = 0,
                                  .o = Place(LineId::kEcn, "O"),
                                  .rd = 0,
                                  .cc = Place(LineId::kEcn, "CC"),
                                  .q = Place(LineId::kEcn, "Q")};
constexpr TcpLayout kT1Layout = {.df = Place(LineId::kT1, "DF"),
                                 .t = Place(LineId::kT1, "T"),
                                 .tg = Place(LineId::kT1, "TG"),
                                 .w = 0,
                                 .s = Place(LineId::kT1, "S"),
                                 .a = Place(LineId::kT1, "A"),
                                 .f = Place(LineId::kT1, "F"),
                                 .o = 0,
                                 .rd = Place(LineId::kT1, "RD"),
                                 .cc = 0,
                                 .q = Place(LineId::kT1, "Q")};
constexpr TcpLayout kT2Layout = {.df = Place(LineId::kT2, "DF"),
                                 .t = Place(LineId::kT2, "T"),
                                 .tg = Place(LineId::kT2, "TG"),
                                 .w = Place(LineId::kT2, "W"),
                                 .s = Place(LineId::kT2, "S"),
                                 .a = Place(LineId::kT2, "A"),
                                 .f = Place(LineId::kT2, "F"),
                                 .o = Place(LineId::kT2, "O"),
                                 .rd = Place(LineId::kT2, "RD"),
                                 .cc = 0,
                                 .q = Place(LineId::kT2, "Q")};

constexpr const TcpLayout& LayoutOf(LineId line) {
  if (line == LineId::kEcn) return kEcnLayout;
  return line == LineId::kT1 ? kT1Layout : kT2Layout;
}

uint32_t GuessedInitialTtl(uint8_t ttl) {
  if (ttl <= 32) return 32;
  if (ttl <= 64) return 64;
  return ttl <= 128 ? 128 : 255;
}

std::string_view CongestionControl(uint8_t flags) {
  const bool ece = (flags & kTcpEce) != 0;
  const bool cwr = (flags & kTcpCwr) != 0;
  if (ece) return cwr ? "S" : "Y";
  return cwr ? "O" : "N";
}

// "A", "A+" and the like: how `value` relates to `base`.
std::string_view Relation(uint32_t value, uint32_t base, std::string_view same,
                          std::string_view next) {
  if (value == 0) return "Z";
  if (value == base) return same;
  return value == base + 1 ? next : "O";
}

// The printed letter of a class; empty if the attribute is absent or, for constant, a number.
std::string_view Letters(IpIdClass ip_id_class) {
  switch (ip_id_class) {
    case IpIdClass::kZero:
      return "Z";
    case IpIdClass::kIncrement:
    case IpIdClass::kIncrementBy2:
      return "I";
    case IpIdClass::kBrokenIncrement:
      return "BI";
    case IpIdClass::kRandomPositive:
      return "RI";
    case IpIdClass::kRandom:
      return "RD";
    case IpIdClass::kUnknown:
    case IpIdClass::kConstant:
      break;
  }
  return {};
}

bool IsCounter(IpIdClass ip_id_class) {
  return ip_id_class == IpIdClass::kIncrement || ip_id_class == IpIdClass::kBrokenIncrement ||
         ip_id_class == IpIdClass::kRandomPositive;
}

// IP IDs of one kind in slot order, without gaps.
class IpIdList {
 public:
  void Add(uint16_t id) { ids_[count_++] = id; }
  std::span<const uint16_t> span() const { return {ids_.data(), count_}; }

 private:
  size_t count_ = 0;
  std::array<uint16_t, Observation::kSeqCount> ids_{};
};

class Builder {
 public:
  Builder(const Observation& round, const HostFacts& facts, db::Fingerprint& out)
      : round_(round),
        facts_(facts),
        out_(out),
        hops_(facts.hop_distance != kUnknownDistance ? facts.hop_distance : HopDistance(round)) {}

  void Build(SequenceFacts& sequence);

 private:
  void Text(AttributeId attribute, std::string_view value);
  void Hex(AttributeId attribute, uint32_t value);
  void Options(AttributeId attribute, std::span<const uint8_t> options);
  void Ttl(AttributeId t, AttributeId tg, uint8_t ttl);
  void Df(AttributeId attribute, bool df) { Text(attribute, df ? "Y" : "N"); }

  void Seq(SequenceFacts& sequence);
  void Timestamps(SequenceFacts& sequence);
  void IpIds(SequenceFacts& sequence);
  IpIdClass IpIdSequence(AttributeId attribute, std::span<const uint16_t> ids, size_t needed);
  void OpsAndWin();
  void TcpLine(LineId line, bool expected);
  void Flags(AttributeId attribute, uint8_t flags);
  void Quirks(AttributeId attribute, const Observation::TcpLine& reply);
  void U1();
  void Ie();

  const Observation& round_;
  const HostFacts& facts_;
  db::Fingerprint& out_;
  const int hops_;
};

void Builder::Text(AttributeId attribute, std::string_view value) {
  const bool fits = out_.Set(attribute, value);
  OSPREY_CHECK(fits);  // the longest measured fingerprint takes less than half of the buffer
}

void Builder::Hex(AttributeId attribute, uint32_t value) {
  std::array<char, 8> digits;
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  for (char* digit = digits.data(); digit != end; ++digit) {
    if (*digit >= 'a') *digit = static_cast<char>(*digit - 'a' + 'A');
  }
  Text(attribute, {digits.data(), static_cast<size_t>(end - digits.data())});
}

void Builder::Options(AttributeId attribute, std::span<const uint8_t> options) {
  std::array<char, kMaxOptionString> text;
  Text(attribute, {text.data(), OptionString(options, text.data())});
}

// 3.9: the initial TTL, exact if the distance is known by U1, else a guess.
void Builder::Ttl(AttributeId t, AttributeId tg, uint8_t ttl) {
  if (hops_ != kUnknownDistance) {
    Hex(t, static_cast<uint32_t>(ttl + hops_ - 1));
  } else {
    Hex(tg, GuessedInitialTtl(ttl));
  }
}

void Builder::Build(SequenceFacts& sequence) {
  out_.Clear();
  const bool open = facts_.open_tcp_port.has_value();
  const bool closed = facts_.closed_tcp_port.has_value();
  Seq(sequence);
  OpsAndWin();
  for (const LineId line : {LineId::kEcn, LineId::kT1, LineId::kT2, LineId::kT3, LineId::kT4}) {
    TcpLine(line, open);
  }
  for (const LineId line : {LineId::kT5, LineId::kT6, LineId::kT7}) TcpLine(line, closed);
  U1();
  Ie();
}

void Builder::Seq(SequenceFacts& sequence) {
  out_.AddLine(LineId::kSeq);
  sequence.sample_count = CollectSamples(round_, sequence.samples);
  sequence.distance = ReportedDistance(facts_);
  if (facts_.scan_delay_ms <= kMaxSequenceScanDelayMs) sequence.isn = AnalyzeIsns(sequence.used());
  if (sequence.isn) {
    Hex(Attribute(LineId::kSeq, "SP"), sequence.isn->sp);
    Hex(Attribute(LineId::kSeq, "GCD"), sequence.isn->gcd);
    Hex(Attribute(LineId::kSeq, "ISR"), sequence.isn->isr);
  }
  IpIds(sequence);
  Timestamps(sequence);
}

void Builder::Timestamps(SequenceFacts& sequence) {
  constexpr AttributeId kTs = Attribute(LineId::kSeq, "TS");
  const TimestampAnalysis timestamps =
      AnalyzeTimestamps(sequence.used(), round_.timestamp_support());
  sequence.timestamp_class = timestamps.timestamp_class;
  if (timestamps.timestamp_class == TimestampClass::kZero) Text(kTs, "0");
  if (timestamps.timestamp_class == TimestampClass::kUnsupported) Text(kTs, "U");
  if (!timestamps.hz) return;
  if (*timestamps.hz > 0) Hex(kTs, TimestampValue(*timestamps.hz));
  SetBootTime(timestamps, round_.first_seq_realtime_us(), sequence);
}

void Builder::IpIds(SequenceFacts& sequence) {
  IpIdList tcp_open;
  for (size_t n = 0; n < Observation::kSeqCount; ++n) {
    if (round_.seq(n).good && round_.seq(n).sent) tcp_open.Add(round_.seq(n).ip_id);
  }
  IpIdList tcp_closed;
  for (const LineId line : {LineId::kT5, LineId::kT6, LineId::kT7}) {
    if (round_.LineFilled(line)) tcp_closed.Add(round_.line(line).ip_id);
  }
  IpIdList icmp;
  for (size_t i = 0; i < 2; ++i) {
    if (round_.echo(i).filled && round_.echo(i).usable_for_ii) icmp.Add(round_.echo(i).ip_id);
  }
  sequence.ti_class = IpIdSequence(Attribute(LineId::kSeq, "TI"), tcp_open.span(), kMinTiSamples);
  IpIdSequence(Attribute(LineId::kSeq, "CI"), tcp_closed.span(), kMinCiSamples);
  const IpIdClass ii = IpIdSequence(Attribute(LineId::kSeq, "II"), icmp.span(), 2);

  if (!IsCounter(sequence.ti_class) || !IsCounter(ii)) return;
  // SS: do TCP and ICMP count together? All in 32 bits, without folding to 16.
  const std::span<const uint16_t> tcp = tcp_open.span();
  const uint32_t step =
      (uint32_t{tcp.back()} - uint32_t{tcp.front()}) / static_cast<uint32_t>(tcp.size() - 1);
  const bool shared = icmp.span().front() < tcp.back() + 3 * step;
  Text(Attribute(LineId::kSeq, "SS"), shared ? "S" : "O");
}

IpIdClass Builder::IpIdSequence(AttributeId attribute, std::span<const uint16_t> ids,
                                size_t needed) {
  if (ids.size() < needed) return IpIdClass::kUnknown;
  const IpIdClass ip_id_class = ClassifyIpIds(ids, facts_.is_localhost);
  if (ip_id_class == IpIdClass::kConstant) Hex(attribute, ids.front());
  if (const std::string_view letters = Letters(ip_id_class); !letters.empty()) {
    Text(attribute, letters);
  }
  return ip_id_class;
}

// Both lines are all or nothing.
void Builder::OpsAndWin() {
  for (int n = 0; n < static_cast<int>(Observation::kSeqCount); ++n) {
    if (round_.OpsMissing(n)) return;
  }
  for (size_t n = 0; n < Observation::kSeqCount; ++n) {
    Options(static_cast<AttributeId>(Attribute(LineId::kOps, "O1") + n), round_.ops_options(n));
    Hex(static_cast<AttributeId>(Attribute(LineId::kWin, "W1") + n), round_.ops_window(n));
  }
}

// `expected`: a missing reply is a result, because the probe went to a port of known state.
void Builder::TcpLine(LineId line, bool expected) {
  const AttributeId r = db::Info(line).first;
  if (!round_.LineFilled(line)) {
    if (expected) Text(r, "N");
    return;
  }
  const Observation::TcpLine& reply = round_.line(line);
  const TcpLayout& layout = LayoutOf(line);
  const auto at = [r](uint8_t place) { return static_cast<AttributeId>(r + place); };
  Text(r, "Y");
  Df(at(layout.df), reply.df);
  Ttl(at(layout.t), at(layout.tg), reply.ttl);
  if (layout.w != 0) Hex(at(layout.w), reply.window);
  if (layout.s != 0) {
    Text(at(layout.s), Relation(reply.seq, round_.context().ack0, "A", "A+"));
    Text(at(layout.a), Relation(reply.ack, round_.context().seq0, "S", "S+"));
    Flags(at(layout.f), reply.flags);
    Hex(at(layout.rd), (reply.flags & kTcpRst) != 0 ? reply.data_crc32 : 0);
  }
  if (layout.o != 0) Options(at(layout.o), round_.line_options(line));
  if (layout.cc != 0) Text(at(layout.cc), CongestionControl(reply.flags));
  Quirks(at(layout.q), reply);
}

void Builder::Flags(AttributeId attribute, uint8_t flags) {
  constexpr std::array<std::pair<uint8_t, char>, 7> kLetters = {{{kTcpEce, 'E'},
                                                                 {kTcpUrg, 'U'},
                                                                 {kTcpAck, 'A'},
                                                                 {kTcpPsh, 'P'},
                                                                 {kTcpRst, 'R'},
                                                                 {kTcpSyn, 'S'},
                                                                 {kTcpFin, 'F'}}};
  std::array<char, kLetters.size()> text;
  size_t length = 0;
  for (const auto& [flag, letter] : kLetters) {
    if ((flags & flag) != 0) text[length++] = letter;
  }
  Text(attribute, {text.data(), length});
}

void Builder::Quirks(AttributeId attribute, const Observation::TcpLine& reply) {
  const bool reserved = reply.reserved != 0;
  const bool urgent = (reply.flags & kTcpUrg) == 0 && reply.urgent != 0;
  if (reserved) return Text(attribute, urgent ? "RU" : "R");
  Text(attribute, urgent ? "U" : "");
}

void Builder::U1() {
  if (!round_.U1Filled()) return Text(Attribute(LineId::kU1, "R"), "N");
  const UnreachableAnswer& answer = round_.u1();
  const auto same_or_hex = [this](AttributeId attribute, uint16_t value, uint16_t expected) {
    if (value == expected) return Text(attribute, "G");
    Hex(attribute, value);
  };
  Text(Attribute(LineId::kU1, "R"), "Y");
  Df(Attribute(LineId::kU1, "DF"), answer.df);
  Ttl(Attribute(LineId::kU1, "T"), Attribute(LineId::kU1, "TG"), answer.ttl);
  Hex(Attribute(LineId::kU1, "IPL"), answer.total_length);
  Hex(Attribute(LineId::kU1, "UN"), answer.unused);
  same_or_hex(Attribute(LineId::kU1, "RIPL"), answer.quoted_total_length, kU1TotalLength);
  same_or_hex(Attribute(LineId::kU1, "RID"), answer.quoted_ip_id, kU1IpId);
  constexpr std::array<std::string_view, 3> kChecksums = {"Z", "G", "I"};
  Text(Attribute(LineId::kU1, "RIPCK"), kChecksums[static_cast<size_t>(answer.quoted_ip_checksum)]);
  same_or_hex(Attribute(LineId::kU1, "RUCK"), answer.quoted_udp_checksum,
              round_.context().u1_udp_checksum);
  Text(Attribute(LineId::kU1, "RUD"), answer.quoted_data_intact ? "G" : "I");
}

void Builder::Ie() {
  const Observation::EchoSlot& p = round_.echo(0);
  const Observation::EchoSlot& q = round_.echo(1);
  if (!p.filled || !q.filled) return Text(Attribute(LineId::kIe, "R"), "N");
  Text(Attribute(LineId::kIe, "R"), "Y");
  const std::string_view both = p.df ? "Y" : "N";
  Text(Attribute(LineId::kIe, "DFI"), p.df == q.df ? both : p.df ? "S" : "O");
  Ttl(Attribute(LineId::kIe, "T"), Attribute(LineId::kIe, "TG"), p.last ? p.ttl : q.ttl);

  constexpr AttributeId kCd = Attribute(LineId::kIe, "CD");
  if (p.code == q.code) {
    if (p.code == 0) return Text(kCd, "Z");
    return Hex(kCd, p.code);
  }
  Text(kCd, p.code == 9 && q.code == 0 ? "S" : "O");
}

}  // namespace

void BuildFingerprint(const Observation& round, const HostFacts& facts, db::Fingerprint& out,
                      SequenceFacts* sequence) {
  SequenceFacts unused;
  if (sequence != nullptr) *sequence = SequenceFacts();
  Builder(round, facts, out).Build(sequence != nullptr ? *sequence : unused);
}

}  // namespace osprey::matcher
