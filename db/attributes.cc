// SPDX-License-Identifier: Apache-2.0
#include "db/attributes.h"

#include "base/check.h"

namespace osprey::db {
namespace {

constexpr std::array<LineInfo, kLineCount> MakeLines() {
  std::array<LineInfo, kLineCount> lines{};
  for (size_t i = 0; i < kLineCount; ++i) {
    const internal::LineSpec& spec = internal::kLines[i];
    lines[i] = {spec.name, internal::FirstOf(static_cast<LineId>(i)), internal::CountOf(spec),
                spec.attributes[0] == "R"};
  }
  return lines;
}

constexpr auto kLineInfos = MakeLines();

constexpr std::array<AttributeInfo, kAttributeCount> MakeAttributes() {
  std::array<AttributeInfo, kAttributeCount> attributes{};
  for (size_t i = 0; i < kLineCount; ++i) {
    for (size_t j = 0; j < kLineInfos[i].count; ++j) {
      const std::string_view name = internal::kLines[i].attributes[j];
      attributes[kLineInfos[i].first + j] = {name, static_cast<LineId>(i), name[0] == 'O'};
    }
  }
  return attributes;
}

constexpr auto kAttributeInfos = MakeAttributes();

}  // namespace

const LineInfo& Info(LineId line) { return kLineInfos[static_cast<size_t>(line)]; }

const AttributeInfo& Info(AttributeId attribute) {
  OSPREY_CHECK(attribute < kAttributeCount);
  return kAttributeInfos[attribute];
}

std::optional<LineId> FindLine(std::string_view name) {
  for (size_t i = 0; i < kLineCount; ++i) {
    if (kLineInfos[i].name == name) return static_cast<LineId>(i);
  }
  return std::nullopt;
}

std::optional<AttributeId> FindAttribute(LineId line, std::string_view name) {
  const LineInfo& info = Info(line);
  for (uint8_t i = 0; i < info.count; ++i) {
    const auto id = static_cast<AttributeId>(info.first + i);
    if (kAttributeInfos[id].name == name) return id;
  }
  return std::nullopt;
}

}  // namespace osprey::db
