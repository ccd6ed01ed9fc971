// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the files of tests/golden. They belong to the project, so a broken one ends the test
// program with a message that names the file; accessors of RapidJSON assert the same.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "rapidjson/document.h"

namespace osprey::testing {

// tests/golden/<name>
std::filesystem::path GoldenPath(std::string_view name);

std::string ReadFile(const std::filesystem::path& path);
rapidjson::Document ReadJson(const std::filesystem::path& path);
inline rapidjson::Document ReadGolden(std::string_view name) { return ReadJson(GoldenPath(name)); }

// Upper or lower case, no separators.
std::vector<uint8_t> HexBytes(std::string_view hex);
uint32_t HexNumber(std::string_view hex);

inline std::string_view Text(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}
std::vector<std::string> Strings(const rapidjson::Value& array);

}  // namespace osprey::testing
