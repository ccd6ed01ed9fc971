// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/schema.h>

#include <fstream>
#include <sstream>
#include <string>

#include "io/writers/ndjson_writer.h"
#include "io/writers/record_json.h"
#include "tests/testing/sample_record.h"

namespace osprey::io {
namespace {

using ::testing::HasSubstr;

std::string Render(const Record& record) {
  JsonLine line;
  RenderRecord(record, line);
  return std::string(line.view());
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The message of the first violation, or "valid".
std::string CheckAgainstSchema(const std::string& line) {
  rapidjson::Document schema_text;
  schema_text.Parse(ReadFile(OSPREY_TEST_DIR "/../docs/record.schema.json").c_str());
  if (schema_text.HasParseError()) return "the schema is not JSON";
  const rapidjson::SchemaDocument schema(schema_text);
  rapidjson::SchemaValidator validator(schema);
  rapidjson::Document document;
  document.Parse(line.c_str());
  if (document.HasParseError()) return "not JSON";
  if (document.Accept(validator)) return "valid";
  rapidjson::StringBuffer where;
  validator.GetInvalidDocumentPointer().StringifyUriFragment(where);
  return std::string(where.GetString()) + ": " + validator.GetInvalidSchemaKeyword();
}

TEST(NdjsonWriter, ReadingBackGivesTheSameRecord) {
  const Record record = testing::SampleRecord();
  const auto back = ParseRecord(Render(record));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, record);
}

TEST(NdjsonWriter, ARecordWithNothingOptionalReadsBackTheSame) {
  Record record;
  record.key = {.scan = "a", .index = uint64_t{1} << 40, .revision = 0};
  record.address = "192.0.2.1";
  const auto back = ParseRecord(Render(record));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, record);
}

TEST(NdjsonWriter, ObeysItsSchema) {
  EXPECT_EQ(CheckAgainstSchema(Render(testing::SampleRecord())), "valid");
  const Record empty;
  EXPECT_EQ(CheckAgainstSchema(Render(empty)), "valid");
}

TEST(NdjsonWriter, TheSchemaRefusesWhatIsNoRecord) {
  EXPECT_NE(CheckAgainstSchema("{}"), "valid");
  std::string line = Render(testing::SampleRecord());
  line.replace(line.find("\"hops\":3"), 8, "\"hops\":\"\"");
  EXPECT_THAT(CheckAgainstSchema(line), HasSubstr("hops"));
}

TEST(NdjsonWriter, WritesOneLineWhateverTheTextsHold) {
  Record record = testing::SampleRecord();
  record.os.matches[0].name = std::string("a\nb\xE9\x00", 5);
  const std::string line = Render(record);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto back = ParseRecord(line);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->os.matches[0].name, std::string("a\nb\xC3\xA9\x00", 6));
}

TEST(NdjsonWriter, AccuraciesHaveSixDecimals) {
  const std::string line = Render(testing::SampleRecord());
  EXPECT_THAT(line, HasSubstr("\"accuracy\":1.000000"));
  EXPECT_THAT(line, HasSubstr("\"accuracy\":0.962853"));
}

// Every accuracy that match points up to 4,055 in sum can give keeps its whole percentage.
TEST(NdjsonWriter, SixDecimalsKeepEveryPercentage) {
  for (int possible = 1; possible <= 4055; possible += 7) {
    for (int percent = 85; percent <= 100; ++percent) {
      const int near = possible * percent / 100;
      for (int matched = near - 1; matched <= near + 1; ++matched) {
        if (matched < 0 || matched > possible) continue;
        Record record = testing::SampleRecord();
        record.os.matches.resize(1);
        const double accuracy = static_cast<double>(matched) / possible;
        JsonLine json;
        json.Accuracy(accuracy);
        EXPECT_EQ(Percent(std::stod(std::string(json.view()))), Percent(accuracy))
            << matched << "/" << possible;
      }
    }
  }
}

TEST(ParseRecord, NamesWhatIsWrong) {
  const std::string good = Render(testing::SampleRecord());
  const auto message = [&](std::string_view from, std::string_view to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return std::string(ParseRecord(line).status().message());
  };
  EXPECT_EQ(message("\"v\":1", "\"v\":9"), "v is 9; this program reads version 1");
  EXPECT_EQ(message("\"scan\"", "\"scat\""), "scan is missing");
  EXPECT_EQ(message("\"port\":22", "\"port\":70000"), "ports[0].port is not a number in range");
  EXPECT_EQ(message("\"accuracy\":0.962853", "\"accuracy\":1.5"),
            "os.matches[1].accuracy is not in 0..1");
  EXPECT_EQ(message("\"result\":\"success\"", "\"result\":\"perhaps\""),
            "os.result is not one of the known results");
  EXPECT_EQ(message("\"method\":\"I\"", "\"method\":\"\""), "distance.method is not one letter");
  EXPECT_EQ(message("\"ports\":[", "\"ports\":[3,"), "ports[0] is not an object");
  EXPECT_THAT(message("{\"v\"", "{v"), HasSubstr("not JSON at byte 2"));
  EXPECT_EQ(ParseRecord("[]").status().message(), "not a JSON object");
  EXPECT_FALSE(ParseRecord("").ok());
}

TEST(ParseRecord, SurvivesEveryPrefix) {
  const std::string line = Render(testing::SampleRecord());
  for (size_t length = 0; length + 1 < line.size(); ++length) {
    EXPECT_FALSE(ParseRecord(line.substr(0, length)).ok());
  }
}

TEST(ParseRecord, DeepNestingIsAnErrorNotACrash) {
  EXPECT_FALSE(ParseRecord(std::string(1'000'000, '[')).ok());
  EXPECT_FALSE(ParseRecordKey(std::string(1'000'000, '[')).ok());
  EXPECT_FALSE(ParseRecordKey("{\"a\":" + std::string(1'000'000, '[')).ok());
}

TEST(ParseRecordKey, ReadsTheKeyOnly) {
  const auto key = ParseRecordKey(Render(testing::SampleRecord(9, 4)));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(*key, (RecordKey{.scan = "5f1c0a9b", .index = 9, .revision = 4}));
}

TEST(ParseRecordKey, IgnoresMembersOfInnerObjects) {
  const auto key = ParseRecordKey(R"({"a":{"scan":"x","index":1,"rev":1},"index":2,"rev":3,)"
                                  R"("scan":"y","rest":)");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(*key, (RecordKey{.scan = "y", .index = 2, .revision = 3}));
  EXPECT_FALSE(ParseRecordKey(R"({"a":{"scan":"x","index":1,"rev":1}})").ok());
  EXPECT_FALSE(ParseRecordKey(R"([{"scan":"x","index":1,"rev":1}])").ok());
}

}  // namespace
}  // namespace osprey::io
