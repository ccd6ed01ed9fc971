// SPDX-License-Identifier: Apache-2.0
#pragma once
// The second of the compiler's stages: a parsed text with everything that repeats made into one.
// The attribute expressions of a common database, more than half a million, become 15,986, and its
// test lines 15,186.
//
// Order is that of first appearance, so equal texts give equal rule sets. Views point into the
// text that the Ast came from.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "db/reference_text.h"

namespace osprey::db {

inline constexpr uint32_t kNoTestLine = 0xFFFFFFFF;

struct Expression {
  std::string_view text;
  std::vector<uint32_t> references;  // ascending
};

struct TestLine {
  LineId line;
  // (attribute, index into RuleSet::expressions of that attribute), by ascending attribute.
  std::vector<std::pair<AttributeId, uint32_t>> expressions;
};

struct Rule {
  std::string_view name;
  uint32_t db_line;
  std::array<uint32_t, kLineCount> lines;  // into RuleSet::lines, or kNoTestLine
  std::vector<ClassText> classes;
};

struct RuleSet {
  std::string_view version_notice;
  std::array<uint32_t, kAttributeCount> points;
  std::array<std::vector<Expression>, kAttributeCount> expressions;
  std::vector<TestLine> lines;
  std::vector<Rule> rules;
};

// Consumes the Ast. ResourceExhausted if there is more than the image format can count.
absl::StatusOr<RuleSet> Lower(Ast ast);

}  // namespace osprey::db
