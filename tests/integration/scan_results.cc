// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/scan_results.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/integration/programs.h"

namespace osprey::testing {

std::vector<rapidjson::Document> ReadRecords(const std::string& path) {
  std::vector<rapidjson::Document> records;
  std::istringstream lines(ReadFile(path));
  for (std::string line; std::getline(lines, line);) {
    rapidjson::Document record;
    record.Parse(line.c_str());
    EXPECT_FALSE(record.HasParseError()) << path << ": " << line;
    if (!record.HasParseError()) records.push_back(std::move(record));
  }
  return records;
}

std::map<std::string, int> RecordsByAddress(const std::string& path) {
  std::map<std::string, int> count;
  for (const auto& record : ReadRecords(path)) ++count[record["ip"].GetString()];
  return count;
}

rapidjson::Document ReadCounters(const std::string& path) {
  rapidjson::Document counters;
  counters.Parse(ReadFile(path).c_str());
  EXPECT_FALSE(counters.HasParseError()) << path;
  return counters;
}

std::vector<std::string> MatchNames(const rapidjson::Value& record, bool perfect_only) {
  std::vector<std::string> names;
  for (const auto& match : record["os"]["matches"].GetArray()) {
    if (perfect_only && match["accuracy"].GetDouble() < 1) continue;
    names.emplace_back(match["name"].GetString());
  }
  return names;
}

}  // namespace osprey::testing
