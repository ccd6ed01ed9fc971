// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/value_choice.h"

#include <algorithm>
#include <array>

#include "db/value_expression.h"

namespace osprey::lab {
namespace {

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
  });
}

std::vector<std::string_view> Alternatives(std::string_view expression) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= expression.size(); ++i) {
    if (i == expression.size() || (expression[i] == '|' && depth == 0)) {
      parts.push_back(expression.substr(begin, i - begin));
      begin = i + 1;
    } else if (expression[i] == '[') {
      ++depth;
    } else if (expression[i] == ']' && depth > 0) {
      --depth;
    }
  }
  return parts;
}

// From the middle outwards: 1/2, 1/4, 3/4, ... and the ends last.
std::vector<uint32_t> Spread(uint32_t low, uint32_t high, int count) {
  std::vector<uint32_t> values;
  const auto add = [&](uint64_t value) {
    const auto v = static_cast<uint32_t>(value);
    if (std::find(values.begin(), values.end(), v) == values.end()) values.push_back(v);
  };
  const uint64_t width = uint64_t{high} - low;
  const auto steps = static_cast<uint64_t>(std::max(count, 1)) + 1;
  const uint64_t middle = steps / 2;
  for (uint64_t i = 0; i < steps; ++i) {
    const uint64_t offset = (i + 1) / 2;
    const uint64_t at = i % 2 == 0 ? middle + offset : middle - std::min(offset, middle);
    if (at <= steps) add(low + width * at / steps);
  }
  add(low);
  add(high);
  return values;
}

void AddNumbers(std::string_view alternative, int spread, std::vector<uint32_t>& out) {
  constexpr uint32_t kStepBeyond = 0x10;
  if (alternative.empty()) return;
  const std::optional<uint32_t> bound = ParseHex(alternative.substr(1));
  if (alternative[0] == '>') {
    if (bound && *bound < 0xFFFFFFFF) {
      out.push_back(*bound > 0xFFFFFFFF - kStepBeyond ? 0xFFFFFFFF : *bound + kStepBeyond);
    }
    return;
  }
  if (alternative[0] == '<') {
    if (bound && *bound > 0) out.push_back(*bound - 1);
    return;
  }
  const size_t dash = alternative.find('-');
  const std::optional<uint32_t> low = ParseHex(alternative.substr(0, dash));
  if (!low) return;
  if (dash == std::string_view::npos) {
    out.push_back(*low);
    return;
  }
  const std::optional<uint32_t> high = ParseHex(alternative.substr(dash + 1));
  if (!high || *high < *low) return;
  for (const uint32_t value : Spread(*low, *high, spread)) out.push_back(value);
}

// Writes each [inside] as one value that satisfies it: the first.
std::string ResolveBrackets(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t close = text[i] == '[' ? text.find(']', i) : std::string_view::npos;
    if (close == std::string_view::npos) {
      out += text[i];
      continue;
    }
    const std::vector<uint32_t> inside = NumberCandidates(text.substr(i + 1, close - i - 1), 1);
    if (!inside.empty()) out += ToHex(inside[0]);
    i = close;
  }
  return out;
}

std::vector<std::string> Proposals(std::string_view expression, bool is_options) {
  std::vector<std::string> proposals;
  for (const std::string_view alternative : Alternatives(expression)) {
    if (is_options) {
      proposals.push_back(ResolveBrackets(alternative));
      continue;
    }
    std::vector<uint32_t> numbers;
    AddNumbers(alternative, 3, numbers);
    for (const uint32_t number : numbers) proposals.push_back(ToHex(number));
    if (numbers.empty()) proposals.emplace_back(alternative);
  }
  return proposals;
}

// One alternative under the old rules. `later_dash`: a '-' occurs in it or behind it.
bool OldAlternative(std::string_view alternative, std::string_view value, bool last,
                    bool later_dash) {
  const std::optional<uint32_t> number = value.empty() ? 0u : ParseHex(value);
  if (number && !alternative.empty() && (alternative[0] == '<' || alternative[0] == '>')) {
    if (const auto bound = ParseHex(alternative.substr(1))) {
      return alternative[0] == '<' ? *number < *bound : *number > *bound;
    }
  }
  if (number && later_dash) {
    const size_t dash = alternative.find('-');
    if (dash == std::string_view::npos) return false;
    const auto low = ParseHex(alternative.substr(0, dash));
    const auto high = ParseHex(alternative.substr(dash + 1));
    return low && high && *high > *low && *number >= *low && *number <= *high;
  }
  return last ? alternative == value : value.starts_with(alternative);
}

}  // namespace

NumberSet::NumberSet(std::string_view expression) {
  if (expression.empty()) ranges_.push_back({0, 0xFFFFFFFF});
  for (const std::string_view alternative : Alternatives(expression)) {
    if (alternative.empty()) continue;
    const std::string_view behind = alternative.substr(1);
    const size_t dash = alternative.find('-');
    if (alternative[0] == '>') {
      if (const auto low = ParseHex(behind); low && *low < 0xFFFFFFFF) {
        ranges_.push_back({*low + 1, 0xFFFFFFFF});
      }
    } else if (alternative[0] == '<') {
      if (const auto high = ParseHex(behind); high && *high > 0) {
        ranges_.push_back({0, *high - 1});
      }
    } else if (const auto low = ParseHex(alternative.substr(0, dash))) {
      const auto high =
          dash == std::string_view::npos ? low : ParseHex(alternative.substr(dash + 1));
      if (high) ranges_.push_back({*low, *high});
    }
  }
}

std::optional<uint32_t> ParseHex(std::string_view text) {
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  if (text.empty() || text.size() > 8 || !IsHex(text)) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text) {
    const int digit = c <= '9' ? c - '0' : (c & ~0x20) - 'A' + 10;
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  return value;
}

std::string ToHex(uint32_t value) {
  std::array<char, 8> digits;
  size_t at = digits.size();
  do {
    digits[--at] = "0123456789ABCDEF"[value & 0xF];
    value >>= 4;
  } while (value != 0);
  return {digits.data() + at, digits.size() - at};
}

bool MatchesOldRules(std::string_view expression, std::string_view value) {
  const std::vector<std::string_view> parts = Alternatives(expression);
  size_t behind = expression.size();
  size_t begin = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool later_dash =
        expression.substr(begin, behind - begin).find('-') != std::string_view::npos;
    if (OldAlternative(parts[i], value, i + 1 == parts.size(), later_dash)) return true;
    begin += parts[i].size() + 1;
  }
  return false;
}

std::vector<std::string> Candidates(std::string_view expression, bool is_options) {
  std::vector<std::string> both;
  std::vector<std::string> new_only;
  for (std::string& value : Proposals(expression, is_options)) {
    if (!db::Matches(expression, value, is_options)) continue;
    (MatchesOldRules(expression, value) ? both : new_only).push_back(std::move(value));
  }
  for (std::string& value : new_only) both.push_back(std::move(value));
  return both;
}

std::vector<uint32_t> NumberCandidates(std::string_view expression, int spread) {
  std::vector<uint32_t> proposals;
  for (const std::string_view alternative : Alternatives(expression)) {
    AddNumbers(alternative, spread, proposals);
  }
  std::erase_if(proposals,
                [&](uint32_t value) { return !db::Matches(expression, ToHex(value), false); });
  std::stable_partition(proposals.begin(), proposals.end(),
                        [&](uint32_t value) { return MatchesOldRules(expression, ToHex(value)); });
  return proposals;
}

}  // namespace osprey::lab
