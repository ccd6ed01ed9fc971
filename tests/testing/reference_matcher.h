// SPDX-License-Identifier: Apache-2.0
#pragma once
// The slow, obvious twin of matcher/: docs/os-detection.md, section 5, word by word, on the parsed
// text. It shares nothing with the real one but the parser, value expressions and the result type.

#include "db/fingerprint.h"
#include "db/reference_text.h"
#include "matcher/verdict.h"

namespace osprey::testing {

struct ReferenceScore {
  uint32_t matched = 0;  // points as in the text
  uint32_t possible = 0;
  double accuracy() const {
    return possible == 0 ? 0 : static_cast<double>(matched) / static_cast<double>(possible);
  }
};

// 5.1. `only_line`: the points of that line alone.
ReferenceScore ScoreReference(const db::Ast& ast, size_t reference, const db::Fingerprint& subject,
                              std::optional<db::LineId> only_line = std::nullopt);

// 5.2. `reference` of each match is an index into ast.references.
matcher::MatchList ReferenceMatch(const db::Ast& ast, const db::Fingerprint& subject);

}  // namespace osprey::testing
