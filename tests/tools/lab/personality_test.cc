// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/personality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/answers.h"
#include "base/tcp_options.h"
#include "db/text_parser.h"
#include "db/value_expression.h"
#include "tools/lab/reference_view.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {
namespace {

using db::LineId;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPoints[] =
    "MatchPoints\n"
    "SEQ(SP=25%GCD=75%ISR=25%TI=100%CI=50%II=100%SS=80%TS=100)\n"
    "OPS(O1=20%O2=20%O3=20%O4=20%O5=20%O6=20)\nWIN(W1=15%W2=15%W3=15%W4=15%W5=15%W6=15)\n"
    "ECN(R=100%DF=20%T=15%TG=15%W=15%O=15%CC=100%Q=20)\n"
    "T1(R=100%DF=20%T=15%TG=15%S=20%A=20%F=30%RD=20%Q=20)\n"
    "U1(R=50%DF=20%T=15%TG=15%IPL=100%UN=100%RIPL=100%RID=100%RIPCK=100%RUCK=100%RUD=100)\n"
    "IE(R=50%DFI=40%T=15%TG=15%CD=100)\n\n";

constexpr char kLinux[] =
    "Fingerprint Example\nClass A | B || c\n"
    "SEQ(SP=FF-109%GCD=1-6%ISR=106-110%TI=Z%CI=I|RD%II=I%SS=O|S%TS=7|U)\n"
    "OPS(O1=M5B4|M5B4ST11NW7%O2=M5B4ST11NW7%O3=M5B4NNT11NW7%O4=M5B4ST11NW7%O5=M5B4ST11NW7%"
    "O6=M5B4ST11)\n"
    "WIN(W1=16A0|7120%W2=16A0%W3=16A0%W4=16A0%W5=16A0%W6=16A0)\n"
    "ECN(R=Y%DF=Y%T=3B-45%TG=40%W=16D0%O=M5B4NNSNW7%CC=Y%Q=U)\n"
    "T1(R=Y%DF=Y%T=3B-45%TG=40%S=O%A=S+%F=A|AS%RD=0%Q=)\n"
    "T2(R=N)\nT3(R=Y%DF=Y%T=41%TG=40%W=0%S=A%A=Z%F=R%O=%RD=E44A4E43%Q=R)\n"
    "U1(DF=N%T=3B-45%TG=40%IPL=164%UN=0%RIPL=G%RID=G%RIPCK=G%RUCK=G%RUD=G)\n"
    "IE(DFI=S%T=3B-45%TG=40%CD=S)\n";

// `text` must outlive the result.
db::Ast Parse(const std::string& text) {
  absl::StatusOr<db::Ast> ast = db::ParseReferences(text, "test");
  EXPECT_TRUE(ast.ok()) << ast.status();
  return *std::move(ast);
}

std::string FlagText(uint8_t flags) {
  std::string text;
  for (int bit = 6; bit >= 0; --bit) {
    if ((flags >> bit & 1) != 0) text += "FSRPAUE"[bit];
  }
  return text;
}

std::string OptionsOf(const TcpBehaviour& answer) {
  std::array<char, kMaxOptionString> text;
  const auto* bytes = reinterpret_cast<const uint8_t*>(answer.options.bytes.data());
  return {text.data(), OptionString({bytes, answer.options.size}, text.data())};
}

// What a scanner would print of the answer, attribute by attribute, must be allowed.
void ExpectAllowed(const ReferenceView& view, LineId line, std::string_view attribute,
                   std::string_view value) {
  EXPECT_TRUE(view.Allows(line, attribute, value))
      << db::Info(line).name << "." << attribute << "=" << value << " is not "
      << view.Text(line, attribute);
}

void CheckSegment(const ReferenceView& view, LineId line, const TcpBehaviour& answer,
                  const Personality& p) {
  constexpr std::array kSeq = {"Z", "A", "A+", "O"};
  constexpr std::array kAck = {"Z", "S", "S+", "O"};
  if (!answer.answers) return;
  ExpectAllowed(view, line, "DF", answer.df ? "Y" : "N");
  ExpectAllowed(view, line, "T", ToHex(answer.ttl + uint32_t{p.quote_ttl_loss()}));
  ExpectAllowed(view, line, "Q",
                absl::StrCat(answer.reserved != 0 ? "R" : "", answer.urgent != 0 ? "U" : ""));
  if (line == LineId::kEcn) return;
  ExpectAllowed(view, line, "S", kSeq[static_cast<size_t>(answer.seq)]);
  ExpectAllowed(view, line, "A", kAck[static_cast<size_t>(answer.ack)]);
  ExpectAllowed(view, line, "F", FlagText(answer.flags));
  if (line == LineId::kT1) return;
  ExpectAllowed(view, line, "W", ToHex(answer.window));
  ExpectAllowed(view, line, "O", OptionsOf(answer));
}

void CheckAll(const db::ReferenceText& reference) {
  const ReferenceView view(reference);
  const Personality p = Personality::Make(reference);
  SCOPED_TRACE(p.name());
  if (!p.contradictions().empty()) return;
  for (unsigned i = 0; i < 6; ++i) {
    if (!view.HasLine(LineId::kOps) || !p.syn(i).answers) continue;
    ExpectAllowed(view, LineId::kOps, absl::StrCat("O", i + 1), OptionsOf(p.syn(i)));
    ExpectAllowed(view, LineId::kWin, absl::StrCat("W", i + 1), ToHex(p.syn(i).window));
  }
  if (view.HasLine(LineId::kT1)) CheckSegment(view, LineId::kT1, p.syn(0), p);
  if (view.HasLine(LineId::kEcn) && p.ecn().answers) {
    CheckSegment(view, LineId::kEcn, p.ecn(), p);
    ExpectAllowed(view, LineId::kEcn, "W", ToHex(p.ecn().window));
    ExpectAllowed(view, LineId::kEcn, "O", OptionsOf(p.ecn()));
  }
  constexpr std::array kLines = {LineId::kT2, LineId::kT3, LineId::kT4,
                                 LineId::kT5, LineId::kT6, LineId::kT7};
  for (size_t i = 0; i < kSegments; ++i) {
    if (view.HasLine(kLines[i])) {
      CheckSegment(view, kLines[i], p.segment(static_cast<Segment>(i)), p);
    }
  }
  if (view.HasLine(LineId::kU1) && p.unreachable().answers) {
    ExpectAllowed(view, LineId::kU1, "IPL", ToHex(p.unreachable().total_length));
    ExpectAllowed(view, LineId::kU1, "UN", ToHex(p.unreachable().unused));
    ExpectAllowed(view, LineId::kU1, "T",
                  ToHex(p.unreachable().ttl + uint32_t{p.quote_ttl_loss()}));
  }
}

TEST(Personality, ChoosesValuesThatAgreeWithEachOther) {
  const std::string text = absl::StrCat(kPoints, kLinux);
  // T2 and T3 need their lines of points.
  std::string with_points = text;
  with_points.insert(with_points.find("U1(R=50"),
                     "T2(R=80%DF=3%T=15%TG=12%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)\n"
                     "T3(R=80%DF=3%T=15%TG=12%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)\n");
  const db::Ast ast = Parse(with_points);
  ASSERT_EQ(ast.references.size(), 1u);
  const Personality p = Personality::Make(ast.references[0]);
  EXPECT_THAT(p.contradictions(), IsEmpty());
  CheckAll(ast.references[0]);
  // TS=7 goes with five option strings that have timestamps, so O1 gets one as well.
  EXPECT_EQ(p.clock(), ClockKind::kRate);
  EXPECT_EQ(p.clock_hz(), 100);
  EXPECT_EQ(OptionsOf(p.syn(0)), "M5B4ST11NW7");
  EXPECT_EQ(p.syn(0).flags, kTcpSyn | kTcpAck);
  // T=41 with TG=40: the quoted TTL lost one inside the host.
  EXPECT_EQ(p.quote_ttl_loss(), 1);
  EXPECT_EQ(p.ecn().flags & (kTcpEce | kTcpCwr), kTcpEce);
  EXPECT_EQ(p.ecn().urgent, 1);
  EXPECT_FALSE(p.segment(Segment::kNullOpen).answers);
  EXPECT_EQ(p.segment(Segment::kSynFinOpen).data_size, 4);
  EXPECT_EQ(p.segment(Segment::kSynFinOpen).reserved, 8);
  EXPECT_EQ(p.open_ids().kind, IpIdKind::kZero);
  EXPECT_EQ(p.echo().df, EchoBehaviour::Df::kSame);
  EXPECT_EQ(p.echo().code, EchoBehaviour::Code::kSame);
}

TEST(Personality, SaysWhatContradictsItself) {
  const std::string text = absl::StrCat(
      kPoints,
      "Fingerprint Odd\nSEQ(TS=7)\nOPS(O1=M5B4%O2=M5B4%O3=M5B4%O4=M5B4%O5=M5B4%O6=M5B4)\n");
  const db::Ast ast = Parse(text);
  EXPECT_THAT(Personality::Make(ast.references[0]).contradictions(), Not(IsEmpty()));
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Personality, SatisfiesEveryExpressionOfTheExampleDatabase) {
  const std::string text = ReadAll(OSPREY_TEST_DIR "/golden/example-os-db.txt");
  const db::Ast ast = Parse(text);
  EXPECT_FALSE(ast.references.empty());
  for (const db::ReferenceText& reference : ast.references) CheckAll(reference);
}

// Where there is one, the user's own database: thousands of real references.
TEST(Personality, SatisfiesTheInstalledDatabase) {
  const std::string text = ReadAll("/usr/share/nmap/nmap-os-db");
  if (text.empty()) GTEST_SKIP() << "no database is installed";
  const db::Ast ast = Parse(text);
  size_t contradictory = 0;
  for (size_t i = 0; i < ast.references.size(); i += 3) {
    contradictory += Personality::Make(ast.references[i]).contradictions().empty() ? size_t{0} : 1;
    CheckAll(ast.references[i]);
  }
  EXPECT_LT(contradictory * 50, ast.references.size() / 3);
}

}  // namespace
}  // namespace osprey::lab
