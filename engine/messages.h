// SPDX-License-Identifier: Apache-2.0
#pragma once
// What crosses between the threads of a scan, and the queues it crosses by.
//
//   capture ──Reply──► lane ──MatchJob──► shard ──HostResult──► writer
//                       ▲                   │
//                       └──RoundVerdict─────┘     (decision 17)
//
// A MatchJob points at the host's record, which stays in the lane's table: the lane does not touch
// the observation and the shard does not touch the state until the verdict is back. At most one
// job of a host is under way, and the lane's verdict box (engine/verdict_box.h) has a place for
// each of its hosts, so it can neither fill nor deadlock.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "engine/host_state.h"
#include "engine/port_table.h"
#include "io/wire/reply.h"
#include "io/writers/record.h"
#include "matcher/host_facts.h"
#include "matcher/observation.h"
#include "matcher/verdict.h"

namespace osprey::engine {

inline constexpr uint32_t kMaxHostsInFlight = 1 << 18;

// Rounds of a host before the one under way, in order.
using RoundHistory = std::vector<matcher::Observation>;

struct MatchJob {
  const HostRecord* host = nullptr;
  const RoundHistory* history = nullptr;  // nullptr: this is the first round
  const PortTable* ports = nullptr;       // nullptr: nothing was learned
  int64_t started_realtime_ns = 0;
  uint32_t slot = 0;
  uint16_t lane = 0;
  bool final = false;  // no further round is possible: finish with what there is
};

// How a host ended.
enum class HostOutcome : uint8_t {
  kMeasured,  // rounds and matches are there
  kSkipped,   // --osscan-limit
  kTimedOut,  // --host-timeout; never measured to the end
  kSilent,    // no record is written; only its place in the low-water mark is settled
  kExcluded,  // likewise: an exclusion that came during the scan
};

// What the output will write of a host, made ahead of the writer's turn (engine/collector.h).
struct PreparedResult {
  std::string line;                    // for the journal; empty if there is none
  std::unique_ptr<io::Record> record;  // for other writers; nullptr if there are none
};

// One finished host, on its way to the journal and the writers. Owned by whoever holds it.
struct HostResult {
  HostOutcome outcome = HostOutcome::kMeasured;
  Ipv4Addr address;
  uint32_t target_index = 0;
  uint16_t lane = 0;
  uint16_t epoch = 0;
  matcher::HostFacts facts;
  MacAddr mac;  // zero unless on the same link
  bool reset_warning = false;
  uint8_t remeasured = 0;  // rounds begun beyond those counted, because spacing was off
  int32_t srtt_us = -1;
  int64_t started_realtime_ns = 0;
  int64_t finished_realtime_ns = 0;
  PortTable ports;
  RoundHistory rounds;
  size_t best_round = 0;  // the one that `matches` speaks of
  matcher::MatchList matches;
  std::optional<PreparedResult> prepared;  // by a ResultPreparer
};
using HostResultPtr = std::unique_ptr<HostResult>;

using ReplyQueue = BoundedQueue<io::wire::Reply, 1 << 15>;
using JobQueue = BoundedQueue<MatchJob, 1 << 12>;
using ResultQueue = BoundedQueue<HostResultPtr, 1 << 10>;

// What a matcher and the output need to know of a host beyond its observation.
matcher::HostFacts FactsOf(const HostState& state, const HostConfig& config);

}  // namespace osprey::engine
