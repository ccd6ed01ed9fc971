// SPDX-License-Identifier: Apache-2.0
#include "db/value_expression.h"

#include <gtest/gtest.h>

#include "tests/testing/golden.h"

namespace osprey::db {
namespace {

TEST(ValueExpression, AllGoldenCases) {
  const auto golden = testing::ReadGolden("expr-cases.json");
  const auto& cases = golden["cases"];
  ASSERT_EQ(cases.Size(), 71u);
  for (const auto& c : cases.GetArray()) {
    const std::string_view reference = testing::Text(c["reference"]);
    const std::string_view value = testing::Text(c["value"]);
    EXPECT_EQ(Matches(reference, value, c["option_attribute"].GetBool()), c["match"].GetBool())
        << "reference \"" << reference << "\", value \"" << value << "\"";
  }
}

TEST(ValueExpression, WorkedExamplesOfTheSpecification) {
  EXPECT_FALSE(Matches("A|B", "", false));
  EXPECT_FALSE(Matches("1|>1000000", "1000000", false));
  EXPECT_TRUE(Matches("FA-104", "FF", false));
  EXPECT_FALSE(Matches("M[500-5B4]ST11NW[7|9]", "M578ST11NW79", true));
  EXPECT_TRUE(Matches("M5B4|M[500-578]", "M578", true));
}

TEST(ValueExpression, SignsAreOrdinaryCharactersForOtherValues) {
  EXPECT_TRUE(Matches(">5|U", ">5", false));
  EXPECT_FALSE(Matches("U-Z", "V", false));
  EXPECT_TRUE(Matches("U-Z", "U-Z", false));
}

TEST(ValueExpression, AnOpenBracketIsAnOrdinaryCharacter) {
  EXPECT_TRUE(Matches("M[5", "M[5", true));
  EXPECT_TRUE(Matches("M[5|S", "S", true));
}

TEST(ValueExpression, BarsInsideBracketsDoNotSeparate) {
  AlternativeReader reader("M5|M[1|2]N", true);
  Alternative a;
  ASSERT_TRUE(reader.Next(a));
  EXPECT_EQ(a.text, "M5");
  ASSERT_TRUE(reader.Next(a));
  EXPECT_EQ(a.text, "M[1|2]N");
  EXPECT_EQ(a.kind, AlternativeKind::kBrackets);
  EXPECT_FALSE(reader.Next(a));
}

TEST(ValueExpression, OutlineOfAMatchingValueEqualsThatOfItsPattern) {
  for (const auto& [pattern, value] : {std::pair("M[500-5B4]ST11NW[7|9]", "M578ST11NW9"),
                                       std::pair("[1-9]S", "5S"), std::pair("M1[<20]N", "M11FN")}) {
    EXPECT_EQ(OutlineHash(pattern, true), OutlineHash(value, false)) << pattern;
  }
  EXPECT_NE(OutlineHash("M[1-9]", true), OutlineHash("M", false));
}

TEST(HexOrder, KeysKeepTheOrderOfTexts) {
  const std::string_view ordered[] = {"",   "0",  "1",   "9",       "A",
                                      "AS", "B0", "100", "1000000", "FFFFFFFF"};
  for (size_t i = 0; i + 1 < std::size(ordered); ++i) {
    EXPECT_LT(CompareHex(ordered[i], ordered[i + 1]), 0) << ordered[i + 1];
    EXPECT_LT(HexKey(ordered[i]), HexKey(ordered[i + 1])) << ordered[i + 1];
  }
  EXPECT_EQ(HexKey("100000000"), kLongKey);
  EXPECT_EQ(DropLeadingZeros("000"), "0");
  EXPECT_EQ(DropLeadingZeros("00A0"), "A0");
}

}  // namespace
}  // namespace osprey::db
