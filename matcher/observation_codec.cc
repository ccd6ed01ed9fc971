// SPDX-License-Identifier: Apache-2.0
#include "matcher/observation_codec.h"

#include <bit>
#include <concepts>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace osprey::matcher {
namespace {

constexpr uint8_t kVersion = 1;
// A full record takes less than 900 bytes; longer text is refused before it is decoded.
constexpr size_t kMaxTextBytes = 2048;
constexpr int64_t kMaxRealtimeUs = 253'402'300'800'000'000;  // the year 10000

constexpr uint8_t kSlotMask = (1U << Observation::kSeqCount) - 1;
constexpr uint8_t kT1Slot = Observation::LineSlot(db::LineId::kT1);

constexpr uint8_t Bit(bool value, unsigned bit) {
  return static_cast<uint8_t>((value ? 1U : 0U) << bit);
}
constexpr bool HasBit(unsigned mask, size_t bit) { return (mask >> bit & 1U) != 0; }

class Writer {
 public:
  template <std::unsigned_integral T>
  void Put(T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes_ += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
    }
  }
  void PutOptions(std::span<const uint8_t> options) {
    Put(static_cast<uint8_t>(options.size()));
    for (const uint8_t byte : options) Put(byte);
  }
  std::string Text() const {
    std::string text;
    absl::WebSafeBase64Escape(bytes_, &text);
    return text;
  }

 private:
  std::string bytes_;
};

// Reads until the first error, which sticks; everything read behind it is 0.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <std::unsigned_integral T>
  T Get() {
    if (bytes_.size() - at_ < sizeof(T)) {
      Fail("ends early");
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= uint64_t{static_cast<uint8_t>(bytes_[at_++])} << (8 * i);
    }
    return static_cast<T>(value);
  }
  // A byte that must not exceed `limit`.
  uint8_t GetUpTo(uint8_t limit, const char* what) {
    const auto value = Get<uint8_t>();
    if (value > limit) Fail(absl::StrFormat("%s is %d, at most %d expected", what, value, limit));
    return value <= limit ? value : 0;
  }
  uint8_t GetOptions(std::array<uint8_t, Observation::kMaxOptionBytes>& out) {
    const uint8_t length = GetUpTo(Observation::kMaxOptionBytes, "option length");
    for (size_t i = 0; i < length; ++i) out[i] = Get<uint8_t>();
    return length;
  }
  void Fail(std::string_view what) {
    if (!error_.empty()) return;
    error_ = absl::StrFormat("observation: byte %d: %s", at_, what);
    at_ = bytes_.size();
  }
  absl::Status Finish() {
    if (at_ != bytes_.size()) Fail("more bytes than expected");
    return error_.empty() ? absl::OkStatus() : absl::InvalidArgumentError(error_);
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  std::string error_;
};

void PutFacts(const HostFacts& facts, Writer& out) {
  out.Put(static_cast<uint8_t>(Bit(facts.open_tcp_port.has_value(), 0) |
                               Bit(facts.closed_tcp_port.has_value(), 1) |
                               Bit(facts.closed_udp_port.has_value(), 2) |
                               Bit(facts.is_localhost, 3) | Bit(facts.udp_scan_requested, 4) |
                               Bit(facts.probes_failed_to_send, 5) | Bit(facts.mac_known, 6)));
  out.Put(facts.timing_template);
  out.Put(static_cast<uint16_t>(facts.hop_distance));
  out.Put(facts.max_seq_span_ms);
  out.Put(facts.scan_delay_ms);
  for (const auto& port : {facts.open_tcp_port, facts.closed_tcp_port, facts.closed_udp_port}) {
    if (port) out.Put(*port);
  }
  if (!facts.mac_known) return;
  for (const uint8_t byte : facts.mac_prefix) out.Put(byte);
}

void GetFacts(Reader& in, HostFacts& facts) {
  const uint8_t flags = in.GetUpTo(0x7F, "host flags");
  facts.is_localhost = HasBit(flags, 3);
  facts.udp_scan_requested = HasBit(flags, 4);
  facts.probes_failed_to_send = HasBit(flags, 5);
  facts.mac_known = HasBit(flags, 6);
  facts.timing_template = in.GetUpTo(5, "timing template");
  facts.hop_distance = static_cast<int16_t>(in.Get<uint16_t>());
  facts.max_seq_span_ms = in.Get<uint32_t>();
  facts.scan_delay_ms = in.Get<uint32_t>();
  if (HasBit(flags, 0)) facts.open_tcp_port = in.Get<uint16_t>();
  if (HasBit(flags, 1)) facts.closed_tcp_port = in.Get<uint16_t>();
  if (HasBit(flags, 2)) facts.closed_udp_port = in.Get<uint16_t>();
  if (!facts.mac_known) return;
  for (uint8_t& byte : facts.mac_prefix) byte = in.Get<uint8_t>();
}

}  // namespace

// The two directions stand side by side, section by section.
class ObservationCodec {
 public:
  static void Put(const Observation& round, Writer& out) {
    PutHead(round, out);
    PutSeq(round, out);
    PutLines(round, out);
    PutIcmp(round, out);
  }
  static void Get(Reader& in, Observation& round) {
    const Masks masks = GetHead(in, round);
    GetSeq(in, masks, round);
    GetLines(in, masks, round);
    GetIcmp(in, masks, round);
  }

 private:
  struct Masks {
    uint8_t sent, answered, good, lines, others;
  };

  static void PutHead(const Observation& round, Writer& out);
  static Masks GetHead(Reader& in, Observation& round);
  static void PutSeq(const Observation& round, Writer& out);
  static void GetSeq(Reader& in, const Masks& masks, Observation& round);
  static void PutLines(const Observation& round, Writer& out);
  static void GetLines(Reader& in, const Masks& masks, Observation& round);
  static void PutIcmp(const Observation& round, Writer& out);
  static void GetIcmp(Reader& in, const Masks& masks, Observation& round);
};

void ObservationCodec::PutHead(const Observation& round, Writer& out) {
  out.Put(round.context_.seq0);
  out.Put(round.context_.ack0);
  out.Put(round.context_.u1_udp_checksum);
  out.Put(round.context_.u1_ttl);
  out.Put(static_cast<uint8_t>(round.timestamp_support_));
  out.Put(static_cast<uint64_t>(round.first_realtime_us_));
  Masks masks{};
  for (unsigned n = 0; n < Observation::kSeqCount; ++n) {
    masks.sent |= Bit(round.seq_[n].sent, n);
    masks.answered |= Bit(round.seq_[n].answered, n);
    masks.good |= Bit(round.seq_[n].good, n);
  }
  for (unsigned i = 0; i < Observation::kTcpLineCount; ++i) {
    masks.lines |= Bit(round.lines_[i].filled, i);
  }
  masks.others = static_cast<uint8_t>(Bit(round.echo_[0].filled, 0) |
                                      Bit(round.echo_[1].filled, 1) | Bit(round.u1_filled_, 2));
  for (const uint8_t mask :
       {masks.sent, masks.answered, masks.good, round.ops_filled_, masks.lines, masks.others}) {
    out.Put(mask);
  }
}

ObservationCodec::Masks ObservationCodec::GetHead(Reader& in, Observation& round) {
  round.context_.seq0 = in.Get<uint32_t>();
  round.context_.ack0 = in.Get<uint32_t>();
  round.context_.u1_udp_checksum = in.Get<uint16_t>();
  round.context_.u1_ttl = in.Get<uint8_t>();
  round.timestamp_support_ = static_cast<TimestampSupport>(
      in.GetUpTo(static_cast<uint8_t>(TimestampSupport::kUnsupported), "timestamp support"));
  const auto realtime_us = static_cast<int64_t>(in.Get<uint64_t>());
  if (realtime_us < 0 || realtime_us > kMaxRealtimeUs) {
    in.Fail("time of the first probe out of range");
  } else {
    round.first_realtime_us_ = realtime_us;
  }
  Masks masks{};
  masks.sent = in.GetUpTo(kSlotMask, "mask of probes sent");
  masks.answered = in.GetUpTo(kSlotMask, "mask of probes answered");
  masks.good = in.GetUpTo(kSlotMask, "mask of good replies");
  round.ops_filled_ = in.GetUpTo(kSlotMask, "mask of options");
  masks.lines = in.Get<uint8_t>();
  masks.others = in.GetUpTo(7, "mask of ICMP replies");
  round.any_seq_sent_ = masks.sent != 0;
  return masks;
}

void ObservationCodec::PutSeq(const Observation& round, Writer& out) {
  for (const Observation::SeqSlot& slot : round.seq_) {
    if (slot.sent) out.Put(slot.sent_us);
  }
  for (const Observation::SeqSlot& slot : round.seq_) {
    if (!slot.good) continue;
    out.Put(slot.isn);
    out.Put(slot.tsval);
    out.Put(slot.ip_id);
  }
  for (size_t n = 0; n < Observation::kSeqCount; ++n) {
    if (!HasBit(round.ops_filled_, n)) continue;
    out.Put(round.ops_windows_[n]);
    out.PutOptions(round.ops_options(n));
  }
}

void ObservationCodec::GetSeq(Reader& in, const Masks& masks, Observation& round) {
  for (size_t n = 0; n < Observation::kSeqCount; ++n) {
    Observation::SeqSlot& slot = round.seq_[n];
    slot.sent = HasBit(masks.sent, n);
    slot.answered = HasBit(masks.answered, n);
    slot.good = HasBit(masks.good, n);
    if (slot.sent) slot.sent_us = in.Get<uint32_t>();
  }
  for (Observation::SeqSlot& slot : round.seq_) {
    if (!slot.good) continue;
    slot.isn = in.Get<uint32_t>();
    slot.tsval = in.Get<uint32_t>();
    slot.ip_id = in.Get<uint16_t>();
  }
  for (size_t n = 0; n < Observation::kSeqCount; ++n) {
    if (!HasBit(round.ops_filled_, n)) continue;
    round.ops_windows_[n] = in.Get<uint16_t>();
    round.ops_options_[n].length = in.GetOptions(round.ops_options_[n].bytes);
  }
}

void ObservationCodec::PutLines(const Observation& round, Writer& out) {
  for (size_t i = 0; i < Observation::kTcpLineCount; ++i) {
    const Observation::TcpLine& line = round.lines_[i];
    if (!line.filled) continue;
    out.Put(line.seq);
    out.Put(line.ack);
    out.Put(line.data_crc32);
    out.Put(line.window);
    out.Put(line.urgent);
    out.Put(line.ip_id);
    out.Put(line.ttl);
    out.Put(line.flags);
    out.Put(static_cast<uint8_t>(line.reserved | Bit(line.df, 4)));
    if (i == kT1Slot) continue;
    out.PutOptions({round.line_options_[Observation::OptionSlot(i)].data(), line.options_length});
  }
}

void ObservationCodec::GetLines(Reader& in, const Masks& masks, Observation& round) {
  for (size_t i = 0; i < Observation::kTcpLineCount; ++i) {
    if (!HasBit(masks.lines, i)) continue;
    Observation::TcpLine& line = round.lines_[i];
    line.filled = true;
    line.seq = in.Get<uint32_t>();
    line.ack = in.Get<uint32_t>();
    line.data_crc32 = in.Get<uint32_t>();
    line.window = in.Get<uint16_t>();
    line.urgent = in.Get<uint16_t>();
    line.ip_id = in.Get<uint16_t>();
    line.ttl = in.Get<uint8_t>();
    line.flags = in.Get<uint8_t>();
    const uint8_t bits = in.GetUpTo(0x1F, "reserved bits");
    line.reserved = bits & 0x0F;
    line.df = HasBit(bits, 4);
    if (i == kT1Slot) continue;
    line.options_length = in.GetOptions(round.line_options_[Observation::OptionSlot(i)]);
  }
}

void ObservationCodec::PutIcmp(const Observation& round, Writer& out) {
  for (const Observation::EchoSlot& echo : round.echo_) {
    if (!echo.filled) continue;
    out.Put(echo.ip_id);
    out.Put(echo.ttl);
    out.Put(echo.code);
    out.Put(static_cast<uint8_t>(Bit(echo.df, 0) | Bit(echo.usable_for_ii, 1) | Bit(echo.last, 2)));
  }
  if (!round.u1_filled_) return;
  const UnreachableAnswer& u1 = round.u1_;
  out.Put(u1.unused);
  out.Put(u1.total_length);
  out.Put(u1.quoted_total_length);
  out.Put(u1.quoted_ip_id);
  out.Put(u1.quoted_udp_checksum);
  out.Put(u1.ttl);
  out.Put(u1.quoted_ttl);
  out.Put(static_cast<uint8_t>(u1.quoted_ip_checksum));
  out.Put(static_cast<uint8_t>(Bit(u1.df, 0) | Bit(u1.quoted_data_intact, 1)));
}

void ObservationCodec::GetIcmp(Reader& in, const Masks& masks, Observation& round) {
  for (size_t i = 0; i < round.echo_.size(); ++i) {
    if (!HasBit(masks.others, i)) continue;
    Observation::EchoSlot& echo = round.echo_[i];
    echo.filled = true;
    echo.ip_id = in.Get<uint16_t>();
    echo.ttl = in.Get<uint8_t>();
    echo.code = in.Get<uint8_t>();
    const uint8_t flags = in.GetUpTo(7, "echo flags");
    echo.df = HasBit(flags, 0);
    echo.usable_for_ii = HasBit(flags, 1);
    echo.last = HasBit(flags, 2);
  }
  round.u1_filled_ = HasBit(masks.others, 2);
  if (!round.u1_filled_) return;
  UnreachableAnswer& u1 = round.u1_;
  u1.unused = in.Get<uint32_t>();
  u1.total_length = in.Get<uint16_t>();
  u1.quoted_total_length = in.Get<uint16_t>();
  u1.quoted_ip_id = in.Get<uint16_t>();
  u1.quoted_udp_checksum = in.Get<uint16_t>();
  u1.ttl = in.Get<uint8_t>();
  u1.quoted_ttl = in.Get<uint8_t>();
  u1.quoted_ip_checksum = static_cast<QuotedChecksum>(
      in.GetUpTo(static_cast<uint8_t>(QuotedChecksum::kBad), "checksum state"));
  const uint8_t flags = in.GetUpTo(3, "U1 flags");
  u1.df = HasBit(flags, 0);
  u1.quoted_data_intact = HasBit(flags, 1);
}

std::string EncodeObservation(const Observation& round, const HostFacts& facts) {
  Writer out;
  out.Put(kVersion);
  PutFacts(facts, out);
  ObservationCodec::Put(round, out);
  return out.Text();
}

absl::StatusOr<StoredObservation> DecodeObservation(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "observation: %d characters, at most %d expected", text.size(), kMaxTextBytes));
  }
  std::string bytes;
  if (!absl::WebSafeBase64Unescape({text.data(), text.size()}, &bytes)) {
    return absl::InvalidArgumentError("observation: not base64url text");
  }
  Reader in(bytes);
  if (const auto version = in.Get<uint8_t>(); version != kVersion) {
    in.Fail(absl::StrFormat("version %d, this program reads %d", version, kVersion));
  }
  StoredObservation stored;
  GetFacts(in, stored.facts);
  ObservationCodec::Get(in, stored.round);
  if (absl::Status status = in.Finish(); !status.ok()) return status;
  return stored;
}

}  // namespace osprey::matcher
