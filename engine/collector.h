// SPDX-License-Identifier: Apache-2.0
#pragma once
// The writer's thread: takes finished hosts from all lanes and shards, writes them, and makes them
// durable in groups; only then are they settled, so that the low-water mark of a checkpoint speaks
// of nothing that a crash could still lose (decision 19).
//
// An error of the output ends the scan: what was written stays, results that come afterwards are
// counted as unwritten and not settled, so a resumed scan measures them again.

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/doorbell.h"
#include "engine/lane.h"
#include "engine/messages.h"

namespace osprey::engine {

// Does the work on a result that needs no order, so that one writer keeps up with all threads that
// match. Each of them has its own.
class ResultPreparer {
 public:
  virtual ~ResultPreparer() = default;
  // Sets result.prepared.
  virtual void Prepare(HostResult& result) = 0;
};

// Where results go. One owner, the collector's thread.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  // The sink must outlive it.
  virtual std::unique_ptr<ResultPreparer> MakePreparer() const = 0;
  // The result may be prepared, or not: then this does it.
  [[nodiscard]] virtual absl::Status Write(HostResult& result) = 0;
  // Makes everything written durable.
  [[nodiscard]] virtual absl::Status Sync() = 0;
  // Called after Sync: every live host below `low_water` is written and synced.
  [[nodiscard]] virtual absl::Status Checkpoint(uint64_t low_water) = 0;
};

enum class CollectorCounter : uint8_t {
  kResultsIn,  // each ends in one of the next three
  kWritten,
  kSilent,     // hosts that never answered; nothing to write
  kUnwritten,  // after the output failed
  kSyncs,
  kCount,
};
inline constexpr std::string_view kCollectorCounterNames[] = {"results_in", "written", "silent",
                                                              "unwritten", "syncs"};

class Collector {
 public:
  // `sync_interval_ns`: results wait at most this long to be durable.
  Collector(const Clock* clock, ResultSink* sink, ResultQueue* results, Doorbell* bell,
            std::span<const std::unique_ptr<Lane>> lanes, int64_t sync_interval_ns);

  // One turn. Returns whether anything was done.
  bool RunOnce();
  // When the next turn is due if nothing arrives; monotonic.
  int64_t NextDeadline() const;
  // Sleeps until a result comes, a sync is due, or `deadline_ns`. While results come, it sleeps a
  // moment and lets them gather: to be woken for each costs more than to write it.
  void Wait(int64_t deadline_ns);
  // After all lanes and shards are done: writes and syncs the rest. Returns the first error.
  absl::Status Finish();

  // OK as long as the output works.
  const absl::Status& status() const { return status_; }
  const CounterSet<CollectorCounter>& counters() const { return counters_; }

 private:
  struct Place {
    uint16_t lane;
    uint16_t epoch;
  };
  void Take(HostResult& result);
  void SyncNow();

  const Clock* clock_;
  ResultSink* sink_;
  ResultQueue* results_;
  Doorbell* bell_;
  std::vector<Lane*> lanes_;
  int64_t sync_interval_ns_;
  int64_t next_sync_ns_;
  bool results_come_ = false;  // since the last time that Wait looked
  std::optional<uint64_t> saved_low_water_;  // of the last checkpoint
  std::vector<Place> unsettled_;             // written, not synced
  absl::Status status_;
  CounterSet<CollectorCounter> counters_;
};

}  // namespace osprey::engine
