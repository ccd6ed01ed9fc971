// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/reference_matcher.h"

#include <algorithm>
#include <vector>

#include "db/value_expression.h"

namespace osprey::testing {

ReferenceScore ScoreReference(const db::Ast& ast, size_t reference, const db::Fingerprint& subject,
                              std::optional<db::LineId> only_line) {
  ReferenceScore score;
  for (const db::ExpressionText& expression : ast.references[reference].expressions) {
    const db::AttributeInfo& info = db::Info(expression.attribute);
    if (!subject.Has(expression.attribute)) continue;
    if (only_line && info.line != *only_line) continue;
    score.possible += ast.points[expression.attribute];
    if (db::Matches(expression.text, subject.Get(expression.attribute), info.is_options)) {
      score.matched += ast.points[expression.attribute];
    }
  }
  return score;
}

matcher::MatchList ReferenceMatch(const db::Ast& ast, const db::Fingerprint& subject) {
  std::vector<matcher::Match> list;
  double bar = 0.85;
  uint32_t perfect = 0;
  bool too_many = false;
  for (size_t r = 0; r < ast.references.size(); ++r) {
    const double accuracy = ScoreReference(ast, r, subject).accuracy();
    if (accuracy < bar && accuracy != 1) continue;  // 1.
    const auto same = std::find_if(list.begin(), list.end(), [&](const matcher::Match& m) {
      return ast.references[m.reference].name == ast.references[r].name;
    });
    if (same != list.end()) {  // 2.
      if (same->accuracy >= accuracy) continue;
      list.erase(same);
    }
    if (accuracy == 1) {  // 3.
      if (perfect == 36) {
        too_many = true;
        break;
      }
      ++perfect;
    }
    const auto worse = std::find_if(list.begin(), list.end(),
                                    [&](const matcher::Match& m) { return m.accuracy < accuracy; });
    list.insert(worse, {static_cast<uint32_t>(r), accuracy});  // 4.
    if (list.size() > 36) list.pop_back();
    if (list.size() == 36) bar = std::min(list.back().accuracy + 0.00001, 1.0);  // 5.
  }
  matcher::MatchList out;
  out.perfect = perfect;
  out.count = static_cast<uint32_t>(list.size());
  std::copy(list.begin(), list.end(), out.all.begin());
  out.result = too_many       ? matcher::MatchResult::kTooManyMatches
               : list.empty() ? matcher::MatchResult::kNoMatches
                              : matcher::MatchResult::kSuccess;
  return out;
}

}  // namespace osprey::testing
