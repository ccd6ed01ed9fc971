// SPDX-License-Identifier: Apache-2.0
#pragma once
// A reference's expressions by attribute, with the choices that most attributes need. Set-up only.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/attributes.h"
#include "db/reference_text.h"

namespace osprey::lab {

class ReferenceView {
 public:
  // `reference`'s text must outlive the view.
  explicit ReferenceView(const db::ReferenceText& reference);

  bool HasLine(db::LineId line) const { return reference_.lines.test(static_cast<size_t>(line)); }
  // nullopt if the reference does not have the attribute.
  std::optional<std::string_view> Get(db::LineId line, std::string_view attribute) const;
  // Empty if it does not have it.
  std::string_view Text(db::LineId line, std::string_view attribute) const {
    return Get(line, attribute).value_or(std::string_view());
  }
  bool Allows(db::LineId line, std::string_view attribute, std::string_view value) const;

  // The values that satisfy the attribute, preferred ones first; empty if it is absent or cannot
  // be satisfied, which is then noted as a contradiction.
  std::vector<std::string> Values(db::LineId line, std::string_view attribute);
  std::string Value(db::LineId line, std::string_view attribute, std::string_view otherwise);
  uint32_t Number(db::LineId line, std::string_view attribute, uint32_t otherwise, uint32_t most);

  // Whether the line's probe is answered: `otherwise` if the reference does not have the line.
  bool Answers(db::LineId line, bool otherwise) const;

  void NoteContradiction(std::string text) { contradictions_.push_back(std::move(text)); }
  std::vector<std::string> TakeContradictions() { return std::move(contradictions_); }
  const db::ReferenceText& reference() const { return reference_; }

 private:
  const db::ReferenceText& reference_;
  std::array<int, db::kAttributeCount> index_;  // into the reference's expressions, or -1
  std::vector<std::string> contradictions_;
};

}  // namespace osprey::lab
