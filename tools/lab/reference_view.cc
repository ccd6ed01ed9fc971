// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/reference_view.h"

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "db/value_expression.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {
namespace {

db::AttributeId IdOf(db::LineId line, std::string_view attribute) {
  const std::optional<db::AttributeId> id = db::FindAttribute(line, attribute);
  OSPREY_CHECK(id.has_value());
  return *id;
}

std::string Place(db::LineId line, std::string_view attribute, std::string_view text) {
  return absl::StrFormat("%s.%s=%s", db::Info(line).name, attribute, text);
}

}  // namespace

ReferenceView::ReferenceView(const db::ReferenceText& reference) : reference_(reference) {
  index_.fill(-1);
  for (size_t i = 0; i < reference.expressions.size(); ++i) {
    index_[reference.expressions[i].attribute] = static_cast<int>(i);
  }
}

std::optional<std::string_view> ReferenceView::Get(db::LineId line,
                                                   std::string_view attribute) const {
  const int i = index_[IdOf(line, attribute)];
  if (i < 0) return std::nullopt;
  return reference_.expressions[static_cast<size_t>(i)].text;
}

bool ReferenceView::Allows(db::LineId line, std::string_view attribute,
                           std::string_view value) const {
  const std::optional<std::string_view> expression = Get(line, attribute);
  return !expression || db::Matches(*expression, value, db::Info(IdOf(line, attribute)).is_options);
}

std::vector<std::string> ReferenceView::Values(db::LineId line, std::string_view attribute) {
  const std::optional<std::string_view> expression = Get(line, attribute);
  if (!expression) return {};
  std::vector<std::string> values =
      Candidates(*expression, db::Info(IdOf(line, attribute)).is_options);
  if (values.empty()) {
    NoteContradiction("no value satisfies " + Place(line, attribute, *expression));
  }
  return values;
}

std::string ReferenceView::Value(db::LineId line, std::string_view attribute,
                                 std::string_view otherwise) {
  std::vector<std::string> values = Values(line, attribute);
  return values.empty() ? std::string(otherwise) : std::move(values[0]);
}

uint32_t ReferenceView::Number(db::LineId line, std::string_view attribute, uint32_t otherwise,
                               uint32_t most) {
  const std::optional<std::string_view> expression = Get(line, attribute);
  if (!expression) return otherwise;
  for (const uint32_t value : NumberCandidates(*expression)) {
    if (value <= most) return value;
  }
  NoteContradiction(Place(line, attribute, *expression) +
                    absl::StrFormat(" asks for more than the field holds (%X)", most));
  return otherwise;
}

bool ReferenceView::Answers(db::LineId line, bool otherwise) const {
  if (!HasLine(line)) return otherwise;
  const std::optional<std::string_view> r = Get(line, "R");
  return r && r->find('Y') != std::string_view::npos;
}

}  // namespace osprey::lab
