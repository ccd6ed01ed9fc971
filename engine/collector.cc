// SPDX-License-Identifier: Apache-2.0
#include "engine/collector.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

namespace osprey::engine {
namespace {

constexpr size_t kResultsPerTurn = 64;
constexpr auto kGatherTime = std::chrono::milliseconds(1);

}  // namespace

Collector::Collector(const Clock* clock, ResultSink* sink, ResultQueue* results, Doorbell* bell,
                     std::span<const std::unique_ptr<Lane>> lanes, int64_t sync_interval_ns)
    : clock_(clock),
      sink_(sink),
      results_(results),
      bell_(bell),
      sync_interval_ns_(sync_interval_ns),
      next_sync_ns_(clock->MonotonicNs() + sync_interval_ns) {
  for (const auto& lane : lanes) lanes_.push_back(lane.get());
}

bool Collector::RunOnce() {
  std::array<HostResultPtr, kResultsPerTurn> batch;
  const size_t count = results_->TryPopBatch(batch.data(), batch.size());
  results_come_ |= count > 0;
  for (size_t i = 0; i < count; ++i) Take(*batch[i]);
  if (clock_->MonotonicNs() >= next_sync_ns_) SyncNow();
  return count > 0;
}

void Collector::Take(HostResult& result) {
  counters_[CollectorCounter::kResultsIn].Add();
  if (!status_.ok()) {
    counters_[CollectorCounter::kUnwritten].Add();
    return;
  }
  if (result.outcome == HostOutcome::kSilent || result.outcome == HostOutcome::kExcluded) {
    counters_[CollectorCounter::kSilent].Add();
  } else {
    status_ = sink_->Write(result);
    counters_[status_.ok() ? CollectorCounter::kWritten : CollectorCounter::kUnwritten].Add();
    if (!status_.ok()) return;
  }
  unsettled_.push_back({result.lane, result.epoch});
}

void Collector::SyncNow() {
  next_sync_ns_ = clock_->MonotonicNs() + sync_interval_ns_;
  if (!status_.ok()) return;
  const bool news = !unsettled_.empty();
  if (news) {
    status_ = sink_->Sync();
    if (!status_.ok()) return;
    counters_[CollectorCounter::kSyncs].Add();
    for (const Place& place : unsettled_) lanes_[place.lane]->epochs().Settle(place.epoch);
    unsettled_.clear();
  }
  uint64_t low_water = std::numeric_limits<uint64_t>::max();
  for (Lane* lane : lanes_) low_water = std::min(low_water, lane->epochs().LowWater());
  if (!news && saved_low_water_ == low_water) return;
  status_ = sink_->Checkpoint(low_water);
  if (status_.ok()) saved_low_water_ = low_water;
}

int64_t Collector::NextDeadline() const { return next_sync_ns_; }

void Collector::Wait(int64_t deadline_ns) {
  if (std::exchange(results_come_, false)) return std::this_thread::sleep_for(kGatherTime);
  bell_->Prepare();
  if (results_->ApproxSize() > 0) {
    bell_->Cancel();
    return;
  }
  bell_->WaitUntil(std::min(deadline_ns, next_sync_ns_));
}

absl::Status Collector::Finish() {
  while (RunOnce()) {
  }
  SyncNow();
  return status_;
}

}  // namespace osprey::engine
