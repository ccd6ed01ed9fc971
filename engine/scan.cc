// SPDX-License-Identifier: Apache-2.0
#include "engine/scan.h"

#include <algorithm>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/thread_setup.h"

namespace osprey::engine {
namespace {

constexpr int64_t kTickNs = 100 * kNsPerMs;
constexpr uint64_t kOnLinkLook = 65'536;  // targets looked at to find out whether ARP is needed

// One thread for each part, named after it; pinned to a processor each, as far as there are any.
template <class Part>
void StartThreads(const std::string& name, std::vector<std::unique_ptr<Part>>& parts,
                  std::vector<std::thread>& threads, bool pin = false) {
  const std::vector<int> processors = pin ? UsableProcessors() : std::vector<int>{};
  for (size_t i = 0; i < parts.size(); ++i) {
    const int processor = processors.empty() ? -1 : processors[i % processors.size()];
    threads.emplace_back([part = parts[i].get(), text = absl::StrCat(name, "-", i), processor] {
      NameThisThread(text);
      if (processor >= 0) PinThisThread(processor);
      part->Run();
    });
  }
}

// All that is part of the rate.
uint64_t SentBy(const LaneCounters& c) {
  return c[LaneCounter::kSentDiscovery] + c[LaneCounter::kSentPorts] +
         c[LaneCounter::kSentSequence] + c[LaneCounter::kSentTests] + c[LaneCounter::kSentResets] +
         c[LaneCounter::kKernelResets] + c[LaneCounter::kSentArpReplies];
}

}  // namespace

absl::StatusOr<std::unique_ptr<Scan>> Scan::Create(ScanInputs inputs) {
  OSPREY_RETURN_IF_ERROR(inputs.port_plan.Validate());
  if (inputs.targets->size() == 0) return absl::InvalidArgumentError("no targets to scan");
  const auto is_possible = [](uint32_t threads) { return threads >= 1 && threads <= 64; };
  if (!is_possible(inputs.lanes) || !is_possible(inputs.shards) ||
      !is_possible(inputs.capture_threads)) {
    return absl::InvalidArgumentError(
        "between 1 and 64 lanes, matcher shards and capture threads are possible");
  }
  if (ShardPlan(inputs.targets->size(), inputs.part, inputs.sample).size() == 0) {
    return absl::InvalidArgumentError("this part of the scan has no targets");
  }
  std::unique_ptr<Scan> scan(new Scan(std::move(inputs)));
  OSPREY_RETURN_IF_ERROR(scan->Build());
  return scan;
}

Scan::Scan(ScanInputs inputs)
    : inputs_(std::move(inputs)),
      order_(inputs_.targets->size(), DeriveKey(inputs_.seed, "permutation")),
      cookies_(inputs_.seed, inputs_.port_plan),
      identities_(inputs_.seed, inputs_.port_plan),
      jobs_(inputs_.lanes),
      results_(size_t{inputs_.lanes} + inputs_.shards) {
  inputs_.host.ports = inputs_.ports;
}

Scan::~Scan() = default;

bool Scan::AnyOnLink() const {
  const uint64_t count = std::min(inputs_.targets->size(), kOnLinkLook);
  // Evenly spread over the set, so that a large range with one local network in it is noticed;
  // what is missed costs one ARP pass of its hosts, not the hosts.
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t index = i * (inputs_.targets->size() / count);
    const Path path = inputs_.network->PathTo(inputs_.targets->At(index));
    if (path.on_link) return true;
  }
  return false;
}

absl::Status Scan::Build() {
  if (inputs_.auto_rate) {
    rate_controller_.emplace(*inputs_.auto_rate, inputs_.clock->MonotonicNs());
    inputs_.rate.packets_per_second = rate_controller_->rate();
  }
  const uint64_t size = inputs_.targets->size();
  // A pass of its own: a port that is not what it was must not cost the host.
  if (!inputs_.targets->hints().empty() && !inputs_.steps.empty()) {
    inputs_.steps.insert(inputs_.steps.begin(), {ProbeKind::kKnownPort, 0});
  }
  discovery_ = {.targets = inputs_.targets,
                .order = &order_,

                .part = ShardPlan(size, inputs_.part, inputs_.sample),
                .steps = inputs_.steps,
                .any_on_link = AnyOnLink(),
                .pass_lag_ns = inputs_.pass_lag_ns,
                .reply_window_ns = inputs_.reply_window_ns,
                .lane_key = DeriveKey(inputs_.seed, "lanes"),
                .lanes = inputs_.lanes};
  // Nothing is asked, so nothing has to be waited for; unless a small link was overlooked.
  if (inputs_.steps.empty() && !discovery_.any_on_link && size <= kOnLinkLook) {
    discovery_.reply_window_ns = 0;
  }
  lane_shared_ = {.clock = inputs_.clock,
                  .network = inputs_.network,
                  .discovery = &discovery_,
                  .cookies = &cookies_,
                  .identities = &identities_,
                  .host = &inputs_.host,
                  .exclusions = inputs_.exclusions,
                  .controls = &controls_,
                  .net = inputs_.net,
                  .jobs = &jobs_,
                  .shard_bell = &shard_bell_,
                  .results = &results_,
                  .writer_bell = &writer_bell_,
                  .seed = inputs_.seed,
                  .capture_threads = inputs_.capture_threads,
                  .follow_delays = inputs_.auto_rate.has_value(),
                  .host_timeout_ns = inputs_.host_timeout_ns};
  shard_shared_ = {.matcher = inputs_.matcher,
                   .host = &inputs_.host,
                   .clock = inputs_.clock,
                   .jobs = &jobs_,
                   .bell = &shard_bell_,
                   .results = &results_,
                   .sink = inputs_.sink,
                   .writer_bell = &writer_bell_};
  // Never more room than targets: small scans stay small.
  const auto hosts = static_cast<uint32_t>(std::min<uint64_t>(
      {inputs_.max_hosts / inputs_.lanes + 1, std::max<uint64_t>(size, 16), kMaxHostsInFlight}));
  for (uint32_t lane = 0; lane < inputs_.lanes; ++lane) {
    std::vector<std::unique_ptr<io::SendRing>> rings;
    for (size_t link = 0; link < inputs_.network->link_count(); ++link) {
      OSPREY_ASSIGN_OR_RETURN(auto ring, inputs_.network->MakeSendRing(link, lane));
      rings.push_back(std::move(ring));
    }
    PaceLimits share = inputs_.rate;
    share.packets_per_second /= inputs_.lanes;
    share.bits_per_second /= inputs_.lanes;
    const LaneConfig config{.lane = static_cast<uint16_t>(lane),
                            .max_hosts = hosts,
                            .rate = share,
                            .start = inputs_.start_position};
    lanes_.push_back(std::make_unique<Lane>(&lane_shared_, config, std::move(rings)));
    for (const uint32_t index : inputs_.done) lanes_.back()->MarkDone(index);
  }
  const size_t links = inputs_.network->link_count();
  for (size_t i = 0; i < links * inputs_.capture_threads; ++i) {
    const size_t link = i / inputs_.capture_threads;
    OSPREY_ASSIGN_OR_RETURN(auto ring, inputs_.network->MakeCaptureRing(link));
    receivers_.push_back(std::make_unique<Receiver>(static_cast<uint8_t>(link),
                                                    inputs_.network->link(link), std::move(ring),
                                                    &discovery_, inputs_.port_plan, lanes_));
  }
  for (uint32_t shard = 0; shard < inputs_.shards; ++shard) {
    shards_.push_back(std::make_unique<MatchShard>(&shard_shared_, lanes_));
  }
  collector_ = std::make_unique<Collector>(inputs_.clock, inputs_.sink, &results_, &writer_bell_,
                                           lanes_, inputs_.sync_interval_ns);
  return absl::OkStatus();
}

void Scan::Stop() {
  for (auto& lane : lanes_) lane->StopDiscovery();
}

void Scan::Abandon() {
  for (auto& lane : lanes_) lane->Abandon();
}

bool Scan::finished() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->finished(); });
}

absl::Status Scan::Run(const std::function<void()>& tick) {
  std::vector<std::thread> receivers, shards, lanes;
  StartThreads("capture", receivers_, receivers);
  StartThreads("matcher", shards_, shards);
  StartThreads("lane", lanes_, lanes, inputs_.pin_lanes);
  int64_t next_tick = inputs_.clock->MonotonicNs();
  while (!finished()) {
    const bool worked = collector_->RunOnce();
    if (!collector_->status().ok()) Abandon();
    ControlRate();
    if (inputs_.clock->MonotonicNs() >= next_tick) {
      tick();
      next_tick = inputs_.clock->MonotonicNs() + kTickNs;
    }
    if (!worked) collector_->Wait(next_tick);
  }
  for (auto& thread : lanes) thread.join();
  for (auto& receiver : receivers_) receiver->Stop();
  for (auto& thread : receivers) thread.join();
  for (auto& shard : shards_) shard->Stop();
  for (auto& thread : shards) thread.join();
  const absl::Status status = Finish();
  tick();
  return status;
}

bool Scan::Step() {
  bool worked = false;
  ControlRate();
  for (auto& receiver : receivers_) worked |= receiver->PumpOnce(0) > 0;
  for (auto& lane : lanes_) worked |= lane->RunOnce();
  for (auto& shard : shards_) worked |= shard->RunOnce();
  worked |= collector_->RunOnce();
  if (!collector_->status().ok()) Abandon();
  return worked;
}

int64_t Scan::NextDeadline() const {
  int64_t next = collector_->NextDeadline();
  for (const auto& lane : lanes_) next = std::min(next, lane->NextDeadline());
  return next;
}

absl::Status Scan::Finish() {
  // A shard may hold results that found no room; the collector makes some.
  bool worked = true;
  while (worked) {
    worked = collector_->RunOnce();
    for (auto& shard : shards_) worked |= shard->RunOnce();
  }
  return collector_->Finish();
}

void Scan::ControlRate() {
  if (!rate_controller_) return;
  const int64_t now = inputs_.clock->MonotonicNs();
  if (!rate_controller_->Due(now)) return;
  const double before = rate_controller_->rate();
  const double rate = rate_controller_->Update(rate_sample(), now);
  if (rate != before) controls_.SetRate(rate);
}

RateSample Scan::rate_sample() const {
  RateSample sample;
  for (const auto& lane : lanes_) {
    const LaneCounters& c = lane->counters();
    sample.sent += SentBy(c);
    sample.refused += c[LaneCounter::kUnsent];
    sample.live_probes += c[LaneCounter::kSentToLive];
    sample.live_answers += c[LaneCounter::kAnsweredSequence] + c[LaneCounter::kAnsweredFirst];
    sample.sequence_due += c[LaneCounter::kSequenceDue];
    sample.sequence_kept += c[LaneCounter::kSequenceKept];
    sample.delay_pairs += c[LaneCounter::kDelayPairs];
    sample.delay_grown_us += c[LaneCounter::kDelayGrownUs];
    sample.delay_shrunk_us += c[LaneCounter::kDelayShrunkUs];
    sample.answered_first += c[LaneCounter::kAnsweredFirst];
    sample.answered_second += c[LaneCounter::kAnsweredSecond];
    sample.prohibited += c[LaneCounter::kProhibited];
  }
  for (const auto& receiver : receivers_) {
    sample.replies += receiver->counters()[ReceiverCounter::kFrames];
    sample.capture_drops += receiver->counters()[ReceiverCounter::kKernelDrops];
  }
  return sample;
}

ScanProgress Scan::progress() const {
  ScanProgress p;
  p.position = std::numeric_limits<uint64_t>::max();
  p.end = discovery_.end();
  const ScanControls::Values values = controls_.Get();
  p.admitting = values.admitting;
  p.rate =
      values.packets_per_second >= 0 ? values.packets_per_second : inputs_.rate.packets_per_second;
  for (const auto& lane : lanes_) {
    const LaneCounters& c = lane->counters();
    p.position = std::min(p.position, lane->position());
    p.in_flight += lane->in_flight();
    p.alive += c[LaneCounter::kHostsAdmitted];
    p.finished += c[LaneCounter::kHostsMatched] + c[LaneCounter::kHostsSkipped] +
                  c[LaneCounter::kHostsSilent] + c[LaneCounter::kHostsTimedOut] +
                  c[LaneCounter::kHostsExcluded];
    p.packets_sent += SentBy(c);
    p.replies += c[LaneCounter::kRepliesIn];
  }
  for (const auto& receiver : receivers_) {
    p.capture_drops += receiver->counters()[ReceiverCounter::kKernelDrops];
  }
  return p;
}

}  // namespace osprey::engine
