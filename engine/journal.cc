// SPDX-License-Identifier: Apache-2.0
#include "engine/journal.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/journal_reader.h"
#include "io/writers/ndjson_writer.h"
#include "io/writers/record_json.h"

namespace osprey::engine {
namespace {

absl::Status CheckCutPoint(JournalFile& file, const Checkpoint& checkpoint) {
  const uint64_t bytes = checkpoint.synced_bytes;
  if (file.length() < bytes) {
    return absl::DataLossError(absl::StrCat(file.name(), ": has ", file.length(),
                                            " bytes, but its checkpoint was saved at ", bytes));
  }
  if (bytes == 0) return absl::OkStatus();
  std::array<char, 1> last{};
  OSPREY_ASSIGN_OR_RETURN(const size_t count, file.Read(bytes - 1, last));
  if (count == 1 && last[0] == '\n') return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(file.name(), ": no line ends at byte ", bytes, ", where its checkpoint points"));
}

}  // namespace

absl::Status Journal::Append(const io::Record& record) {
  io::RenderRecord(record, line_);
  return AppendLine(line_.view());
}

absl::Status Journal::AppendLine(std::string_view line) {
  OSPREY_RETURN_IF_ERROR(file_.Append(line));
  ++records_;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Journal::Sync() {
  const uint64_t bytes = file_.length();
  if (bytes == synced_bytes_) return bytes;
  OSPREY_RETURN_IF_ERROR(file_.Sync());
  synced_bytes_ = bytes;
  synced_records_ = records_;
  return bytes;
}

absl::Status Journal::SaveCheckpoint(Checkpoint checkpoint) {
  checkpoint.synced_bytes = synced_bytes_;
  checkpoint.records = synced_records_;
  return file_.SaveCheckpoint(RenderCheckpoint(checkpoint));
}

absl::Status Journal::Finish() {
  OSPREY_RETURN_IF_ERROR(Sync().status());
  return file_.RemoveCheckpoint();
}

absl::Status Journal::Resume(JournalFile& file, const Checkpoint& checkpoint,
                             absl::FunctionRef<void(const io::RecordKey&)> finished) {
  OSPREY_RETURN_IF_ERROR(CheckCutPoint(file, checkpoint));
  const auto check = [&](const JournalLine& line) -> absl::Status {
    const auto key = io::ParseRecordKey(line.text);
    if (!key.ok()) {
      return absl::DataLossError(
          absl::StrCat(file.name(), ":", line.number, ": ", key.status().message()));
    }
    if (key->scan != checkpoint.scan_id) {
      return absl::DataLossError(absl::StrCat(file.name(), ":", line.number, ": record of scan ",
                                              key->scan, " in the journal of ",
                                              checkpoint.scan_id));
    }
    finished(*key);
    return absl::OkStatus();
  };
  OSPREY_RETURN_IF_ERROR(ForEachLine(file, checkpoint.synced_bytes, check));
  return file.length() == checkpoint.synced_bytes ? absl::OkStatus()
                                                  : file.Truncate(checkpoint.synced_bytes);
}

}  // namespace osprey::engine
