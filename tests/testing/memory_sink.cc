// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/memory_sink.h"

#include <utility>

#include "base/status_macros.h"
#include "engine/report.h"
#include "io/writers/ndjson_writer.h"

namespace osprey::testing {
namespace {

HostVerdict VerdictOf(const engine::HostResult& result, const io::Record& record) {
  HostVerdict verdict;
  verdict.outcome = result.outcome;
  verdict.perfect = record.os.perfect;
  for (const io::OsMatchRecord& match : record.os.matches) {
    if (match.accuracy < record.os.matches[0].accuracy) break;
    verdict.names.push_back(match.name);
    verdict.accuracy = match.accuracy;
  }
  verdict.hops = record.distance ? record.distance->hops : 0;
  verdict.rounds = record.rounds;
  verdict.fingerprint = record.os.fingerprint;
  return verdict;
}

}  // namespace

MemorySink::MemorySink(MemoryJournal& file, const db::Image& image, uint64_t earlier_records)
    : file_(file), image_(image), journal_(file, earlier_records) {}

void MemorySink::FailAt(uint64_t call, absl::Status status) {
  fail_at_ = calls_ + call;
  failure_ = std::move(status);
}

void MemorySink::SnapshotAt(uint64_t moment, uint64_t survivors) {
  snapshot_at_ = moment;
  survivors_ = survivors;
}

void MemorySink::Moment() {
  if (moments_++ != snapshot_at_) return;
  snapshot_ = file_;
  snapshot_->Kill(survivors_);
}

absl::Status MemorySink::Begin() {
  Moment();
  const uint64_t call = calls_++;
  return fail_at_ && call >= *fail_at_ ? failure_ : absl::OkStatus();
}

class MemorySink::Preparer final : public engine::ResultPreparer {
 public:
  explicit Preparer(const db::Image& image) : image_(image) {}
  void Prepare(engine::HostResult& result) override {
    engine::ReportOptions options;
    options.scan_id = kSimulatedScanId;
    auto record = std::make_unique<io::Record>(engine::MakeRecord(result, image_, options));
    io::RenderRecord(*record, line_);
    result.prepared = {.line = std::string(line_.view()), .record = std::move(record)};
  }

 private:
  const db::Image& image_;
  io::JsonLine line_;
};

std::unique_ptr<engine::ResultPreparer> MemorySink::MakePreparer() const {
  return std::make_unique<Preparer>(image_);
}

absl::Status MemorySink::Write(engine::HostResult& result) {
  OSPREY_RETURN_IF_ERROR(Begin());
  if (!result.prepared) Preparer(image_).Prepare(result);
  OSPREY_RETURN_IF_ERROR(journal_.AppendLine(result.prepared->line));
  verdicts_.emplace(result.address.host_order, VerdictOf(result, *result.prepared->record));
  Moment();
  return absl::OkStatus();
}

absl::Status MemorySink::Sync() {
  OSPREY_RETURN_IF_ERROR(Begin());
  OSPREY_RETURN_IF_ERROR(journal_.Sync().status());
  Moment();
  return absl::OkStatus();
}

absl::Status MemorySink::Checkpoint(uint64_t low_water) {
  OSPREY_RETURN_IF_ERROR(Begin());
  engine::Checkpoint checkpoint;
  checkpoint.scan_id = kSimulatedScanId;
  checkpoint.low_water = low_water;
  OSPREY_RETURN_IF_ERROR(journal_.SaveCheckpoint(checkpoint));
  Moment();
  return absl::OkStatus();
}

}  // namespace osprey::testing
