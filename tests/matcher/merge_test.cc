// SPDX-License-Identifier: Apache-2.0
#include "matcher/merge.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "db/subject.h"
#include "gtest/gtest.h"
#include "tests/testing/golden.h"

namespace osprey::matcher {
namespace {

db::Fingerprint Parse(const std::string& text) {
  const absl::StatusOr<db::Fingerprint> fingerprint = db::ParseSubject(text);
  EXPECT_TRUE(fingerprint.ok()) << fingerprint.status();
  return fingerprint.ok() ? *fingerprint : db::Fingerprint();
}

// `count` rounds that differ in every line's T.
std::vector<db::Fingerprint> Rounds(size_t count) {
  std::vector<db::Fingerprint> rounds;
  for (size_t i = 0; i < count; ++i) {
    const std::string t = std::to_string(10 + i);
    std::string text = "SEQ(SP=" + t + "%GCD=1%ISR=10E%TI=Z%CI=Z%II=I%TS=A)";
    for (const char* line : {"T2", "T3", "T4", "T5", "T6", "T7"}) {
      text += std::string(line) + "(R=Y%DF=Y%T=" + t + "%W=0%S=A%A=Z%F=R%O=M5B4ST11%RD=0%Q=)";
    }
    rounds.push_back(Parse(text));
  }
  return rounds;
}

TEST(Merge, GoldenCases) {
  const rapidjson::Document golden = testing::ReadGolden("merge-cases.json");
  size_t cases = 0;
  for (const rapidjson::Value& c : golden["cases"].GetArray()) {
    std::vector<db::Fingerprint> rounds;
    for (const rapidjson::Value& round : c["rounds"].GetArray()) {
      rounds.push_back(Parse(absl::StrJoin(testing::Strings(round), "")));
    }
    EXPECT_EQ(MergeLines(rounds), testing::Strings(c["merged"]));
    ++cases;
  }
  EXPECT_EQ(cases, 4U);
}

TEST(Merge, GoldenWrapping) {
  const rapidjson::Document golden = testing::ReadGolden("merge-cases.json");
  EXPECT_EQ(WrapRows(testing::Text(golden["wrap"]["text"])),
            testing::Text(golden["wrap"]["wrapped"]));
}

TEST(Merge, RowsHaveSeventyTwoCharactersAndNoEmptyLastOne) {
  EXPECT_EQ(WrapRows(""), "");
  EXPECT_EQ(WrapRows(std::string(72, 'x')), "OS:" + std::string(72, 'x') + "\n");
  EXPECT_EQ(WrapRows(std::string(73, 'x')), "OS:" + std::string(72, 'x') + "\nOS:x\n");
}

TEST(Merge, NoRoundsAndTooManyAreSaid) {
  EXPECT_EQ(PrintedFingerprint("SCAN()", {}, PrintedForm::kPlain), "(None)");
  EXPECT_EQ(PrintedFingerprint("SCAN()", Rounds(33), PrintedForm::kWrapped), "(Too many)");
  EXPECT_NE(PrintedFingerprint("SCAN()", Rounds(32), PrintedForm::kWrapped), "(Too many)");
}

TEST(Merge, LongTextEndsWithAWholeLine) {
  const std::vector<db::Fingerprint> rounds = Rounds(32);
  const std::string plain = PrintedFingerprint("SCAN()", rounds, PrintedForm::kPlain);
  EXPECT_LE(plain.size(), kMaxPrintedBytes);
  EXPECT_GT(plain.size(), kMaxPrintedBytes - 100);
  EXPECT_TRUE(plain.ends_with(")\n"));
  const std::string wrapped = PrintedFingerprint("SCAN()", rounds, PrintedForm::kWrapped);
  EXPECT_LE(wrapped.size(), kMaxPrintedBytes);
  EXPECT_GT(wrapped.size(), kMaxPrintedBytes - 100);
  EXPECT_TRUE(wrapped.ends_with(")\n"));
}

}  // namespace
}  // namespace osprey::matcher
