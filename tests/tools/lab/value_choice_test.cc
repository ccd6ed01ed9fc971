// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/value_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/value_expression.h"

namespace osprey::lab {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Candidates, EveryOneSatisfiesTheExpression) {
  for (const char* expression : {"3B-45", "3B-45|FA-104", "I|RD", "S+", "|U", "1-6|>1000000", "<10",
                                 "A|20-22", "U|7-9", "0", "FA00|1F400|2EE00", "AS|A"}) {
    const std::vector<std::string> values = Candidates(expression, false);
    EXPECT_FALSE(values.empty()) << expression;
    for (const std::string& value : values) {
      EXPECT_TRUE(db::Matches(expression, value, false)) << expression << " " << value;
    }
  }
}

TEST(Candidates, RangesStartInTheirMiddle) {
  EXPECT_EQ(NumberCandidates("10-20", 1)[0], 0x18u);
  EXPECT_THAT(NumberCandidates("10-20"), Contains(0x10u));
  EXPECT_THAT(NumberCandidates("10-20"), Contains(0x20u));
}

TEST(Candidates, OptionStringsAreTakenWhole) {
  EXPECT_THAT(Candidates("M5B4NW8ST11|M5B4", true), ElementsAre("M5B4NW8ST11", "M5B4"));
}

TEST(Candidates, BracketsBecomeOneValueInside) {
  const std::vector<std::string> values = Candidates("M[500-5B4]ST11NW[7|9]", true);
  ASSERT_FALSE(values.empty());
  EXPECT_TRUE(db::Matches("M[500-5B4]ST11NW[7|9]", values[0], true));
}

TEST(Candidates, ContradictionsHaveNone) {
  EXPECT_THAT(Candidates("9-3", false), IsEmpty());
  EXPECT_THAT(NumberCandidates(">FFFFFFFF"), IsEmpty());
}

// Section 10 of docs/os-detection.md.
TEST(OldRules, DifferWhereTheSpecificationSaysSo) {
  EXPECT_TRUE(MatchesOldRules("A|O", "A+"));      // a prefix, not last
  EXPECT_FALSE(MatchesOldRules("A|20-22", "A"));  // taken as a range because of the later '-'
  EXPECT_TRUE(MatchesOldRules("A|20-22", "21"));
  EXPECT_TRUE(MatchesOldRules("8|A", "8A"));
  EXPECT_TRUE(MatchesOldRules("<5", ""));
  EXPECT_FALSE(MatchesOldRules("S|O", "OX"));
}

TEST(Candidates, ThoseThatOldAndNewRulesAcceptComeFirst) {
  // Under the old rules A cannot match before a range.
  EXPECT_EQ(Candidates("A|20-22", false).back(), "A");
}

TEST(NumberSet, ContainsWhatMatches) {
  for (const char* expression : {"1-6|>1000000", "FA|3B-45", "<10", "0", "5|7-9|B"}) {
    const NumberSet set(expression);
    for (uint32_t value = 0; value < 0x200; ++value) {
      EXPECT_EQ(set.Contains(value), db::Matches(expression, ToHex(value), false))
          << expression << " " << value;
    }
  }
}

}  // namespace
}  // namespace osprey::lab
