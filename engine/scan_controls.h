// SPDX-License-Identifier: Apache-2.0
#pragma once
// What may change while a scan runs: the rate, the exclusions, whether hosts may be started, and
// who resets connections.
//
// Written by the thread that calls Scan::Run (its tick), read by every lane at the start of a turn:
// one atomic load as long as nothing changed; a short lock and a copy when something did. A set
// of exclusions lives until the last lane has taken up the next one.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "engine/exclusion_set.h"

namespace osprey::engine {

class ScanControls {
 public:
  struct Values {
    double packets_per_second = -1;  // of the whole scan; 0: no limit; negative: as it began
    std::shared_ptr<const ExclusionSet> exclusions;  // nullptr: as it began
    bool admitting = true;                           // false: no discovery, and no new host
    bool own_resets = false;  // lanes reset connections on every link where they can
  };

  ScanControls() = default;
  ScanControls(const ScanControls&) = delete;
  ScanControls& operator=(const ScanControls&) = delete;

  // Any thread.
  void SetRate(double packets_per_second) {
    Change([&](Values& v) { v.packets_per_second = packets_per_second; });
  }
  void SetExclusions(std::shared_ptr<const ExclusionSet> exclusions) {
    Change([&](Values& v) { v.exclusions = std::move(exclusions); });
  }
  void SetAdmitting(bool admitting) {
    Change([&](Values& v) { v.admitting = admitting; });
  }
  void TakeOverResets() {
    Change([&](Values& v) { v.own_resets = true; });
  }

  // Grows with every change.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  Values Get() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  void Change(auto change) {
    const std::lock_guard lock(mutex_);
    change(values_);
    version_.fetch_add(1, std::memory_order_release);
  }

  mutable std::mutex mutex_;
  Values values_;
  std::atomic<uint64_t> version_{0};
};

}  // namespace osprey::engine
