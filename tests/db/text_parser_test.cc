// SPDX-License-Identifier: Apache-2.0
#include "db/text_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "tests/testing/golden.h"
#include "tests/testing/matching_corpus.h"

namespace osprey::db {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kPoints = "MatchPoints\nSEQ(SP=25)\nT1(R=100%DF=20)\n\n";

std::string With(std::string_view rest) { return std::string(kPoints) + std::string(rest); }

// The Ast's views need the text: all are kept.
Ast Parse(std::string text) {
  static std::deque<std::string> kept;
  auto ast = ParseReferences(kept.emplace_back(std::move(text)), "x.db");
  EXPECT_TRUE(ast.ok()) << ast.status();
  return ast.ok() ? *std::move(ast) : Ast{};
}

std::string Error(const std::string& text) {
  const auto ast = ParseReferences(text, "x.db");
  return ast.ok() ? "accepted" : std::string(ast.status().message());
}

std::map<std::string, std::string> Expressions(const ReferenceText& reference) {
  std::map<std::string, std::string> out;
  for (const ExpressionText& e : reference.expressions) {
    out[std::string(Info(Info(e.attribute).line).name) + "." +
        std::string(Info(e.attribute).name)] = e.text;
  }
  return out;
}

TEST(TextParser, ReadsTheExampleDatabase) {
  const std::string text = testing::ReadFile(testing::GoldenPath("example-os-db.txt"));
  const Ast ast = Parse(text);
  EXPECT_TRUE(ast.diagnostics.empty());
  ASSERT_EQ(ast.references.size(), 5u);
  EXPECT_EQ(ast.references[0].name, "Example RouterOS 3.1 - 3.4");
  EXPECT_EQ(ast.references[0].line, 20u);
  EXPECT_EQ(ast.points[Attribute(LineId::kU1, "RUD")], 67u);
  ASSERT_EQ(ast.references[1].classes.size(), 2u);
  EXPECT_EQ(ast.references[1].classes[0].cpes.size(), 2u);
  EXPECT_EQ(ast.references[1].classes[1].generation, "");
  EXPECT_EQ(ast.references[0].classes[0].cpes[0], "cpe:/o:example:routeros:3");
}

TEST(TextParser, CompletesR) {
  const std::string text = With(
      "Fingerprint A\nSEQ(R=N)\nOPS()\nT1(DF=Y)\nT2()\nT3(R=N)\nT4(R=Y%DF=N)\nIE(R=N|Y%CD=S)\n");
  const auto e = Expressions(Parse(text).references[0]);
  EXPECT_EQ(e.at("T1.R"), "Y");
  EXPECT_EQ(e.at("T2.R"), "N");
  EXPECT_EQ(e.at("T3.R"), "N");
  EXPECT_EQ(e.at("T4.R"), "Y");
  EXPECT_EQ(e.at("IE.R"), "N|Y");
  EXPECT_EQ(e.count("SEQ.SP"), 0u);
  EXPECT_TRUE(Parse(text).references[0].lines.test(0));
  EXPECT_TRUE(Parse(text).references[0].lines.test(1));
}

TEST(TextParser, OrderOfAttributesIsFreeAndKeptByTable) {
  const auto ast = Parse(With("Fingerprint A\nT1(DF=Y%R=Y)\nSEQ(TS=A%SP=5-9)\n"));
  std::vector<AttributeId> ids;
  for (const auto& e : ast.references[0].expressions) ids.push_back(e.attribute);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(ids.size(), 4u);
}

TEST(TextParser, TheSameTestTwiceReplacesTheEarlier) {
  const Ast ast = Parse(With("Fingerprint A\nSEQ(SP=1%TI=I)\nT1(R=Y%DF=Y)\nSEQ(GCD=2)\n"));
  const auto e = Expressions(ast.references[0]);
  EXPECT_EQ(e.count("SEQ.SP"), 0u);
  EXPECT_EQ(e.at("SEQ.GCD"), "2");
  EXPECT_EQ(e.at("T1.DF"), "Y");
  ASSERT_EQ(ast.diagnostics.size(), 1u);
  EXPECT_EQ(ast.diagnostics[0].severity, Severity::kWarning);
}

TEST(TextParser, ABadLineGivesUpTheRestOfItsRecordOnly) {
  const Ast ast =
      Parse(With("Fingerprint A\nSEQ(SP=1)\nT1(R=Y%XX=5)\nT2(R=N)\n\nFingerprint B\nT2(R=N)\n"));
  ASSERT_EQ(ast.references.size(), 2u);
  EXPECT_EQ(Expressions(ast.references[0]).count("SEQ.SP"), 1u);
  EXPECT_FALSE(ast.references[0].lines.test(static_cast<size_t>(LineId::kT2)));
  EXPECT_TRUE(ast.references[1].lines.test(static_cast<size_t>(LineId::kT2)));
  ASSERT_EQ(ast.diagnostics.size(), 1u);
  EXPECT_EQ(ast.diagnostics[0].Text("x.db"),
            "x.db:7:8: error: T1 has no attribute XX; the rest of this record is left out");
}

TEST(TextParser, ARecordEndsAtTheNextFingerprintLineToo) {
  const Ast ast = Parse(With("Fingerprint A\nSEQ(SP=1)\nFingerprint B # remark\nSEQ(SP=2)\n"));
  ASSERT_EQ(ast.references.size(), 2u);
  EXPECT_EQ(ast.references[1].name, "B");
}

TEST(TextParser, CommentsStandAnywhereAndLineEndsMayBeWindows) {
  const Ast ast = Parse(
      "# head\r\nMatchPoints\r\n# in between\r\nSEQ(SP=5)\r\n\r\nFingerprint "
      "A\r\n#x\r\nSEQ(SP=1)\r\n");
  ASSERT_EQ(ast.references.size(), 1u);
  EXPECT_EQ(ast.references[0].line, 6u);
  EXPECT_EQ(Expressions(ast.references[0]).at("SEQ.SP"), "1");
}

TEST(TextParser, ACommentWithoutLineEndIsDoubted) {
  const std::string whole = With("Fingerprint A\nT2(R=N)\n\n# the end of it");
  const Ast cut = Parse(whole);
  ASSERT_EQ(cut.diagnostics.size(), 1u);
  EXPECT_EQ(cut.diagnostics[0].Text("x.db"),
            "x.db:8:1: warning: the file ends within this comment; is it truncated?");
  const std::string ended = whole + "\n";
  EXPECT_TRUE(Parse(ended).diagnostics.empty());
}

TEST(TextParser, ACollectionThatEndsWithinARecordIsDoubted) {
  std::string text(kPoints);
  for (int i = 0; i < 120; ++i) text += "Fingerprint A\nT2(R=N)\nIE(R=N)\n\n";
  EXPECT_TRUE(Parse(text).diagnostics.empty());
  text.resize(text.size() - std::string_view("IE(R=N)\n\n").size());
  const Ast cut = Parse(text);
  ASSERT_EQ(cut.diagnostics.size(), 1u);
  EXPECT_THAT(cut.diagnostics[0].message, ::testing::HasSubstr("before its IE line"));
}

TEST(TextParser, KeepsTheVersionNotice) {
  const std::string notice = "This nmap-os-db file was written for Nmap 8.00 and later";
  EXPECT_EQ(Parse(notice + "\n" + With("Fingerprint A\nT2(R=N)\n")).version_notice, notice);
}

struct BadText {
  std::string text;
  std::string message;
};

TEST(TextParser, SaysWhatIsWrongAndWhere) {
  const std::vector<BadText> cases = {
      {"", "x.db:1:1: the file is empty"},
      {std::string(100, '\0'), "x.db:1:1: this is binary data, not an nmap-os-db text"},
      {With("Fingerprint A\x01\nT2(R=N)\n"),
       "x.db:5:14: a control character; is this an nmap-os-db text, and is it undamaged?"},
      {"Fingerprint A\nT2(R=N)\n", "x.db:2:1: there is no MatchPoints section"},
      {std::string(kPoints), "x.db:4:1: there is no Fingerprint record"},
      {With("MatchPoints\nSEQ(SP=1)\n"), "x.db:5:1: a second MatchPoints section"},
      {"MatchPoints\nSEQ(SP=0)\n", "x.db:2:8: SP wants points from 1 to 65535, found \"0\""},
      {"MatchPoints\nSEQ(SP=x)\n", "x.db:2:8: SP wants points from 1 to 65535, found \"x\""},
      {"MatchPoints\nXXX(SP=1)\n", "x.db:2:1: there is no test XXX"},
      {"MatchPoints\nSEQ(W1=1)\n", "x.db:2:5: SEQ has no attribute W1"},
      {With("Fingerprint  # nothing\n"), "x.db:5:12: a Fingerprint line without a name"},
      {With("Fingerprint A\nClass a | b | c\n"),
       "x.db:6:16: a Class line wants VENDOR | FAMILY | GENERATION | TYPE"},
      {With("Fingerprint A\nCPE cpe:/o:x\n"),
       "x.db:6:1: a CPE line without a Class line before it"},
      {With("Fingerprint A\nT9(R=N)\n"), "x.db:6:1: there is no test T9"},
      {With("Fingerprint A\nT2(R=Y)\n"), "x.db:6:6: T2(R=Y) without other attributes"},
      {With("Fingerprint A\nT2(R=N)"),
       "x.db:6:8: the file ends within this line; is it truncated?"},
      {"Fingerprint Old one\nTSeq(Class=RI%gcd=<6%SI=<11784)\n",
       "x.db:2:1: this is a first-generation nmap-os-fingerprints file, which Nmap gave up in "
       "2007; "
       "a second-generation nmap-os-db is needed"},
      {"Fingerprint Old one\nT1(DF=N%W=C00%ACK=S++%Flags=AS%Ops=M)\n",
       "x.db:2:1: this is a first-generation nmap-os-fingerprints file, which Nmap gave up in "
       "2007; "
       "a second-generation nmap-os-db is needed"},
  };
  for (const BadText& bad : cases) EXPECT_EQ(Error(bad.text), bad.message) << bad.text;
}

TEST(TextParser, SaysWhatIsWrongInARecordAndGoesOn) {
  const std::vector<BadText> cases = {
      {"SEQ(SP=1%SP=2)", "x.db:6:10: error: SP a second time"},
      {"SEQ(SP1)", "x.db:6:8: error: expected \"=\" behind SP1"},
      {"SEQ(SP=1%)", "x.db:6:9: error: nothing behind the last \"%\""},
      {"SEQ(SP=1", "x.db:6:4: error: SEQ( is not closed"},
      {"seq(SP=1)", "x.db:6:1: error: expected a test such as SEQ(...), found \"seq(SP=1)\""},
      {"T1(R=N%DF=Y)", "x.db:6:6: error: R=N beside other attributes of T1"},
      {"SEQ(SP=" + std::string(3000, '1') + ")", "x.db:6:2048: error: line of 3008 bytes"},
  };
  for (const BadText& bad : cases) {
    const Ast ast = Parse(With("Fingerprint A\n" + bad.text + "\n\nFingerprint B\nT2(R=N)\n"));
    ASSERT_EQ(ast.diagnostics.size(), 1u) << bad.text;
    EXPECT_THAT(ast.diagnostics[0].Text("x.db"), HasSubstr(bad.message));
    EXPECT_EQ(ast.references.size(), 2u);
  }
}

TEST(TextParser, StopsEarlyOnNoise) {
  std::string noise;
  for (int i = 0; i < 2'000'000; ++i) noise += "some log line or other\n";
  EXPECT_THAT(Error(noise), HasSubstr("more than 200 errors; is this an nmap-os-db file?"));
  EXPECT_THAT(Error(std::string(50'000'000, 'x')), HasSubstr("is it truncated?"));
}

TEST(TextParser, ReadsTheInstalledDatabaseWithoutComplaint) {
  const std::string& text = testing::InstalledDatabase();
  if (text.empty()) GTEST_SKIP() << "no nmap-os-db installed";
  const Ast ast = Parse(text);
  EXPECT_GT(ast.references.size(), 1000u);
  for (const Diagnostic& d : ast.diagnostics) EXPECT_NE(d.severity, Severity::kError) << d.message;
}

}  // namespace
}  // namespace osprey::db
