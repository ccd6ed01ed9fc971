// SPDX-License-Identifier: Apache-2.0
// Containment is decided on the marks of an attribute: the values at which some expression of the
// database begins or ends to match, and the gaps between them (see attribute_index.h). Within one
// gap all values are alike, so what an expression matches is a bit set over marks, gaps and texts,
// and one expression contains another if its bits do. A record is contained in another if that is
// so for every attribute that the other has; the records that contain it are found for all at once,
// as an intersection of sets of records.
#include "db/check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "db/rule_set.h"
#include "db/text_parser.h"
#include "db/value_expression.h"

namespace osprey::db {
namespace {

// Comparing all with all must end in seconds: an attribute with more expressions is not checked,
// and more records are not compared with each other.
constexpr size_t kMaxCompared = 20'000;

using Bits = std::vector<uint64_t>;

void SetBit(Bits& bits, size_t i) { bits[i / 64] |= uint64_t{1} << (i % 64); }
bool IsSubset(const Bits& a, const Bits& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if ((a[i] & ~b[i]) != 0) return false;
  }
  return true;
}
bool IsEmpty(const Bits& bits) {
  return std::all_of(bits.begin(), bits.end(), [](uint64_t word) { return word == 0; });
}

std::string LongKeyText(std::string_view text) {
  return absl::StrFormat("%08x", text.size()) + std::string(text);
}

// All points at which expressions of one attribute differ.
class Domain {
 public:
  Domain(const std::vector<Expression>& expressions, bool is_options) : is_options_(is_options) {
    for (const Expression& e : expressions) {
      AlternativeReader reader(e.text, is_options);
      for (Alternative a; reader.Next(a);) Collect(a);
    }
    std::sort(marks_.begin(), marks_.end());
    marks_.erase(std::unique(marks_.begin(), marks_.end()), marks_.end());
  }

  size_t words() const { return (2 * marks_.size() + 1 + texts_.size() + 63) / 64; }

  // Bits of gap, mark, gap, ..., gap, then of texts.
  Bits BitsOf(const Alternative& a) const {
    Bits bits(words());
    const auto position = [this](std::string_view end) {
      const auto at = std::lower_bound(marks_.begin(), marks_.end(), LongKeyText(end));
      return 2 * static_cast<size_t>(at - marks_.begin()) + 1;
    };
    const size_t last = 2 * marks_.size();
    const auto fill = [&bits](size_t from, size_t to) {
      for (size_t i = from; i <= to; ++i) SetBit(bits, i);
    };
    switch (a.kind) {
      case AlternativeKind::kText:
      case AlternativeKind::kBrackets:
        SetBit(bits, last + 1 + texts_.at(a.text));
        break;
      case AlternativeKind::kHexText:
      case AlternativeKind::kRange:
        if (CompareHex(a.low, a.high) <= 0) fill(position(a.low), position(a.high));
        break;
      case AlternativeKind::kGreater:
        fill(position(a.low) + 1, last);
        break;
      case AlternativeKind::kLess:
        fill(0, position(a.high) - 1);
        break;
      case AlternativeKind::kNever:
        break;
    }
    return bits;
  }

  Bits BitsOf(std::string_view expression) const {
    Bits bits(words());
    AlternativeReader reader(expression, is_options_);
    for (Alternative a; reader.Next(a);) {
      const Bits part = BitsOf(a);
      for (size_t i = 0; i < bits.size(); ++i) bits[i] |= part[i];
    }
    return bits;
  }

 private:
  void Collect(const Alternative& a) {
    if (a.kind == AlternativeKind::kText || a.kind == AlternativeKind::kBrackets) {
      texts_.try_emplace(a.text, texts_.size());
    } else if (a.kind != AlternativeKind::kNever) {
      if (a.kind != AlternativeKind::kLess) marks_.push_back(LongKeyText(a.low));
      if (a.kind != AlternativeKind::kGreater) marks_.push_back(LongKeyText(a.high));
    }
  }

  bool is_options_;
  std::vector<std::string> marks_;
  absl::flat_hash_map<std::string_view, size_t> texts_;
};

class Checker {
 public:
  explicit Checker(Ast ast) : ast_(std::move(ast)) {
    for (const Diagnostic& d : ast_.diagnostics) {
      result_.findings.push_back({FindingKind::kSyntax, d});
    }
    result_.references = ast_.references.size();
  }

  absl::StatusOr<CheckResult> Run() {
    OSPREY_ASSIGN_OR_RETURN(rules_, Lower(ast_));
    words_ = (rules_.rules.size() + 63) / 64;
    if (rules_.rules.size() <= kMaxCompared) {
      containing_.assign(rules_.rules.size(), Bits(words_, ~uint64_t{0}));
    }
    for (size_t i = 0; i < kAttributeCount; ++i) CheckAttribute(static_cast<AttributeId>(i));
    FindContained();
    std::stable_sort(result_.findings.begin(), result_.findings.end(),
                     [](const Finding& a, const Finding& b) {
                       return std::pair(a.diagnostic.line, a.diagnostic.column) <
                              std::pair(b.diagnostic.line, b.diagnostic.column);
                     });
    return std::move(result_);
  }

 private:
  void Report(FindingKind kind, uint32_t line, uint32_t column, std::string message) {
    result_.findings.push_back({kind, {Severity::kWarning, line, column, std::move(message)}});
  }

  void CheckAttribute(AttributeId id) {
    const std::vector<Expression>& expressions = rules_.expressions[id];
    const bool is_options = Info(id).is_options;
    const Domain domain(expressions, is_options);
    std::vector<Bits> bits;
    Bits lacking(words_, ~uint64_t{0});  // records without the attribute
    if (expressions.size() > kMaxCompared) {
      return Report(FindingKind::kSyntax, 1, 1,
                    absl::StrFormat("%s.%s has %d expressions: too many to check",
                                    Info(Info(id).line).name, Info(id).name, expressions.size()));
    }
    for (const Expression& e : expressions) {
      CheckExpression(id, e, domain);
      bits.push_back(domain.BitsOf(e.text));
      for (const uint32_t r : e.references) lacking[r / 64] &= ~(uint64_t{1} << (r % 64));
    }
    if (containing_.empty()) return;
    for (size_t i = 0; i < expressions.size(); ++i) {
      Bits at_least = lacking;  // records that match whatever this expression matches
      for (size_t j = 0; j < expressions.size(); ++j) {
        if (i != j && !IsSubset(bits[i], bits[j])) continue;
        for (const uint32_t r : expressions[j].references) SetBit(at_least, r);
      }
      for (const uint32_t r : expressions[i].references) Restrict(r, at_least);
    }
    for (uint32_t r = 0; r < rules_.rules.size(); ++r) {
      if ((lacking[r / 64] >> (r % 64)) & 1) Restrict(r, lacking);
    }
  }

  void Restrict(uint32_t reference, const Bits& to) {
    Bits& bits = containing_[reference];
    for (size_t i = 0; i < words_; ++i) bits[i] &= to[i];
  }

  // Where an expression first stands.
  std::pair<uint32_t, uint32_t> PlaceOf(AttributeId id, const Expression& e) const {
    const ReferenceText& reference = ast_.references[e.references.front()];
    for (const ExpressionText& text : reference.expressions) {
      if (text.attribute == id && text.line != 0) return {text.line, text.column};
    }
    return {reference.line, 1};
  }

  void CheckExpression(AttributeId id, const Expression& e, const Domain& domain) {
    const auto [line, column] = PlaceOf(id, e);
    const std::string what =
        absl::StrFormat("%s.%s=%s", Info(Info(id).line).name, Info(id).name, e.text);
    if (IsEmpty(domain.BitsOf(e.text))) {
      return Report(FindingKind::kNeverMatches, line, column, what + " matches no value");
    }
    Bits before(domain.words());
    AlternativeReader reader(e.text, Info(id).is_options);
    for (Alternative a; reader.Next(a);) {
      const Bits bits = domain.BitsOf(a);
      if (IsEmpty(bits)) {
        Report(FindingKind::kUnreachable, line, column,
               absl::StrFormat("%s: \"%s\" matches no value", what, a.text));
      } else if (IsSubset(bits, before)) {
        Report(FindingKind::kUnreachable, line, column,
               absl::StrFormat("%s: \"%s\" is covered by what stands before it", what, a.text));
      }
      for (size_t i = 0; i < bits.size(); ++i) before[i] |= bits[i];
    }
  }

  void FindContained() {
    absl::flat_hash_map<std::string, uint32_t> first;
    for (uint32_t r = 0; r < rules_.rules.size(); ++r) {
      const Rule& rule = rules_.rules[r];
      const std::string key(reinterpret_cast<const char*>(rule.lines.data()),
                            rule.lines.size() * sizeof(rule.lines[0]));
      const auto [position, is_new] = first.try_emplace(key, r);
      if (!is_new) {
        const Rule& other = rules_.rules[position->second];
        Report(FindingKind::kDuplicate, rule.db_line, 1,
               absl::StrFormat("\"%s\" has the tests of \"%s\" in line %d", rule.name, other.name,
                               other.db_line));
        continue;
      }
      ReportContaining(r);
    }
  }

  void ReportContaining(uint32_t r) {
    if (containing_.empty()) return;
    const Rule& rule = rules_.rules[r];
    for (uint32_t other = 0; other < rules_.rules.size(); ++other) {
      const bool contains = (containing_[r][other / 64] >> (other % 64)) & 1;
      if (!contains || other == r || rules_.rules[other].lines == rule.lines) continue;
      Report(FindingKind::kContained, rule.db_line, 1,
             absl::StrFormat("\"%s\" is contained in \"%s\" in line %d", rule.name,
                             rules_.rules[other].name, rules_.rules[other].db_line));
    }
  }

  Ast ast_;
  RuleSet rules_;
  size_t words_ = 0;
  std::vector<Bits> containing_;  // by record: those that match whatever it matches
  CheckResult result_;
};

}  // namespace

absl::StatusOr<CheckResult> CheckText(std::string_view text, std::string_view file_name) {
  OSPREY_ASSIGN_OR_RETURN(Ast ast, ParseReferences(text, file_name));
  return Checker(std::move(ast)).Run();
}

std::string_view Name(FindingKind kind) {
  switch (kind) {
    case FindingKind::kSyntax:
      return "syntax";
    case FindingKind::kDuplicate:
      return "duplicate";
    case FindingKind::kContained:
      return "contained";
    case FindingKind::kNeverMatches:
      return "never-matches";
    case FindingKind::kUnreachable:
      return "unreachable";
  }
  return "";
}

}  // namespace osprey::db
