// SPDX-License-Identifier: Apache-2.0
#pragma once
// A whole scan: makes lanes, capture threads, matcher shards and the collector, joins them by
// queues, and runs them to the end. Run uses threads; Step runs one turn of everything in the
// calling thread, so that tests drive the same objects in simulated time.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/collector.h"
#include "engine/lane.h"
#include "engine/match_shard.h"
#include "engine/rate_control.h"
#include "engine/receiver.h"
#include "engine/scan_controls.h"

namespace osprey::engine {

// What a scan is made of. Pointers outlive the scan.
struct ScanInputs {
  const Clock* clock = &Clock::Real();
  Network* network = nullptr;
  const matcher::Matcher* matcher = nullptr;
  ResultSink* sink = nullptr;
  const TargetSet* targets = nullptr;
  const ExclusionSet* exclusions = nullptr;  // may be nullptr
  std::vector<HostOrderPort> ports;          // in probing order
  std::vector<DiscoveryStep> steps;          // empty: everything counts as up (-Pn)
  HostConfig host;                           // its `ports` is set by the scan
  PortPlan port_plan;
  PaceLimits rate;  // of the whole scan
  // --rate auto: packets per second are found while the scan runs, and `rate` says only bits.
  std::optional<RateControlOptions> auto_rate;
  NetLimits net;
  uint32_t lanes = 1;
  uint32_t shards = 1;
  uint32_t capture_threads = 1;  // for each link
  bool pin_lanes = false;        // each lane's thread to a processor of its own
  uint32_t max_hosts = 65'536;   // in flight, all lanes together
  uint64_t seed = 0;
  uint64_t start_position = 0;     // a checkpoint's low-water mark
  std::span<const uint32_t> done;  // target indexes that the journal holds
  osprey::Shard part;              // --shard: this run's part of the targets
  Sample sample;                   // --sample
  int64_t pass_lag_ns = 500 * kNsPerMs;
  int64_t reply_window_ns = 2 * kNsPerSecond;
  int64_t host_timeout_ns = 0;
  int64_t sync_interval_ns = kNsPerSecond;
};

struct ScanProgress {
  uint64_t position = 0;  // of the slowest lane
  uint64_t end = 0;
  uint64_t in_flight = 0;
  uint64_t alive = 0;
  uint64_t finished = 0;
  uint64_t packets_sent = 0;
  uint64_t replies = 0;
  uint64_t capture_drops = 0;
  double rate = 0;        // that is allowed at present; 0: no limit
  bool admitting = true;  // see ScanControls
};

class Scan {
 public:
  // Fails with the reason if a ring cannot be had or an input makes no sense.
  static absl::StatusOr<std::unique_ptr<Scan>> Create(ScanInputs inputs);
  ~Scan();
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  // Runs to the end with one thread each for lanes, links and shards; the calling thread is the
  // writer's, and calls `tick` about ten times a second. Returns the first error of the output.
  absl::Status Run(const std::function<void()>& tick);

  // Any thread, also a signal handler: starts no new host, finishes those in flight.
  void Stop();
  // The same, and gives up those in flight: they are measured again on resume.
  void Abandon();

  // One turn of everything in this thread. Returns whether anything was done.
  bool Step();
  int64_t NextDeadline() const;
  bool finished() const;
  // Writes and syncs the rest. After finished().
  absl::Status Finish();

  ScanProgress progress() const;
  // What the rate is decided by.
  RateSample rate_sample() const;
  // What may be changed while the scan runs. With auto_rate the rate is set here by the scan.
  ScanControls& controls() { return controls_; }
  std::span<const std::unique_ptr<Lane>> lanes() const { return lanes_; }
  std::span<const std::unique_ptr<Receiver>> receivers() const { return receivers_; }
  std::span<const std::unique_ptr<MatchShard>> shards() const { return shards_; }
  const Collector& collector() const { return *collector_; }
  const DiscoveryPlan& discovery_plan() const { return discovery_; }

 private:
  explicit Scan(ScanInputs inputs);
  absl::Status Build();
  bool AnyOnLink() const;
  void ControlRate();

  ScanInputs inputs_;
  Permutation order_;
  CookieJar cookies_;
  IdentitySource identities_;
  DiscoveryPlan discovery_;
  JobQueue jobs_;
  ResultQueue results_;
  Doorbell shard_bell_;
  Doorbell writer_bell_;
  ScanControls controls_;
  std::optional<RateController> rate_controller_;
  LaneShared lane_shared_;
  ShardShared shard_shared_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::vector<std::unique_ptr<MatchShard>> shards_;
  std::unique_ptr<Collector> collector_;
};

}  // namespace osprey::engine
