// SPDX-License-Identifier: Apache-2.0
#pragma once
// The order in which values and the ends of ranges are compared (docs/os-detection.md, 4.4):
// hexadecimal text without leading zeros, longer is greater, equal lengths by character. For
// upper-case hexadecimal that is the numeric order, but it is defined for any text.

#include <cstdint>
#include <limits>
#include <string_view>

namespace osprey::db {

constexpr bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

constexpr bool StartsWithHexDigit(std::string_view text) {
  return !text.empty() && IsHexDigit(text[0]);
}

// "00A" becomes "A", "000" becomes "0".
constexpr std::string_view DropLeadingZeros(std::string_view text) {
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  return text;
}

// Negative, zero or positive as `a` is before, equal to or behind `b`. Neither is changed first:
// drop leading zeros where the rules say so.
constexpr int CompareHex(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// Text of up to 8 bytes as an integer that keeps the order of CompareHex (bytes are compared
// unsigned there and here) and is unique; longer text is kLongKey, greater than all of them.
inline constexpr uint64_t kLongKey = std::numeric_limits<uint64_t>::max();
constexpr uint64_t HexKey(std::string_view text) {
  if (text.size() > 8) return kLongKey;
  uint64_t key = 0;
  for (const char c : text) key = (key << 8) | static_cast<uint8_t>(c);
  return key;
}

}  // namespace osprey::db
