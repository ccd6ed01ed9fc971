// SPDX-License-Identifier: Apache-2.0
#pragma once
// Value expressions of references: alternatives, ranges, relations and, in option strings,
// brackets. The rules with all their quirks are those of docs/os-detection.md, section 4.4.
//
// Matches() interprets an expression as it is written: the oracle for everything compiled, and the
// way in which the few expressions that cannot be indexed are evaluated. ForEachAlternative() is
// what the compiler looks at. Pure functions; nothing allocates.

#include <string_view>

#include "db/hex_order.h"

namespace osprey::db {

// `is_options` says whether brackets have a meaning (AttributeInfo::is_options).
bool Matches(std::string_view expression, std::string_view value, bool is_options);

enum class AlternativeKind {
  kText,      // equal to a value that does not start with a hex digit, or empty
  kHexText,   // equal to a value, leading zeros dropped: `text`
  kRange,     // `low` <= value <= `high`
  kGreater,   // value > `low`
  kLess,      // value < `high`
  kBrackets,  // text with [expression] parts, last in the expression
  kNever,     // brackets that are not last: cannot match
};

struct Alternative {
  AlternativeKind kind;
  std::string_view text;  // as written
  std::string_view low;   // without leading zeros
  std::string_view high;
};

// Cuts the first alternative off `rest`. False when there was none left (`done` was set).
class AlternativeReader {
 public:
  AlternativeReader(std::string_view expression, bool is_options)
      : rest_(expression), is_options_(is_options) {}

  bool Next(Alternative& out);

 private:
  std::string_view rest_;
  bool is_options_;
  bool done_ = false;
};

// Text in which every longest run of hex digits, brackets included, is replaced by one '#': a value
// can match an alternative with brackets only if both have the same outline. Returns a hash of it.
uint64_t OutlineHash(std::string_view text, bool has_brackets);

}  // namespace osprey::db
