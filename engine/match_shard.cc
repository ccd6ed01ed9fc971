// SPDX-License-Identifier: Apache-2.0
#include "engine/match_shard.h"

#include <algorithm>
#include <array>

#include "matcher/fingerprint_builder.h"
#include "matcher/output_plan.h"

namespace osprey::engine {
namespace {

constexpr size_t kMostRoundsIfUnfit = 2;
constexpr int64_t kIdleWaitNs = 50 * kNsPerMs;

bool IsPerfect(const matcher::MatchList& matches) { return matches.perfect > 0; }

double BestAccuracy(const matcher::MatchList& matches) {
  return matches.count > 0 ? matches.all[0].accuracy : 0;
}

}  // namespace

MatchShard::MatchShard(const ShardShared* shared, std::span<const std::unique_ptr<Lane>> lanes)
    : shared_(shared),
      results_(*shared->results),
      scratch_(shared->matcher->image()),
      preparer_(shared->sink->MakePreparer()) {
  for (const auto& lane : lanes) lanes_.push_back(lane.get());
}

// All jobs of a turn are matched at once (Matcher::MatchBatch).
bool MatchShard::RunOnce() {
  if (!ReleaseHeld()) return false;
  std::array<MatchJob, kJobsPerTurn> jobs;
  const size_t count = shared_->jobs->TryPopBatch(jobs.data(), jobs.size());
  for (size_t i = 0; i < count; ++i) {
    counters_[ShardCounter::kJobsIn].Add();
    facts_[i] = FactsOf(jobs[i].host->state, *shared_->host);
    matcher::BuildFingerprint(jobs[i].host->observation, facts_[i], fingerprints_[i]);
  }
  shared_->matcher->MatchBatch(std::span(fingerprints_).first(count), scratch_, matches_);
  for (size_t i = 0; i < count; ++i) Conclude(jobs[i], facts_[i], matches_[i]);
  return count > 0;
}

void MatchShard::Conclude(const MatchJob& job, const matcher::HostFacts& facts,
                          const matcher::MatchList& matches) {
  if (!IsFinished(job, facts, matches)) {
    counters_[ShardCounter::kNextRounds].Add();
    return SendVerdict(job, RoundVerdict::kNextRound);
  }
  counters_[ShardCounter::kFinished].Add();
  if (IsPerfect(matches)) counters_[ShardCounter::kPerfect].Add();
  HostResultPtr result = MakeResult(job, facts, matches);
  // After the verdict the record is the lane's again, and may be another host's at once.
  SendVerdict(job, RoundVerdict::kFinished);
  preparer_->Prepare(*result);
  if (!held_.empty() || !results_.TryPush(std::move(result))) {
    held_.push_back(std::move(result));
  } else {
    shared_->writer_bell->Ring();
  }
}

// docs/os-detection.md, 1.10.
bool MatchShard::IsFinished(const MatchJob& job, const matcher::HostFacts& facts,
                            const matcher::MatchList& matches) const {
  if (IsPerfect(matches) || job.final) return true;
  const size_t rounds = (job.history != nullptr ? job.history->size() : 0) + 1;
  size_t most = shared_->host->max_rounds;
  if (!matcher::IsFit(facts)) most = std::min(most, kMostRoundsIfUnfit);
  return rounds >= most;
}

HostResultPtr MatchShard::MakeResult(const MatchJob& job, const matcher::HostFacts& facts,
                                     const matcher::MatchList& last) {
  const HostState& state = job.host->state;
  auto result = std::make_unique<HostResult>();
  result->address = state.address;
  result->target_index = state.target_index;
  result->lane = job.lane;
  result->epoch = state.epoch;
  result->facts = facts;
  if (state.on_link) result->mac = state.next_hop;
  result->reset_warning = state.reset_warning;
  result->srtt_us = state.rtt.srtt_us;
  result->started_realtime_ns = job.started_realtime_ns;
  result->finished_realtime_ns = shared_->clock->RealtimeNs();
  if (job.ports != nullptr) result->ports = *job.ports;
  if (job.history != nullptr) result->rounds = *job.history;
  result->rounds.push_back(job.host->observation);
  result->remeasured = static_cast<uint8_t>(state.serial - result->rounds.size());
  ChooseRound(*result, last);
  return result;
}

// A perfect match is always of the last round. Otherwise the round whose best accuracy is highest
// counts, the earliest of equals, and it is matched again to give the list (1.10).
void MatchShard::ChooseRound(HostResult& result, const matcher::MatchList& last) {
  result.best_round = result.rounds.size() - 1;
  result.matches = last;
  if (IsPerfect(last)) return;
  double best = BestAccuracy(last);
  for (size_t i = result.rounds.size() - 1; i-- > 0;) {
    matcher::MatchList matches;
    matcher::BuildFingerprint(result.rounds[i], result.facts, earlier_);
    shared_->matcher->Match(earlier_, scratch_, matches);
    if (BestAccuracy(matches) < best) continue;
    best = BestAccuracy(matches);
    result.best_round = i;
    result.matches = matches;
  }
}

void MatchShard::SendVerdict(const MatchJob& job, RoundVerdict verdict) {
  lanes_[job.lane]->verdicts().Put(job.slot, verdict);
  lanes_[job.lane]->bell().Ring();
}

bool MatchShard::ReleaseHeld() {
  while (!held_.empty()) {
    if (!results_.TryPush(std::move(held_.back()))) return false;
    held_.pop_back();
    shared_->writer_bell->Ring();
  }
  return true;
}

void MatchShard::Run() {
  while (!stopped_.load(std::memory_order_relaxed)) {
    if (RunOnce()) continue;
    const int64_t wait = held_.empty() ? kIdleWaitNs : kNsPerMs / 5;
    shared_->bell->Prepare();
    if (held_.empty() && shared_->jobs->ApproxSize() > 0) {
      shared_->bell->Cancel();
      continue;
    }
    shared_->bell->WaitUntil(shared_->clock->MonotonicNs() + wait);
  }
}

void MatchShard::Stop() {
  stopped_.store(true, std::memory_order_relaxed);
  shared_->bell->Ring();
}

}  // namespace osprey::engine
