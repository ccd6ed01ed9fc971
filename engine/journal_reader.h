// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading journals back. Memory does not grow with the file, except for one small entry a host
// where revisions have to be compared. Pure functions over a JournalFile; one thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/journal_file.h"
#include "io/writers/record.h"

namespace osprey::engine {

// Longer lines are no records: reading stops with an error instead of taking all memory.
inline constexpr size_t kMaxJournalLineBytes = size_t{16} << 20;

struct JournalLine {
  std::string_view text;  // without its newline; valid during the call only
  uint64_t offset = 0;    // of its first byte
  uint64_t number = 0;    // from 1
};

// Calls `visit` for each complete line in the first `length` bytes. What follows the last newline
// is the torn line of a kill and is left out. Stops at the first error of `visit`.
absl::Status ForEachLine(JournalFile& file, uint64_t length,
                         absl::FunctionRef<absl::Status(const JournalLine&)> visit);

struct JournalCounts {
  uint64_t lines = 0;
  uint64_t superseded = 0;  // records with a later revision, or repeated
  uint64_t malformed = 0;   // lines that are no record, left out
};

// Calls `visit` once for each host with its record of the highest revision (the first of equals),
// in file order. Reads the file twice.
absl::StatusOr<JournalCounts> ForEachLatest(
    JournalFile& file, absl::FunctionRef<absl::Status(const io::Record&)> visit);

}  // namespace osprey::engine
