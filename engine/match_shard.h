// SPDX-License-Identifier: Apache-2.0
#pragma once
// One matcher thread: finished rounds in, verdicts back to the lane and finished hosts on to the
// writer. Owns all memory that a match writes. It never waits while it holds a host that a lane
// needs back: a verdict always finds room (messages.h), and a result that finds none is kept until
// it does, before the next job is taken, so that back-pressure reaches the lanes.

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/counter.h"
#include "base/doorbell.h"
#include "engine/collector.h"
#include "engine/lane.h"
#include "engine/messages.h"
#include "matcher/matcher.h"
#include "matcher/scratch.h"

namespace osprey::engine {

enum class ShardCounter : uint8_t {
  kJobsIn,  // each ends in one of the next two
  kNextRounds,
  kFinished,
  kPerfect,  // of those, with a perfect match
  kCount,
};
inline constexpr std::string_view kShardCounterNames[] = {"jobs_in", "next_rounds", "finished",
                                                          "perfect"};

struct ShardShared {
  const matcher::Matcher* matcher = nullptr;
  const HostConfig* host = nullptr;
  const Clock* clock = nullptr;
  JobQueue* jobs = nullptr;
  Doorbell* bell = nullptr;  // shared by all shards
  ResultQueue* results = nullptr;
  const ResultSink* sink = nullptr;
  Doorbell* writer_bell = nullptr;
};

class MatchShard {
 public:
  MatchShard(const ShardShared* shared, std::span<const std::unique_ptr<Lane>> lanes);

  // One turn: at most one batch of jobs. Returns whether anything was done.
  bool RunOnce();
  void Run();   // until Stop
  void Stop();  // any thread

  const CounterSet<ShardCounter>& counters() const { return counters_; }
  matcher::ScratchCounters cache_counters() const { return scratch_.counters(); }

 private:
  static constexpr size_t kJobsPerTurn = 32;

  void Conclude(const MatchJob& job, const matcher::HostFacts& facts,
                const matcher::MatchList& matches);
  bool IsFinished(const MatchJob& job, const matcher::HostFacts& facts,
                  const matcher::MatchList& matches) const;
  HostResultPtr MakeResult(const MatchJob& job, const matcher::HostFacts& facts,
                           const matcher::MatchList& last);
  void ChooseRound(HostResult& result, const matcher::MatchList& last);
  bool ReleaseHeld();
  void SendVerdict(const MatchJob& job, RoundVerdict verdict);

  const ShardShared* shared_;
  std::vector<Lane*> lanes_;
  ResultQueue::Producer results_;
  matcher::Scratch scratch_;
  std::unique_ptr<ResultPreparer> preparer_;
  // Of the jobs of one turn.
  std::vector<matcher::HostFacts> facts_ = std::vector<matcher::HostFacts>(kJobsPerTurn);
  std::vector<db::Fingerprint> fingerprints_ = std::vector<db::Fingerprint>(kJobsPerTurn);
  std::vector<matcher::MatchList> matches_ = std::vector<matcher::MatchList>(kJobsPerTurn);
  db::Fingerprint earlier_;  // of an earlier round
  std::vector<HostResultPtr> held_;
  CounterSet<ShardCounter> counters_;
  std::atomic<bool> stopped_{false};
};

}  // namespace osprey::engine
