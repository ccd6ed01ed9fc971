// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/golden.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "rapidjson/error/en.h"

namespace osprey::testing {
namespace {

[[noreturn]] void Die(const std::string& what, std::string_view why) {
  std::fprintf(stderr, "%s: %.*s\n", what.c_str(), static_cast<int>(why.size()), why.data());
  std::exit(1);
}

}  // namespace

std::filesystem::path GoldenPath(std::string_view name) {
  return std::filesystem::path(OSPREY_TEST_DIR) / "golden" / name;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Die(path.string(), "cannot be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

rapidjson::Document ReadJson(const std::filesystem::path& path) {
  const std::string text = ReadFile(path);
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) {
    Die(path.string() + ": byte " + std::to_string(document.GetErrorOffset()),
        rapidjson::GetParseError_En(document.GetParseError()));
  }
  return document;
}

uint32_t HexNumber(std::string_view hex) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
  if (error != std::errc() || end != hex.data() + hex.size())
    Die(std::string(hex), "no hex number");
  return number;
}

std::vector<uint8_t> HexBytes(std::string_view hex) {
  if (hex.size() % 2 != 0) Die(std::string(hex), "odd number of hex digits");
  std::vector<uint8_t> bytes;
  for (; !hex.empty(); hex.remove_prefix(2)) {
    bytes.push_back(static_cast<uint8_t>(HexNumber(hex.substr(0, 2))));
  }
  return bytes;
}

std::vector<std::string> Strings(const rapidjson::Value& array) {
  std::vector<std::string> strings;
  for (const rapidjson::Value& value : array.GetArray()) strings.emplace_back(Text(value));
  return strings;
}

}  // namespace osprey::testing
