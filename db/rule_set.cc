// SPDX-License-Identifier: Apache-2.0
#include "db/rule_set.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"

namespace osprey::db {
namespace {

constexpr size_t kMaxRules = 1'000'000;

class Lowering {
 public:
  explicit Lowering(Ast& ast) : ast_(ast) {
    out_.version_notice = ast.version_notice;
    out_.points = ast.points;
  }

  RuleSet Run() {
    out_.rules.reserve(ast_.references.size());
    for (ReferenceText& reference : ast_.references) AddRule(reference);
    return std::move(out_);
  }

 private:
  void AddRule(ReferenceText& reference) {
    const auto index = static_cast<uint32_t>(out_.rules.size());
    Rule& rule = out_.rules.emplace_back();
    rule.name = reference.name;
    rule.db_line = reference.line;
    rule.classes = std::move(reference.classes);
    rule.lines.fill(kNoTestLine);
    auto next = reference.expressions.begin();
    for (size_t i = 0; i < kLineCount; ++i) {
      if (!reference.lines.test(i)) continue;
      TestLine line{static_cast<LineId>(i), {}};
      for (; next != reference.expressions.end() && Info(next->attribute).line == line.line;
           ++next) {
        const uint32_t expression = InternExpression(*next);
        out_.expressions[next->attribute][expression].references.push_back(index);
        line.expressions.emplace_back(next->attribute, expression);
      }
      rule.lines[i] = InternLine(std::move(line));
    }
  }

  uint32_t InternExpression(const ExpressionText& expression) {
    auto& all = out_.expressions[expression.attribute];
    const auto [position, is_new] = expression_ids_[expression.attribute].try_emplace(
        expression.text, static_cast<uint32_t>(all.size()));
    if (is_new) all.push_back({expression.text, {}});
    return position->second;
  }

  uint32_t InternLine(TestLine line) {
    auto& ids = line_ids_[static_cast<size_t>(line.line)];
    const auto [position, is_new] =
        ids.try_emplace(line.expressions, static_cast<uint32_t>(out_.lines.size()));
    if (is_new) out_.lines.push_back(std::move(line));
    return position->second;
  }

  Ast& ast_;
  RuleSet out_;
  std::array<absl::flat_hash_map<std::string_view, uint32_t>, kAttributeCount> expression_ids_;
  std::array<absl::flat_hash_map<std::vector<std::pair<AttributeId, uint32_t>>, uint32_t>,
             kLineCount>
      line_ids_;
};

}  // namespace

absl::StatusOr<RuleSet> Lower(Ast ast) {
  if (ast.references.size() > kMaxRules) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%s: %u records; at most %u can be compiled", ast.file_name,
                        ast.references.size(), kMaxRules));
  }
  return Lowering(ast).Run();
}

}  // namespace osprey::db
