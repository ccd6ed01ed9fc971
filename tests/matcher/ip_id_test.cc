// SPDX-License-Identifier: Apache-2.0
#include "matcher/ip_id.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/golden.h"

namespace osprey::matcher {
namespace {

using testing::Text;

IpIdClass Classify(const std::vector<uint16_t>& ids, bool own = false) {
  return ClassifyIpIds(ids, own);
}

TEST(IpId, GoldenCasesHaveTheirClassAndDescription) {
  const std::map<std::string_view, IpIdClass> classes = {
      {"UNKNOWN", IpIdClass::kUnknown},        {"ZERO", IpIdClass::kZero},
      {"CONSTANT", IpIdClass::kConstant},      {"INCR", IpIdClass::kIncrement},
      {"INCR_BY_2", IpIdClass::kIncrementBy2}, {"BROKEN_INCR", IpIdClass::kBrokenIncrement},
      {"RPI", IpIdClass::kRandomPositive},     {"RD", IpIdClass::kRandom}};
  const rapidjson::Document golden = testing::ReadGolden("ipid-cases.json");
  size_t cases = 0;
  for (const rapidjson::Value& c : golden["cases"].GetArray()) {
    std::vector<uint16_t> ids;
    std::string label;
    for (const rapidjson::Value& id : c["ipids"].GetArray()) {
      ids.push_back(static_cast<uint16_t>(id.GetUint()));
      label += std::to_string(ids.back()) + " ";
    }
    const IpIdClass got = Classify(ids, c["localhost"].GetBool());
    EXPECT_EQ(got, classes.at(Text(c["klass"]))) << label;
    EXPECT_EQ(Describe(got), Text(c["description"])) << label;
    ++cases;
  }
  EXPECT_EQ(cases, 45U);
}

TEST(IpId, WrapOfSixteenBitsIsRandomOnlyAmongThreeOrMore) {
  EXPECT_EQ(Classify({65534, 65535, 0}), IpIdClass::kRandom);
  EXPECT_EQ(Classify({65535, 0}), IpIdClass::kIncrement);
}

TEST(IpId, OwnProbesAreTakenOutOnlyIfEveryStepHasRoom) {
  EXPECT_EQ(Classify({100, 102, 104, 106}, true), IpIdClass::kIncrement);
  EXPECT_EQ(Classify({100, 102, 104, 106}, false), IpIdClass::kIncrementBy2);
  EXPECT_EQ(Classify({100, 101, 121, 141}, true), IpIdClass::kUnknown);
}

TEST(IpId, FewerThanTwoSamplesAreUnknown) {
  EXPECT_EQ(Classify({}), IpIdClass::kUnknown);
  EXPECT_EQ(Classify({7}), IpIdClass::kUnknown);
}

}  // namespace
}  // namespace osprey::matcher
