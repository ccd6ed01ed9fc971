// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the results of a simulated scan go: the real journal on a disk in memory
// (memory_journal.h), and a table of verdicts beside it. Can fail at a chosen call, and can keep
// what the disk would hold if the machine stopped at a chosen moment: before or after each of its
// calls.
//
// One thread, the collector's.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "db/image.h"
#include "engine/collector.h"
#include "engine/journal.h"
#include "tests/testing/memory_journal.h"

namespace osprey::testing {

inline constexpr const char* kSimulatedScanId = "simulated";

// What the scan said of a host, in words.
struct HostVerdict {
  engine::HostOutcome outcome = engine::HostOutcome::kMeasured;
  std::vector<std::string> names;  // best first, equals of the best only
  uint32_t perfect = 0;
  double accuracy = 0;
  int hops = 0;  // 0: not known
  uint32_t rounds = 0;
  std::string fingerprint;

  friend bool operator==(const HostVerdict&, const HostVerdict&) = default;
};

class MemorySink final : public engine::ResultSink {
 public:
  // Continues `file`, which outlives the sink. `earlier_records` are in it already.
  MemorySink(MemoryJournal& file, const db::Image& image, uint64_t earlier_records = 0);

  std::unique_ptr<engine::ResultPreparer> MakePreparer() const override;
  absl::Status Write(engine::HostResult& result) override;
  absl::Status Sync() override;
  absl::Status Checkpoint(uint64_t low_water) override;

  // The `call`th call from now (from 0) fails with `status`, and so do all later ones.
  void FailAt(uint64_t call, absl::Status status);
  // Keeps the disk as it is at moment `moment` (from 0): two moments a call, before and after it.
  // `survivors` bytes of what was not synced happen to be on it.
  void SnapshotAt(uint64_t moment, uint64_t survivors);
  const std::optional<MemoryJournal>& snapshot() const { return snapshot_; }

  uint64_t moments() const { return moments_; }
  uint64_t calls() const { return calls_; }
  // By address. A host that was written twice has two.
  const std::multimap<uint32_t, HostVerdict>& verdicts() const { return verdicts_; }

 private:
  class Preparer;

  absl::Status Begin();
  void Moment();

  MemoryJournal& file_;
  const db::Image& image_;
  engine::Journal journal_;
  uint64_t calls_ = 0;
  uint64_t moments_ = 0;
  std::optional<uint64_t> fail_at_;
  absl::Status failure_;
  std::optional<uint64_t> snapshot_at_;
  uint64_t survivors_ = 0;
  std::optional<MemoryJournal> snapshot_;
  std::multimap<uint32_t, HostVerdict> verdicts_;
};

}  // namespace osprey::testing
