// SPDX-License-Identifier: Apache-2.0
#include "matcher/sequence.h"

#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "matcher/fingerprint_builder.h"
#include "tests/testing/golden.h"

namespace osprey::matcher {
namespace {

using testing::Text;

// "-" stands for an absent attribute.
std::string Hex(std::optional<uint32_t> value) {
  return value ? absl::StrFormat("%X", *value) : "-";
}
std::string Expected(const rapidjson::Value& value) {
  return value.IsNull() ? "-" : std::string(Text(value));
}

TimestampSupport Support(std::string_view name) {
  if (name == "zero") return TimestampSupport::kZero;
  return name == "unsupported" ? TimestampSupport::kUnsupported : TimestampSupport::kUndecided;
}

std::string TsText(const TimestampAnalysis& timestamps) {
  if (timestamps.timestamp_class == TimestampClass::kZero) return "0";
  if (timestamps.timestamp_class == TimestampClass::kUnsupported) return "U";
  if (!timestamps.hz || *timestamps.hz <= 0) return "-";
  return Hex(TimestampValue(*timestamps.hz));
}

struct GoldenSamples {
  SequenceFacts facts;
  std::vector<uint16_t> ip_ids;  // of every reply, one with ISN 0 included
};

GoldenSamples ReadSamples(const rapidjson::Value& array) {
  GoldenSamples out;
  for (const rapidjson::Value& value : array.GetArray()) {
    if (value["isn"].IsNull()) continue;
    const auto ip_id = static_cast<uint16_t>(value["ipid"].GetUint());
    const uint32_t isn = testing::HexNumber(Text(value["isn"]));
    out.ip_ids.push_back(ip_id);
    if (isn == 0) continue;
    out.facts.samples[out.facts.sample_count++] = {isn, value["ts"].GetUint(),
                                                   value["send_us"].GetUint(), ip_id};
  }
  return out;
}

TEST(Sequence, GoldenCases) {
  const rapidjson::Document golden = testing::ReadGolden("seq-cases.json");
  size_t cases = 0;
  for (const rapidjson::Value& c : golden["cases"].GetArray()) {
    SCOPED_TRACE(Text(c["name"]));
    const rapidjson::Value& expect = c["expect"];
    auto [facts, ip_ids] = ReadSamples(c["samples"]);
    EXPECT_EQ(facts.sample_count, c["usable_isn"].GetUint());

    const std::optional<IsnAnalysis> isn = AnalyzeIsns(facts.used());
    const auto number = [&isn](uint32_t IsnAnalysis::*field) {
      return isn ? Hex(isn.value().*field) : "-";
    };
    EXPECT_EQ(number(&IsnAnalysis::sp), Expected(expect["SP"]));
    EXPECT_EQ(number(&IsnAnalysis::gcd), Expected(expect["GCD"]));
    EXPECT_EQ(number(&IsnAnalysis::isr), Expected(expect["ISR"]));

    const TimestampAnalysis timestamps =
        AnalyzeTimestamps(facts.used(), Support(Text(c["class_before"])));
    EXPECT_EQ(TsText(timestamps), Expected(expect["TS"]));
    EXPECT_EQ(Describe(timestamps.timestamp_class), Text(c["ts_class"]));
    if (timestamps.hz) {
      SetBootTime(timestamps, c["first_send_epoch"].GetInt64() * 1'000'000, facts);
    }
    EXPECT_EQ(facts.boot_time_s.value_or(0), c["lastboot_epoch"].GetInt64());
    ++cases;
  }
  EXPECT_GT(cases, 40U);
}

// The same cases through an observation, with real replies: TI belongs to the fingerprint.
TEST(Sequence, GoldenCasesThroughAnObservation) {
  const rapidjson::Document golden = testing::ReadGolden("seq-cases.json");
  for (const rapidjson::Value& c : golden["cases"].GetArray()) {
    SCOPED_TRACE(Text(c["name"]));
    Observation round;
    round.Begin({});
    int n = 0;
    for (const rapidjson::Value& sample : c["samples"].GetArray()) {
      round.NoteSeqSent(n, sample["send_us"].GetInt64() * 1000, 0);
      if (!sample["isn"].IsNull()) {
        TcpAnswer answer;
        answer.flags = kTcpSyn | kTcpAck;
        answer.seq = testing::HexNumber(Text(sample["isn"]));
        answer.ip_id = static_cast<uint16_t>(sample["ipid"].GetUint());
        round.RecordTcp(static_cast<size_t>(n), answer);
      }
      ++n;
    }
    db::Fingerprint fingerprint;
    BuildFingerprint(round, HostFacts(), fingerprint);
    const auto get = [&fingerprint](db::AttributeId id) {
      return fingerprint.Has(id) ? std::string(fingerprint.Get(id)) : "-";
    };
    const rapidjson::Value& expect = c["expect"];
    EXPECT_EQ(get(db::Attribute(db::LineId::kSeq, "TI")), Expected(expect["TI"]));
    EXPECT_EQ(get(db::Attribute(db::LineId::kSeq, "SP")), Expected(expect["SP"]));
    EXPECT_EQ(get(db::Attribute(db::LineId::kSeq, "GCD")), Expected(expect["GCD"]));
    EXPECT_EQ(get(db::Attribute(db::LineId::kSeq, "ISR")), Expected(expect["ISR"]));
  }
}

TEST(Sequence, VerySlowCountersGiveZeroAndNotAWrappedNumber) {
  const std::vector<SeqSample> samples = {
      {1, 0, 0, 0}, {2, 0, 300'000'000, 0}, {3, 0, 600'000'000, 0}, {4, 0, 900'000'000, 0}};
  const std::optional<IsnAnalysis> isn = AnalyzeIsns(samples);
  ASSERT_TRUE(isn);
  EXPECT_EQ(isn->isr, 0U);
  EXPECT_EQ(isn->sp, 0U);
}

TEST(Sequence, EqualSendTimesCountAsOneMicrosecond) {
  const std::vector<SeqSample> samples = {{1, 1, 5, 0}, {2, 2, 5, 0}, {3, 3, 5, 0}, {4, 4, 5, 0}};
  const std::optional<IsnAnalysis> isn = AnalyzeIsns(samples);
  ASSERT_TRUE(isn);
  EXPECT_EQ(isn->isr, 159U);  // 8 log2 1e6 = 159.45
  EXPECT_DOUBLE_EQ(AnalyzeTimestamps(samples, TimestampSupport::kUndecided).hz.value(), 1e6);
}

TEST(Sequence, DifficultyTextsChangeWhereTheyShould) {
  const std::vector<std::pair<uint32_t, std::string_view>> edges = {{0, "Trivial joke"},
                                                                    {2, "Trivial joke"},
                                                                    {3, "Easy"},
                                                                    {5, "Easy"},
                                                                    {6, "Medium"},
                                                                    {10, "Medium"},
                                                                    {11, "Formidable"},
                                                                    {12, "Worthy challenge"},
                                                                    {15, "Worthy challenge"},
                                                                    {16, "Good luck!"},
                                                                    {260, "Good luck!"}};
  for (const auto& [index, text] : edges) EXPECT_EQ(DescribeDifficulty(index), text) << index;
}

}  // namespace
}  // namespace osprey::matcher
