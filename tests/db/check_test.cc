// SPDX-License-Identifier: Apache-2.0
#include "db/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "db/locate.h"
#include "tests/testing/matching_corpus.h"

namespace osprey::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Findings(const std::string& records) {
  const std::string text =
      "MatchPoints\nSEQ(SP=25%TI=10)\nOPS(O1=5)\nT1(R=100%DF=20)\n\n" + records;
  const auto result = CheckText(text, "x.db");
  EXPECT_TRUE(result.ok()) << result.status();
  std::vector<std::string> out;
  for (const Finding& f : result->findings) {
    out.push_back(std::string(Name(f.kind)) + " " + f.diagnostic.Text("x.db"));
  }
  return out;
}

TEST(Check, SaysNothingAboutSoundRecords) {
  EXPECT_THAT(Findings("Fingerprint A\nSEQ(SP=1-5|9%TI=I|RD)\n\nFingerprint B\nSEQ(SP=6)\n"),
              IsEmpty());
}

TEST(Check, FindsDuplicates) {
  EXPECT_THAT(Findings("Fingerprint A\nSEQ(SP=1)\n\nFingerprint B\nSEQ(SP=1)\n"),
              ElementsAre("duplicate x.db:9:1: warning: \"B\" has the tests of \"A\" in line 6"));
}

TEST(Check, FindsContainedReferences) {
  EXPECT_THAT(Findings("Fingerprint A\nSEQ(SP=2-3%TI=I)\n\nFingerprint B\nSEQ(SP=1-5)\n"),
              ElementsAre("contained x.db:6:1: warning: \"A\" is contained in \"B\" in line 9"));
  EXPECT_THAT(Findings("Fingerprint A\nSEQ(SP=2-3)\n\nFingerprint B\nSEQ(SP=1-5%TI=I)\n"),
              IsEmpty());
  EXPECT_THAT(Findings("Fingerprint A\nSEQ(SP=2-3)\n\nFingerprint B\nSEQ(SP=<3|3)\n"),
              ElementsAre("contained x.db:6:1: warning: \"A\" is contained in \"B\" in line 9"));
}

TEST(Check, FindsExpressionsThatMatchNothing) {
  EXPECT_THAT(Findings("Fingerprint A\nSEQ(SP=9-5)\n"),
              ElementsAre("never-matches x.db:7:8: warning: SEQ.SP=9-5 matches no value"));
  EXPECT_THAT(Findings("Fingerprint A\nOPS(O1=M[1-5]|M9)\n"),
              ElementsAre("unreachable x.db:7:8: warning: OPS.O1=M[1-5]|M9: \"M[1-5]\" matches no "
                          "value"));
}

TEST(Check, FindsCoveredAlternatives) {
  EXPECT_THAT(Findings("Fingerprint A\nSEQ(SP=1-6|5%TI=I|RD|I)\n"),
              ElementsAre("unreachable x.db:7:8: warning: SEQ.SP=1-6|5: \"5\" is covered by what "
                          "stands before it",
                          "unreachable x.db:7:17: warning: SEQ.TI=I|RD|I: \"I\" is covered by what "
                          "stands before it"));
}

TEST(Check, TheBuiltInDatabaseIsSound) {
  const auto result = CheckText(BuiltinText(), kBuiltinName);
  ASSERT_TRUE(result.ok()) << result.status();
  for (const Finding& f : result->findings) ADD_FAILURE() << f.diagnostic.Text(kBuiltinName);
}

TEST(Check, TheInstalledDatabaseCanBeChecked) {
  const std::string& text = testing::InstalledDatabase();
  if (text.empty()) GTEST_SKIP() << "no nmap-os-db installed";
  const auto result = CheckText(text, "nmap-os-db");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->references, 1000u);
  std::map<std::string_view, int> counts;
  for (const Finding& f : result->findings) ++counts[Name(f.kind)];
  for (const auto& [kind, count] : counts) RecordProperty(std::string(kind), count);
}

}  // namespace
}  // namespace osprey::db
