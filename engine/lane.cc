// SPDX-License-Identifier: Apache-2.0
#include "engine/lane.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/thread_setup.h"

namespace osprey::engine {
namespace {

constexpr size_t kRepliesPerTurn = 512;
constexpr int64_t kLongAgo = std::numeric_limits<int64_t>::min() / 2;
constexpr int64_t kPacedBatchNs = 200 * kNsPerUs;  // well below the pacer's catch-up
constexpr int64_t kClockStepNs = 5 * kNsPerMs;

bool AnyOwnResets(const Network& network) {
  bool any = false;
  for (size_t i = 0; i < network.link_count(); ++i) any |= network.link(i).own_resets;
  return any;
}

size_t SourceCount(const Network& network) {
  size_t most = 1;
  for (size_t i = 0; i < network.link_count(); ++i) {
    most = std::max(most, network.link(i).sources.size());
  }
  return most;
}

}  // namespace

Lane::Lane(const LaneShared* shared, const LaneConfig& config,
           std::vector<std::unique_ptr<io::SendRing>> rings)
    : shared_(shared),
      config_(config),
      rings_(std::move(rings)),
      machine_(shared->host),
      hosts_(config.max_hosts, DeriveKey(shared->seed, "host table")),
      wheel_(config.max_hosts, shared->clock->MonotonicNs()),
      pacer_(config.rate, shared->clock->MonotonicNs()),
      admitted_(shared->discovery->targets->size()),
      discovery_(shared->discovery, config.lane, &admitted_, config.start,
                 shared->clock->MonotonicNs()),
      way_(LookUpWay(shared->discovery->targets->At(0))),
      epochs_(config.start),
      sequence_due_(config.max_hosts),
      other_due_(config.max_hosts),
      sequence_wait_(config.max_hosts),
      blocked_(config.max_hosts),
      resent_ns_(kLongAgo),
      resets_(AnyOwnResets(*shared->network) ? ResetQueue::kCapacity : 0,
              DeriveKey(shared->seed, "resets")),
      nets_(shared->net, config.max_hosts, DeriveKey(shared->seed, "net limiter")),
      exclusions_(shared->exclusions),
      alive_(kAliveCapacity),
      history_(config.max_hosts),
      results_(config.max_hosts),
      started_ns_(config.max_hosts),
      clock_offset_ns_(shared->clock->RealtimeNs() - shared->clock->MonotonicNs()),
      reply_batch_(kRepliesPerTurn),
      delays_(shared->follow_delays ? config.max_hosts : 0),
      replies_(shared->network->link_count() * shared->capture_threads),
      verdicts_(config.max_hosts),
      job_producer_(*shared->jobs),
      result_producer_(*shared->results) {
  OSPREY_CHECK(config.max_hosts <= kMaxHostsInFlight);
  postponed_.reserve(kPostponedCapacity);
  arp_owed_.reserve(kArpCapacity);
  fired_.reserve(config.max_hosts);
  ports_.resize(rings_.size());
  for (size_t i = 0; i < rings_.size(); ++i) {
    const LinkInfo& link = shared->network->link(i);
    ports_[i].ring = rings_[i].get();
    for (const Ipv4Addr source : link.sources) {
      ports_[i].sources.emplace_back(io::wire::SendPath{
          .layer = link.layer, .source_mac = link.mac, .source = source, .vlan = link.vlan});
    }
    ports_[i].batch.reserve(kBatch);
    ports_[i].stamps.reserve(kBatch);
  }
  OSPREY_CHECK(SourceCount(*shared->network) <= 256);
}

Lane::~Lane() = default;

// --- The loop --------------------------------------------------------------------------------

bool Lane::RunOnce() {
  if (finished()) return false;
  now_ = shared_->clock->MonotonicNs();
  WatchClocks();
  TakeControls();
  ReapAll();
  bool worked = DrainReplies();
  worked |= DrainVerdicts();
  worked |= FireTimers();
  RetryBlocked();
  if (abandoned_.load(std::memory_order_relaxed)) {
    // Nothing new leaves; what a matcher holds comes back first.
    AbandonWaiting();
    resets_.Clear();
    arp_owed_.clear();
    for (uint32_t slot = 0; slot < hosts_.used_slots(); ++slot) {
      const Phase phase = hosts_[slot].state.phase;
      if (phase == Phase::kFree || phase == Phase::kMatching) continue;
      counters_[LaneCounter::kHostsAbandoned].Add();
      Erase(slot);
    }
  } else {
    if (stopping_.load(std::memory_order_relaxed)) AbandonWaiting();
    StartHosts();
    worked |= Fill();
  }
  UpdateProgress();
  return worked;
}

// They are in nobody's account yet: a resumed scan finds them again.
void Lane::AbandonWaiting() {
  counters_[LaneCounter::kHostsAbandoned].Add(alive_count_);
  alive_count_ = 0;
}

void Lane::UpdateProgress() {
  const uint64_t mark = discovery_.ReplyMark(now_);
  if (!overflowed_ && !LaggingBehindWalk()) epochs_.Open(mark);
  position_.store(discovery_.position(), std::memory_order_relaxed);
  in_flight_.store(hosts_.size() + static_cast<uint32_t>(alive_count_), std::memory_order_relaxed);
  if (hosts_.size() > 0 || alive_count_ > 0 || !blocked_results_.empty()) return;
  if (!resets_.empty()) return;
  const bool stopped =
      stopping_.load(std::memory_order_relaxed) || abandoned_.load(std::memory_order_relaxed);
  if (!stopped) {
    if (!discovery_.Finished(now_) || LaggingBehindWalk()) return;
    if (overflows_ > 0) {
      overflows_ = 0;
      discovery_.Repeat();
      return;
    }
    epochs_.Open(std::max(mark, discovery_.position()));
  }
  finished_.store(true, std::memory_order_release);
  shared_->writer_bell->Ring();
}

int64_t Lane::NextDeadline() const {
  if (finished()) return std::numeric_limits<int64_t>::max();
  const int64_t now = shared_->clock->MonotonicNs();
  int64_t next = now + 100 * kNsPerMs;  // progress, marks
  if (blocked_.size() > 0 || !blocked_results_.empty()) next = std::min(next, now + kNsPerMs / 5);
  for (const Port& port : ports_) {
    if (!port.batch.empty()) next = std::min(next, now + 50 * kNsPerUs);
  }
  next = std::min(next, wheel_.NextDeadline());
  if (!sequence_due_.empty()) next = now;
  const bool discovering =
      MayStartHosts() && !discovery_.done_walking() && postponed_.size() < kPostponedCapacity;
  int64_t wanted = std::numeric_limits<int64_t>::max();
  if (!other_due_.empty() || !resets_.empty() || !arp_owed_.empty()) wanted = now;
  if (!sequence_wait_.empty()) {
    if (ReserveSequence()) wanted = now;
    if (rounds_.next(spare_) > now) wanted = std::min(wanted, rounds_.next(spare_));
  }
  if (!refused_.empty() && MayStartHosts()) wanted = now;
  if (!postponed_.empty() && MayStartHosts()) wanted = std::min(wanted, postponed_.front().due_ns);
  if (discovering && !EnoughAlive()) wanted = std::min(wanted, discovery_.ResumeAt());
  if (wanted != std::numeric_limits<int64_t>::max()) {
    next = std::min(next, std::max(wanted, PacedWake(now)));
  }
  return next;
}

// Where packets leave more often than a wake-up is worth, a few of them leave together. The
// schedule is absolute, so the rate stays exact.
int64_t Lane::PacedWake(int64_t now) const {
  const int64_t due = pacer_.NextDeadline(now);
  if (due <= now) return now;
  const double rate = pacer_.limits().packets_per_second;
  return rate * static_cast<double>(kPacedBatchNs) > 1e9 ? std::max(due, now + kPacedBatchNs) : due;
}

void Lane::Run() {
  WakeThisThreadOnTime();
  while (!finished()) {
    if (RunOnce()) continue;
    const int64_t deadline = NextDeadline();
    if (deadline <= shared_->clock->MonotonicNs()) continue;
    bell_.Prepare();
    if (replies_.ApproxSize() > 0 || !verdicts_.empty() || finished()) {
      bell_.Cancel();
      continue;
    }
    bell_.WaitUntil(deadline);
  }
}

void Lane::WatchClocks() {
  const int64_t offset = shared_->clock->RealtimeNs() - shared_->clock->MonotonicNs();
  const int64_t step = offset - clock_offset_ns_;
  if (step > kClockStepNs || step < -kClockStepNs) counters_[LaneCounter::kClockSteps].Add();
  clock_offset_ns_ = offset;
}

}  // namespace osprey::engine
