// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/personality.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_format.h"
#include "base/answers.h"
#include "tools/lab/crc_preimage.h"
#include "tools/lab/ip_id_choice.h"
#include "tools/lab/reference_view.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {

using db::LineId;

namespace {

constexpr std::array<LineId, kSegments> kSegmentLines = {LineId::kT2, LineId::kT3, LineId::kT4,
                                                         LineId::kT5, LineId::kT6, LineId::kT7};
constexpr std::array<LineId, 10> kTtlLines = {LineId::kEcn, LineId::kT1, LineId::kT2, LineId::kT3,
                                              LineId::kT4,  LineId::kT5, LineId::kT6, LineId::kT7,
                                              LineId::kU1,  LineId::kIe};

constexpr uint8_t kEce = 0x40;
constexpr uint8_t kCwr = 0x80;

uint8_t FlagsOf(std::string_view letters) {
  constexpr std::string_view kLetters = "FSRPAUE";  // from bit 0
  uint8_t flags = 0;
  for (const char letter : letters) {
    const size_t bit = kLetters.find(letter);
    if (bit != std::string_view::npos) flags = static_cast<uint8_t>(flags | 1u << bit);
  }
  return flags;
}

SeqRule SeqOf(std::string_view value) {
  if (value == "Z") return SeqRule::kZero;
  if (value == "A") return SeqRule::kAck;
  return value == "A+" ? SeqRule::kAckPlusOne : SeqRule::kOther;
}

AckRule AckOf(std::string_view value) {
  if (value == "Z") return AckRule::kZero;
  if (value == "S") return AckRule::kSeq;
  return value == "S+" ? AckRule::kSeqPlusOne : AckRule::kOther;
}

uint32_t GuessedTtl(uint32_t ttl) {
  for (const uint32_t usual : {32u, 64u, 128u}) {
    if (ttl <= usual) return usual;
  }
  return 255;
}

}  // namespace

class PersonalityMaker {
 public:
  PersonalityMaker(const db::ReferenceText& reference, SequencePlans& plans)
      : view_(reference), plans_(plans) {
    for (const LineId line : kTtlLines) {
      ttl_sets_[static_cast<size_t>(line)] = {NumberSet(view_.Text(line, "T")),
                                              NumberSet(view_.Text(line, "TG"))};
    }
  }

  Personality Run() {
    p_.name_ = std::string(view_.reference().name);
    p_.db_line_ = view_.reference().line;
    ChooseQuoteLoss();
    MakeSyns();
    MakeSequence();
    MakeEcn();
    MakeSegments();
    MakePlainSyn();
    MakeUnreachable();
    MakeEcho();
    const IpIdPlans ids = ChooseIpIds(view_, p_);
    p_.open_ids_ = ids.open;
    p_.closed_ids_ = ids.closed;
    p_.icmp_ids_ = ids.icmp;
    p_.contradictions_ = view_.TakeContradictions();
    return std::move(p_);
  }

 private:
  // T says the TTL at the origin plus what the quoted TTL lost inside the host; TG what a scanner
  // guesses the first to be. Chosen so that as many lines as possible have a TTL for both.
  void ChooseQuoteLoss() {
    constexpr int kMostLoss = 32;
    if (!view_.Answers(LineId::kU1, true)) return;  // then no T is measured at all
    int best = -1;
    for (int loss = 0; loss <= kMostLoss; ++loss) {
      int count = 0;
      for (const LineId line : kTtlLines) {
        count += FindTtl(line, static_cast<uint32_t>(loss), true) ? 2 : 0;
        count += FindTtl(line, static_cast<uint32_t>(loss), false) ? 3 : 0;
      }
      if (count <= best) continue;
      best = count;
      p_.quote_ttl_loss_ = static_cast<uint8_t>(loss);
      if (best == 5 * static_cast<int>(kTtlLines.size())) return;
    }
  }

  // A TTL 1..255 that gives T with that loss and, if asked for, TG.
  std::optional<uint8_t> FindTtl(LineId line, uint32_t loss, bool with_guess) const {
    const TtlSets& sets = ttl_sets_[static_cast<size_t>(line)];
    const auto fits = [&](uint32_t ttl) {
      return sets.exact.Contains(ttl + loss) &&
             (!with_guess || sets.guessed.Contains(GuessedTtl(ttl)));
    };
    for (const uint32_t usual : {64u, 128u, 255u, 32u}) {
      if (fits(usual)) return static_cast<uint8_t>(usual);
    }
    for (uint32_t ttl = 255; ttl > 0; --ttl) {
      if (fits(ttl)) return static_cast<uint8_t>(ttl);
    }
    return std::nullopt;
  }

  uint8_t Ttl(LineId line) {
    const bool exact = view_.Answers(LineId::kU1, true);
    if (auto ttl = FindTtl(line, p_.quote_ttl_loss_, true)) return *ttl;
    if (exact) {
      if (auto ttl = FindTtl(line, p_.quote_ttl_loss_, false)) return *ttl;
    } else {
      const uint32_t guess = view_.Number(line, "TG", 64, 255);
      return static_cast<uint8_t>(guess);
    }
    view_.NoteContradiction(
        absl::StrFormat("no TTL gives %s.T=%s", db::Info(line).name, view_.Text(line, "T")));
    return 64;
  }

  bool Df(LineId line) { return view_.Value(line, "DF", "N") == "Y"; }

  void SetQuirks(LineId line, TcpBehaviour& answer) {
    const std::string quirks = view_.Value(line, "Q", "");
    if (quirks.find('R') != std::string::npos) answer.reserved = 8;
    if (quirks.find('U') != std::string::npos) answer.urgent = 1;
  }

  OptionTemplate Options(LineId line, std::string_view attribute) {
    const std::string text = view_.Value(line, attribute, "");
    if (std::optional<OptionTemplate> options = ParseOptionText(text)) return *options;
    view_.NoteContradiction(
        absl::StrFormat("%s.%s=%s fits no TCP header", db::Info(line).name, attribute, text));
    return {};
  }

  uint16_t Window(LineId line, std::string_view attribute) {
    return static_cast<uint16_t>(view_.Number(line, attribute, 0, 0xFFFF));
  }

  // What all T lines have: everything but window and options.
  TcpBehaviour Segment(LineId line, bool otherwise) {
    TcpBehaviour answer;
    answer.answers = view_.Answers(line, otherwise);
    if (!answer.answers) return answer;
    answer.df = Df(line);
    answer.ttl = Ttl(line);
    answer.flags = FlagsOf(PreferredFlags(line));
    answer.seq = SeqOf(view_.Value(line, "S", "Z"));
    answer.ack = AckOf(view_.Value(line, "A", "S+"));
    SetQuirks(line, answer);
    SetData(line, answer);
    return answer;
  }

  // A SYN-ACK if the reference allows one: an open port that resets is seldom what was meant.
  std::string PreferredFlags(LineId line) {
    const std::vector<std::string> values = view_.Values(line, "F");
    if (std::find(values.begin(), values.end(), "AS") != values.end()) return "AS";
    if (values.empty()) return line == LineId::kT1 || line == LineId::kT3 ? "AS" : "AR";
    return values[0];
  }

  void SetData(LineId line, TcpBehaviour& answer) {
    const uint32_t crc = view_.Number(line, "RD", 0, 0xFFFFFFFF);
    if (crc == 0) return;
    if ((answer.flags & kTcpRst) == 0) {
      view_.NoteContradiction(absl::StrFormat("%s.RD without RST in F", db::Info(line).name));
      return;
    }
    answer.data = CrcPreimage(crc);
    answer.data_size = 4;
  }

  void MakeSyns() {
    const TcpBehaviour base = Segment(LineId::kT1, true);
    const std::array<OptionTemplate, 6> options = ChooseSynOptions();
    const bool sequence_known = view_.Get(LineId::kSeq, "GCD").has_value();
    for (unsigned i = 0; i < 6; ++i) {
      TcpBehaviour& syn = p_.syn_[i];
      syn = base;
      // References whose first answer is none or no SYN-ACK, and which have sequence numbers: the
      // others were SYN-ACKs.
      if (i > 0 && sequence_known && (base.flags & kTcpSyn) == 0) ForceSynAck(syn);
      // An answer without timestamp among those with one was no SYN-ACK: it would have made TS
      // "unsupported".
      const bool timestamps = view_.Get(LineId::kSeq, "TS") && p_.clock_ != ClockKind::kNone;
      if (i > 0 && timestamps && !options[i].has_timestamp) syn.flags = kTcpRst | kTcpAck;
      syn.options = options[i];
      syn.window = Window(LineId::kWin, absl::StrFormat("W%d", i + 1));
    }
  }

  void MakeSequence() {
    SequenceWanted wanted = {.gcd = view_.Text(LineId::kSeq, "GCD"),
                             .isr = view_.Text(LineId::kSeq, "ISR"),
                             .sp = view_.Text(LineId::kSeq, "SP"),
                             .answered = 0};
    for (unsigned i = 0; i < 6; ++i) {
      const TcpBehaviour& syn = p_.syn_[i];
      const bool accepts = syn.answers && (syn.flags & kTcpSyn) != 0;
      if (accepts) wanted.answered = static_cast<uint8_t>(wanted.answered | 1u << i);
    }
    p_.sequence_ = plans_.Find(wanted);
    if (p_.sequence_.satisfied()) return;
    view_.NoteContradiction(absl::StrFormat("no sequence numbers have GCD=%s ISR=%s SP=%s",
                                            wanted.gcd, wanted.isr, wanted.sp));
  }

  static void ForceSynAck(TcpBehaviour& answer) {
    answer.answers = true;
    answer.flags = kTcpSyn | kTcpAck;
    answer.seq = SeqRule::kOther;
    answer.ack = AckRule::kSeqPlusOne;
    answer.data_size = 0;
  }

  // One value for each of O1..O6 that goes with one value of TS.
  std::array<OptionTemplate, 6> ChooseSynOptions() {
    std::vector<std::string> clocks = {""};
    if (view_.Get(LineId::kSeq, "TS")) clocks = Candidates(view_.Text(LineId::kSeq, "TS"), false);
    int best = -1;
    std::array<OptionTemplate, 6> chosen;
    for (const std::string& clock : clocks) {
      std::array<OptionTemplate, 6> options;
      int agreeing = 0;
      for (unsigned i = 0; i < 6; ++i) agreeing += ChooseOptions(i, clock, options[i]) ? 1 : 0;
      if (agreeing <= best) continue;
      best = agreeing;
      chosen = options;
      SetClock(clock);
    }
    if (best == 0) {
      view_.NoteContradiction(
          absl::StrFormat("O1..O6 disagree with TS=%s", view_.Text(LineId::kSeq, "TS")));
    }
    return chosen;
  }

  static bool Agrees(const OptionTemplate& options, std::string_view clock) {
    if (clock.empty()) return true;
    if (clock == "U") return !options.has_timestamp;
    return options.has_timestamp && (options.tsval_at == 0) == (clock == "0");
  }

  // The first value of the attribute that goes with the clock, else the first that can be written.
  bool ChooseOptions(unsigned index, std::string_view clock, OptionTemplate& out) {
    const std::string attribute = absl::StrFormat("O%d", index + 1);
    if (!view_.Get(LineId::kOps, attribute)) {
      out = UnaskedOptions(clock);
      return true;
    }
    bool found = false;
    for (const std::string& text : Candidates(view_.Text(LineId::kOps, attribute), true)) {
      const std::optional<OptionTemplate> options = ParseOptionText(text);
      if (!options) continue;
      if (Agrees(*options, clock)) return out = *options, true;
      if (!found) out = *options;
      found = true;
    }
    if (!found) {
      view_.NoteContradiction(absl::StrFormat("OPS.%s=%s fits no TCP header", attribute,
                                              view_.Text(LineId::kOps, attribute)));
    }
    return false;
  }

  // The reference does not say: what shows the clock.
  static OptionTemplate UnaskedOptions(std::string_view clock) {
    if (clock.empty() || clock == "U") return *ParseOptionText("M5B4");
    return *ParseOptionText(clock == "0" ? "M5B4NNT00" : "M5B4NNT11");
  }

  void SetClock(std::string_view clock) {
    constexpr uint32_t kFastestClock = 0x14;  // 2^20 Hz; beyond, each connection has its own offset
    p_.clock_ = ClockKind::kNone;
    if (clock == "0") p_.clock_ = ClockKind::kZero;
    if (clock.empty()) p_.clock_ = ClockKind::kRate, p_.clock_hz_ = 1000;
    const std::optional<uint32_t> exponent = ParseHex(clock);
    if (!exponent || *exponent == 0) return;
    p_.clock_ = *exponent > kFastestClock ? ClockKind::kPerConnection : ClockKind::kRate;
    p_.clock_hz_ = HertzOf(*exponent);
    // What rounds to 2 is below 5.66 Hz, and that reads 1.
    if (*exponent == 2) view_.NoteContradiction("SEQ.TS=2 is never measured");
  }

  static double HertzOf(uint32_t ts) {
    switch (ts) {
      case 1:
        return 2;
      case 7:
        return 100;
      case 8:
        return 200;
      case 0xA:
        return 1000;
      default:
        return std::exp2(ts);
    }
  }

  void MakeEcn() {
    TcpBehaviour& ecn = p_.ecn_;
    ecn = p_.syn_[0];
    ecn.answers = view_.Answers(LineId::kEcn, true);
    if (!view_.HasLine(LineId::kEcn) || !ecn.answers) return;
    if ((ecn.flags & kTcpSyn) == 0) ForceSynAck(ecn);
    ecn.df = Df(LineId::kEcn);
    ecn.ttl = Ttl(LineId::kEcn);
    ecn.window = Window(LineId::kEcn, "W");
    ecn.options = Options(LineId::kEcn, "O");
    ecn.reserved = 0;
    ecn.urgent = 0;
    SetQuirks(LineId::kEcn, ecn);
    const std::string echo = view_.Value(LineId::kEcn, "CC", "N");
    if (echo == "S" || echo == "Y") ecn.flags |= kEce;
    if (echo == "S" || echo == "O") ecn.flags |= kCwr;
  }

  void MakeSegments() {
    for (size_t i = 0; i < kSegments; ++i) {
      const LineId line = kSegmentLines[i];
      const bool usual = line == LineId::kT4 || line == LineId::kT5 || line == LineId::kT6;
      TcpBehaviour& answer = p_.segments_[i];
      answer = Segment(line, usual);
      if (!answer.answers) continue;
      answer.window = Window(line, "W");
      answer.options = Options(line, "O");
    }
  }

  // A connection that is no probe: an ordinary SYN-ACK, whatever the reference did to probes.
  void MakePlainSyn() {
    p_.plain_syn_ = p_.syn_[0];
    if (!p_.plain_syn_.answers) {
      p_.plain_syn_.ttl = Ttl(LineId::kT5);
      p_.plain_syn_.window = 0x2000;
    }
    p_.plain_syn_.reserved = 0;
    p_.plain_syn_.urgent = 0;
    ForceSynAck(p_.plain_syn_);
  }

  void MakeUnreachable() {
    constexpr uint32_t kShortest = 56;  // quotes a header and eight bytes: less is not recognised
    constexpr uint32_t kLongest = 340;  // what fits into a frame of the send rings, and more
    UnreachableBehaviour& u = p_.unreachable_;
    u.answers = view_.Answers(LineId::kU1, true);
    if (!view_.HasLine(LineId::kU1) || !u.answers) return;
    u.df = Df(LineId::kU1);
    u.ttl = Ttl(LineId::kU1);
    u.unused = view_.Number(LineId::kU1, "UN", 0, 0xFFFFFFFF);
    const uint32_t length = view_.Number(LineId::kU1, "IPL", 356, 0xFFFF);
    if (length < kShortest || length > kLongest + 256) {
      view_.NoteContradiction(absl::StrFormat("U1.IPL=%X is no length of an answer", length));
    } else {
      u.total_length = static_cast<uint16_t>(length);
    }
    MakeQuote(u);
  }

  void MakeQuote(UnreachableBehaviour& u) {
    using Checksum = UnreachableBehaviour::Checksum;
    NoteWhatReadsGood("RIPL", 0x148);
    NoteWhatReadsGood("RID", 0x1042);
    if (const std::string value = view_.Value(LineId::kU1, "RIPL", "G"); value != "G") {
      u.change_quoted_length = true;
      u.quoted_length = static_cast<uint16_t>(ParseHex(value).value_or(0));
    }
    if (const std::string value = view_.Value(LineId::kU1, "RID", "G"); value != "G") {
      u.change_quoted_id = true;
      u.quoted_id = static_cast<uint16_t>(ParseHex(value).value_or(0));
    }
    const std::string sum = view_.Value(LineId::kU1, "RIPCK", "G");
    u.quoted_checksum = sum == "Z"   ? Checksum::kZero
                        : sum == "I" ? Checksum::kInvalid
                                     : Checksum::kGood;
    if (const std::string value = view_.Value(LineId::kU1, "RUCK", "G"); value != "G") {
      u.change_udp_checksum = true;
      u.udp_checksum = static_cast<uint16_t>(ParseHex(value).value_or(0));
    }
    u.spoil_data = view_.Value(LineId::kU1, "RUD", "G") == "I";
    if (u.spoil_data && u.total_length <= 56) {
      view_.NoteContradiction("U1.RUD=I, but IPL leaves no data to be changed");
    }
  }

  // A quoted value equal to what was sent is called G, never by its number.
  void NoteWhatReadsGood(std::string_view attribute, uint32_t sent) {
    const std::string value = view_.Value(LineId::kU1, attribute, "G");
    if (value == "G" || ParseHex(value) != sent) return;
    view_.NoteContradiction(
        absl::StrFormat("U1.%s=%s is what is sent, which reads G", attribute, value));
  }

  void MakeEcho() {
    using Df = EchoBehaviour::Df;
    using Code = EchoBehaviour::Code;
    EchoBehaviour& echo = p_.echo_;
    echo.answers = view_.Answers(LineId::kIe, true);
    if (!view_.HasLine(LineId::kIe) || !echo.answers) return;
    echo.ttl = Ttl(LineId::kIe);
    const std::string df = view_.Value(LineId::kIe, "DFI", "N");
    echo.df = df == "Y"   ? Df::kAlways
              : df == "S" ? Df::kSame
              : df == "O" ? Df::kOpposite
                          : Df::kNever;
    const std::string code = view_.Value(LineId::kIe, "CD", "Z");
    echo.code = code == "Z"   ? Code::kZero
                : code == "S" ? Code::kSame
                : code == "O" ? Code::kOdd
                              : Code::kFixed;
    echo.fixed_code = static_cast<uint8_t>(ParseHex(code).value_or(0));
  }

  struct TtlSets {
    NumberSet exact{""};
    NumberSet guessed{""};
  };

  ReferenceView view_;
  SequencePlans& plans_;
  std::array<TtlSets, db::kLineCount> ttl_sets_;
  Personality p_;
};

Personality Personality::Make(const db::ReferenceText& reference, SequencePlans& plans) {
  return PersonalityMaker(reference, plans).Run();
}

Personality Personality::Make(const db::ReferenceText& reference) {
  SequencePlans plans;
  return Make(reference, plans);
}

}  // namespace osprey::lab
