// SPDX-License-Identifier: Apache-2.0
#pragma once
// The printed fingerprint of all rounds of a host (docs/os-detection.md, 6.3). Pure functions that
// allocate; for hosts whose fingerprint is printed, not for the hot path.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/fingerprint.h"

namespace osprey::matcher {

inline constexpr size_t kMaxMergedRounds = 32;
inline constexpr size_t kMaxPrintedBytes = 10'239;

// All different lines, grouped by line in table order; within one line sorted by the values in
// table order, an absent attribute before any value, values as plain text.
std::vector<std::string> MergeLines(std::span<const db::Fingerprint> rounds);

// Joined lines cut into rows of 72 characters, each with "OS:" in front and a newline behind.
std::string WrapRows(std::string_view joined);

enum class PrintedForm : bool { kPlain, kWrapped };

// `scan_line` and the merged lines: wrapped, or each on a row of its own. What would go beyond
// kMaxPrintedBytes is left out, by whole lines. "(Too many)" for more than kMaxMergedRounds
// rounds, "(None)" for none.
std::string PrintedFingerprint(std::string_view scan_line, std::span<const db::Fingerprint> rounds,
                               PrintedForm form);

}  // namespace osprey::matcher
