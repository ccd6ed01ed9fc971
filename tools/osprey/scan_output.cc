// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/scan_output.h"

#include "base/status_macros.h"
#include "io/writers/ndjson_writer.h"

namespace osprey::tools {

void ScanOutput::SetJournal(std::unique_ptr<engine::JournalFile> file,
                            engine::Checkpoint checkpoint) {
  journal_file_ = std::move(file);
  journal_ = std::make_unique<engine::Journal>(*journal_file_, checkpoint.records);
  checkpoint_ = std::move(checkpoint);
}

void ScanOutput::AddWriter(std::unique_ptr<io::OutputSink> sink,
                           std::unique_ptr<io::ResultWriter> writer) {
  outputs_.push_back({std::move(sink), std::move(writer)});
}

absl::Status ScanOutput::Begin(const io::ScanInfo& info) {
  for (const Output& output : outputs_) OSPREY_RETURN_IF_ERROR(output.writer->Begin(info));
  // From now on an interrupted scan can be resumed, even if it never found a host.
  return journal_ != nullptr ? Checkpoint(checkpoint_.low_water) : absl::OkStatus();
}

void ScanOutput::Preparer::Prepare(engine::HostResult& result) {
  io::Record record = engine::MakeRecord(result, *output_.image_, output_.report_);
  record.hostname = std::string(output_.targets_->NameOf(result.address));
  record.user_name = !record.hostname.empty();
  engine::PreparedResult& prepared = result.prepared.emplace();
  if (output_.journal_ != nullptr) {
    io::RenderRecord(record, line_);
    prepared.line = line_.view();
  }
  if (!output_.outputs_.empty()) prepared.record = std::make_unique<io::Record>(std::move(record));
}

absl::Status ScanOutput::Write(engine::HostResult& result) {
  if (!result.prepared) preparer_.Prepare(result);
  const engine::PreparedResult& prepared = *result.prepared;
  if (journal_ != nullptr) OSPREY_RETURN_IF_ERROR(journal_->AppendLine(prepared.line));
  for (const Output& output : outputs_) {
    OSPREY_RETURN_IF_ERROR(output.writer->Write(*prepared.record));
  }
  ++hosts_written_;
  if (result.outcome == engine::HostOutcome::kMeasured) ++hosts_measured_;
  return absl::OkStatus();
}

absl::Status ScanOutput::Sync() {
  if (journal_ != nullptr) OSPREY_RETURN_IF_ERROR(journal_->Sync().status());
  for (const Output& output : outputs_) OSPREY_RETURN_IF_ERROR(output.sink->Flush());
  return absl::OkStatus();
}

absl::Status ScanOutput::Checkpoint(uint64_t low_water) {
  if (journal_ == nullptr) return absl::OkStatus();
  checkpoint_.low_water = low_water;
  return journal_->SaveCheckpoint(checkpoint_);
}

absl::Status ScanOutput::Finish(const io::ScanSummary& summary, bool complete) {
  absl::Status status;
  for (const Output& output : outputs_) {
    status.Update(output.writer->Finish(summary));
    status.Update(output.sink->Flush());
  }
  if (journal_ != nullptr) {
    status.Update(complete ? journal_->Finish() : journal_->Sync().status());
  }
  return status;
}

}  // namespace osprey::tools
