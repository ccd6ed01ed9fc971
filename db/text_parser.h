// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads database text in the format of nmap-os-db (docs/os-detection.md, 4.1 and 4.2).
//
// A bad line inside a record gives up the rest of that record; what was read before stays, as in
// Nmap. Such errors are collected in Ast::diagnostics. What makes the whole text useless is an
// error of the call: an empty or binary file, one that ends within a line, a first-generation
// nmap-os-fingerprints file, no or two MatchPoints, an unknown test, or more than kMaxErrors bad
// lines. A file that ends within a comment, and a collection whose last record has no IE line, get a
// warning: they may be truncated. Time is linear in the text whatever it holds.

#include <string_view>

#include "absl/status/statusor.h"
#include "db/reference_text.h"

namespace osprey::db {

inline constexpr size_t kMaxErrors = 200;
// Nmap reads longer lines as several; here they are errors.
inline constexpr size_t kMaxLineBytes = 2047;
inline constexpr uint32_t kMaxPoints = 65535;

// `text` must outlive the result. InvalidArgument says "FILE:LINE:COLUMN: what is wrong".
absl::StatusOr<Ast> ParseReferences(std::string_view text, std::string_view file_name);

}  // namespace osprey::db
