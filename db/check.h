// SPDX-License-Identifier: Apache-2.0
#pragma once
// Looks for mistakes in a database text that do not keep it from working: for people who write
// fingerprints. Complete within its rules, and fast enough for thousands of records.

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "db/reference_text.h"

namespace osprey::db {

enum class FindingKind : uint8_t {
  kSyntax,        // what the parser left out or doubts
  kDuplicate,     // a record whose tests are all equal to those of an earlier one
  kContained,     // whatever matches this record perfectly matches another one perfectly
  kNeverMatches,  // an expression that no measured value can match
  kUnreachable,   // an alternative that cannot match, or that others of the same expression cover
};

struct Finding {
  FindingKind kind;
  Diagnostic diagnostic;
};

struct CheckResult {
  size_t references = 0;
  std::vector<Finding> findings;  // by line, then column
};

// InvalidArgument as from ParseReferences.
absl::StatusOr<CheckResult> CheckText(std::string_view text, std::string_view file_name);

std::string_view Name(FindingKind kind);

}  // namespace osprey::db
