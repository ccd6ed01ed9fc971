// SPDX-License-Identifier: Apache-2.0
#pragma once
// The fixed table of test lines and attributes, in printing order (docs/os-detection.md, 3.1).
//
// An attribute is named by its AttributeId, 0..118, counted through all lines in that order:
// SEQ.SP is 0, IE.CD is 118. The order is that of scoring and printing, and is part of the image
// format: ids are never renumbered.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace osprey::db {

enum class LineId : uint8_t { kSeq, kOps, kWin, kEcn, kT1, kT2, kT3, kT4, kT5, kT6, kT7, kU1, kIe };
inline constexpr size_t kLineCount = 13;
inline constexpr size_t kAttributeCount = 119;

using AttributeId = uint8_t;

struct LineInfo {
  std::string_view name;
  AttributeId first;  // attributes are [first, first + count)
  uint8_t count;
  bool has_r;  // the line has an R attribute, always its first
};

struct AttributeInfo {
  std::string_view name;  // without the line's name
  LineId line;
  bool is_options;  // O, O1..O6: brackets have a meaning in expressions
};

const LineInfo& Info(LineId line);
const AttributeInfo& Info(AttributeId attribute);  // REQUIRES: attribute < kAttributeCount

// By name as written in fingerprints; nullopt if there is none.
std::optional<LineId> FindLine(std::string_view name);
std::optional<AttributeId> FindAttribute(LineId line, std::string_view name);

// The attribute `name` of `line`, which must exist: for code that names attributes literally.
// Usable in constant expressions.
consteval AttributeId Attribute(LineId line, std::string_view name);

namespace internal {

struct LineSpec {
  std::string_view name;
  std::array<std::string_view, 11> attributes;  // empty names behind the last
};

inline constexpr std::array<LineSpec, kLineCount> kLines = {{
    {"SEQ", {"SP", "GCD", "ISR", "TI", "CI", "II", "SS", "TS"}},
    {"OPS", {"O1", "O2", "O3", "O4", "O5", "O6"}},
    {"WIN", {"W1", "W2", "W3", "W4", "W5", "W6"}},
    {"ECN", {"R", "DF", "T", "TG", "W", "O", "CC", "Q"}},
    {"T1", {"R", "DF", "T", "TG", "S", "A", "F", "RD", "Q"}},
    {"T2", {"R", "DF", "T", "TG", "W", "S", "A", "F", "O", "RD", "Q"}},
    {"T3", {"R", "DF", "T", "TG", "W", "S", "A", "F", "O", "RD", "Q"}},
    {"T4", {"R", "DF", "T", "TG", "W", "S", "A", "F", "O", "RD", "Q"}},
    {"T5", {"R", "DF", "T", "TG", "W", "S", "A", "F", "O", "RD", "Q"}},
    {"T6", {"R", "DF", "T", "TG", "W", "S", "A", "F", "O", "RD", "Q"}},
    {"T7", {"R", "DF", "T", "TG", "W", "S", "A", "F", "O", "RD", "Q"}},
    {"U1", {"R", "DF", "T", "TG", "IPL", "UN", "RIPL", "RID", "RIPCK", "RUCK", "RUD"}},
    {"IE", {"R", "DFI", "T", "TG", "CD"}},
}};

constexpr uint8_t CountOf(const LineSpec& line) {
  uint8_t count = 0;
  while (count < line.attributes.size() && !line.attributes[count].empty()) ++count;
  return count;
}

constexpr AttributeId FirstOf(LineId line) {
  AttributeId first = 0;
  for (size_t i = 0; i < static_cast<size_t>(line); ++i) {
    first = static_cast<AttributeId>(first + CountOf(kLines[i]));
  }
  return first;
}

static_assert(FirstOf(LineId::kIe) + CountOf(kLines[12]) == kAttributeCount);

}  // namespace internal

consteval AttributeId Attribute(LineId line, std::string_view name) {
  const auto& spec = internal::kLines[static_cast<size_t>(line)];
  for (uint8_t i = 0; i < internal::CountOf(spec); ++i) {
    if (spec.attributes[i] == name) return static_cast<AttributeId>(internal::FirstOf(line) + i);
  }
  throw "no such attribute";
}

}  // namespace osprey::db
