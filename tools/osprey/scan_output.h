// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a scan's results go: the journal, if there is one, and any number of writers. The journal
// is the -oJ output that is a regular file; it alone is synced and can be resumed.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "db/image.h"
#include "engine/collector.h"
#include "engine/journal.h"
#include "engine/report.h"
#include "engine/target_set.h"
#include "io/writers/json.h"
#include "io/writers/output_sink.h"
#include "io/writers/result_writer.h"

namespace osprey::tools {

class ScanOutput final : public engine::ResultSink {
 public:
  // Pointers outlive the object.
  ScanOutput(const db::Image* image, const TargetSet* targets, engine::ReportOptions report)
      : image_(image), targets_(targets), report_(std::move(report)), preparer_(*this) {}

  // The journal, with what its checkpoints say apart from progress.
  void SetJournal(std::unique_ptr<engine::JournalFile> file, engine::Checkpoint checkpoint);
  void AddWriter(std::unique_ptr<io::OutputSink> sink, std::unique_ptr<io::ResultWriter> writer);

  absl::Status Begin(const io::ScanInfo& info);
  // Call it when all outputs are there.
  std::unique_ptr<engine::ResultPreparer> MakePreparer() const override {
    return std::make_unique<Preparer>(*this);
  }
  [[nodiscard]] absl::Status Write(engine::HostResult& result) override;
  [[nodiscard]] absl::Status Sync() override;
  [[nodiscard]] absl::Status Checkpoint(uint64_t low_water) override;
  // Ends every output that still works. `complete`: the scan needs no resume.
  absl::Status Finish(const io::ScanSummary& summary, bool complete);

  uint64_t hosts_written() const { return hosts_written_; }
  uint64_t hosts_measured() const { return hosts_measured_; }

 private:
  class Preparer final : public engine::ResultPreparer {
   public:
    explicit Preparer(const ScanOutput& output) : output_(output) {}
    void Prepare(engine::HostResult& result) override;

   private:
    const ScanOutput& output_;
    io::JsonLine line_;
  };
  struct Output {
    std::unique_ptr<io::OutputSink> sink;
    std::unique_ptr<io::ResultWriter> writer;
  };

  const db::Image* image_;
  const TargetSet* targets_;
  engine::ReportOptions report_;
  std::unique_ptr<engine::JournalFile> journal_file_;
  std::unique_ptr<engine::Journal> journal_;
  engine::Checkpoint checkpoint_;
  std::vector<Output> outputs_;
  Preparer preparer_;  // of results that come unprepared
  uint64_t hosts_written_ = 0;
  uint64_t hosts_measured_ = 0;
};

}  // namespace osprey::tools
