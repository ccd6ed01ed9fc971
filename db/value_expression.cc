// SPDX-License-Identifier: Apache-2.0
#include "db/value_expression.h"

namespace osprey::db {
namespace {

// Where the alternative at the start of `text` ends: at the first '|' outside of brackets.
size_t AlternativeEnd(std::string_view text, bool is_options) {
  size_t i = 0;
  while (i < text.size() && text[i] != '|') {
    size_t close = std::string_view::npos;
    if (is_options && text[i] == '[') close = text.find(']', i);
    i = close == std::string_view::npos ? i + 1 : close + 1;
  }
  return i;
}

bool HasBrackets(std::string_view alternative) {
  const size_t open = alternative.find('[');
  return open != std::string_view::npos && alternative.find(']', open) != std::string_view::npos;
}

Alternative Classify(std::string_view text, bool is_options, bool last) {
  if (is_options && HasBrackets(text)) {
    return {last ? AlternativeKind::kBrackets : AlternativeKind::kNever, text, {}, {}};
  }
  if (text.empty()) return {AlternativeKind::kText, text, {}, {}};
  if (text[0] == '>') {
    return {AlternativeKind::kGreater, text, DropLeadingZeros(text.substr(1)), {}};
  }
  if (text[0] == '<') {
    return {AlternativeKind::kLess, text, {}, DropLeadingZeros(text.substr(1))};
  }
  if (!IsHexDigit(text[0])) return {AlternativeKind::kText, text, {}, {}};
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    const std::string_view stripped = DropLeadingZeros(text);
    return {AlternativeKind::kHexText, text, stripped, stripped};
  }
  return {AlternativeKind::kRange, text, DropLeadingZeros(text.substr(0, dash)),
          DropLeadingZeros(text.substr(dash + 1))};
}

// `value` starts with a hex digit.
bool MatchesHex(const Alternative& alternative, std::string_view value) {
  switch (alternative.kind) {
    case AlternativeKind::kHexText:
      return value == alternative.low;
    case AlternativeKind::kRange:
      return CompareHex(alternative.low, value) <= 0 && CompareHex(value, alternative.high) <= 0;
    case AlternativeKind::kGreater:
      return CompareHex(value, alternative.low) > 0;
    case AlternativeKind::kLess:
      return CompareHex(value, alternative.high) < 0;
    default:
      return false;
  }
}

// Left to right: literal text, then the longest run of hex digits against the inside.
bool MatchesBrackets(std::string_view pattern, std::string_view value) {
  for (;;) {
    const size_t open = pattern.find('[');
    const size_t close = open == std::string_view::npos ? open : pattern.find(']', open);
    if (close == std::string_view::npos) return pattern == value;
    if (!value.starts_with(pattern.substr(0, open))) return false;
    value.remove_prefix(open);
    size_t run = 0;
    while (run < value.size() && IsHexDigit(value[run])) ++run;
    if (run == 0) return false;
    const std::string_view inside = pattern.substr(open + 1, close - open - 1);
    if (!Matches(inside, value.substr(0, run), /*is_options=*/false)) return false;
    value.remove_prefix(run);
    pattern.remove_prefix(close + 1);
  }
}

}  // namespace

bool AlternativeReader::Next(Alternative& out) {
  if (done_) return false;
  const size_t end = AlternativeEnd(rest_, is_options_);
  done_ = end == rest_.size();
  out = Classify(rest_.substr(0, end), is_options_, done_);
  if (!done_) rest_.remove_prefix(end + 1);
  return true;
}

bool Matches(std::string_view expression, std::string_view value, bool is_options) {
  const bool is_hex = StartsWithHexDigit(value);
  // Quirk: zeros are dropped for the first alternative only.
  std::string_view compared = DropLeadingZeros(value);
  AlternativeReader reader(expression, is_options);
  for (Alternative alternative; reader.Next(alternative); compared = value) {
    if (alternative.kind == AlternativeKind::kNever) continue;
    if (alternative.kind == AlternativeKind::kBrackets) {
      if (MatchesBrackets(alternative.text, value)) return true;
    } else if (is_hex ? MatchesHex(alternative, compared) : alternative.text == value) {
      return true;
    }
  }
  return false;
}

uint64_t OutlineHash(std::string_view text, bool has_brackets) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  bool in_run = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (has_brackets && c == '[') {
      const size_t close = text.find(']', i);
      if (close != std::string_view::npos) {
        i = close;
        c = '0';
      }
    }
    if (IsHexDigit(c)) {
      if (in_run) continue;
      in_run = true;
      c = '#';
    } else {
      in_run = false;
    }
    hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  }
  return hash;
}

}  // namespace osprey::db
