// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests read from an NDJSON file and a counters file of `osprey scan`.

#include <map>
#include <string>
#include <vector>

#include "rapidjson/document.h"

namespace osprey::testing {

// One line of the NDJSON output; lines that do not parse are test failures.
std::vector<rapidjson::Document> ReadRecords(const std::string& path);

// How many records there are of each address.
std::map<std::string, int> RecordsByAddress(const std::string& path);

// The whole counters file. A test failure and a null document if it does not parse.
rapidjson::Document ReadCounters(const std::string& path);

// The names of the matches, best first; only perfect ones if asked for.
std::vector<std::string> MatchNames(const rapidjson::Value& record, bool perfect_only);

}  // namespace osprey::testing
