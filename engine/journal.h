// SPDX-License-Identifier: Apache-2.0
#pragma once
// The journal of a scan: its NDJSON output, used as the list of what is finished (design decisions
// 18 and 19). Records are appended as whole lines; a group of them is made durable by one Sync; a
// checkpoint is saved only when the records it speaks of are durable.
//
// A record is in the journal exactly once unless its host was measured again, which raises its
// revision. A kill at any moment loses only what was appended after the last Sync; resuming cuts
// the journal to the checkpoint's length, so that nothing is written twice either.
//
// One owner, one thread (the writers'). Append does not allocate after the first records.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/checkpoint.h"
#include "engine/journal_file.h"
#include "io/writers/json.h"
#include "io/writers/record.h"

namespace osprey::engine {

class Journal {
 public:
  // Appends to `file`, which must outlive the journal and is used by nobody else.
  // `earlier_records` is what the checkpoint of a resumed scan says is in it.
  explicit Journal(JournalFile& file, uint64_t earlier_records = 0)
      : file_(file),
        synced_bytes_(file.length()),
        records_(earlier_records),
        synced_records_(earlier_records) {}
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // REQUIRES: record.key.scan is this scan's id.
  [[nodiscard]] absl::Status Append(const io::Record& record);
  // The same of a record that io::RenderRecord rendered.
  [[nodiscard]] absl::Status AppendLine(std::string_view line);

  // Makes everything appended so far durable. Returns the journal's length, all of it durable now.
  absl::StatusOr<uint64_t> Sync();

  // Saves `checkpoint` with synced_bytes and records filled in: call Sync first, and let low_water
  // speak only of targets whose records were appended before that Sync.
  [[nodiscard]] absl::Status SaveCheckpoint(Checkpoint checkpoint);

  // The scan is complete: syncs and removes the checkpoint.
  [[nodiscard]] absl::Status Finish();

  uint64_t synced_bytes() const { return synced_bytes_; }
  uint64_t records() const { return records_; }

  // Continues an interrupted scan: cuts `file` to the checkpoint's length and calls `finished` for
  // the key of each record that remains, in file order, duplicates and all revisions included.
  // DataLoss if the journal is shorter than the checkpoint says, is cut inside a line, or holds a
  // line that is no record of this scan; `file` is then unchanged. A new Journal may then append.
  static absl::Status Resume(JournalFile& file, const Checkpoint& checkpoint,
                             absl::FunctionRef<void(const io::RecordKey&)> finished);

 private:
  JournalFile& file_;
  io::JsonLine line_;
  uint64_t synced_bytes_;
  uint64_t records_;
  uint64_t synced_records_;
};

}  // namespace osprey::engine
