// SPDX-License-Identifier: Apache-2.0
#include "engine/rate_control.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace osprey {
namespace {

constexpr double kBelowLoss = 0.95;     // kHold's distance from what got through
constexpr double kBelowQueue = 0.985;   // and from what made a queue grow, which is known better
constexpr double kBarelyBeyond = 1.02;  // first step of kProbe
constexpr std::array<double, 7> kSteps = {1.02, 1.04, 1.08, 1.16, 1.32, 1.64, 2};
constexpr uint32_t kNear = 3;  // steps beyond the limit that are still close to it
constexpr double kFar = 0.25;  // of the best rate so far: there the steps are doublings,
constexpr int64_t kFarAfter = 4500 * kNsPerMs;  // if the last sign was that long ago
constexpr double kDeepestCut = 0.05;            // at once
// Of the best rate so far: whatever happened may pass. But it is believed more with each cut that
// would go deeper.
constexpr double kDeepest = 1.0 / 16;
constexpr double kForget = 0.95;
constexpr double kRecovering = 0.25;  // of the best rate so far
constexpr double kWell = 0.9;         // of the usual yield
constexpr uint64_t kFewestOfYield = 50;
constexpr double kUsed = 0.65;  // of the rate, for it to be raised

// The growth of a queue is an average over the latest 100 ms, the beginning of a rate that has just
// risen included: it is once to twice what it seems.
constexpr double kGrowthLag = 1.5;
constexpr double kDrainQueue = 0.005;  // seconds that are worth draining
constexpr double kDrainTime = 0.5;     // seconds that it should take
constexpr double kDrainSlowest = 0.7;  // of what the path carries
constexpr double kDrainFastest = 0.95;

constexpr double kRefusedTolerance = 1e-3;
constexpr double kDropTolerance = 1e-3;
constexpr double kPathTolerance = 0.01;
constexpr double kProhibitedTolerance = 0.005;
constexpr double kSilence = 0.3;            // of the usual yield
constexpr double kMissed = 0.9;             // of the usual yield
constexpr uint32_t kProhibitedWindows = 3;  // in a row: what is asked varies
constexpr double kSilentSeconds = 0.5;
constexpr double kMostAmbient = 0.3;  // more is congestion, whatever it looks like
constexpr double kSameLoss = 0.7;     // of the suspect loss: as much, for a test
constexpr double kTestRate = 0.25;
constexpr double kLearn = 0.1;  // weight of a new window
constexpr double kUnlearn = 0.5;
constexpr double kMuchAmbient = 0.1;
constexpr double kConclusive = 10;  // events that a test waits for
constexpr int64_t kLongestTest = 3 * kNsPerSecond;
constexpr int64_t kLongestWindow = 600 * kNsPerMs;
constexpr int64_t kLongestWait = 1500 * kNsPerMs;     // for SEQ probes, where they are usual
constexpr int64_t kSequenceUsual = 5 * kNsPerSecond;  // since they last told something

}  // namespace

RateController::RateController(const RateControlOptions& options, int64_t now_ns)
    : options_(options),
      window_start_ns_(now_ns),
      rate_(std::clamp(options.start, options.lowest, options.highest)),
      previous_rate_(rate_),
      sequence_seen_ns_(now_ns - kSequenceUsual),
      hold_ns_(options.hold_ns) {
  OSPREY_CHECK(options.lowest > 0 && options.lowest <= options.highest);
  OSPREY_CHECK(options.window_ns > 0 && options.settle_ns > 0 && options.hold_ns > 0);
}

double RateController::Update(const RateSample& total, int64_t now_ns) {
  const int64_t elapsed = now_ns - window_start_ns_;
  if (elapsed < options_.window_ns) return rate_;
  const RateSample d = Difference(total, window_start_);
  if (elapsed < LongestWindow() && !SaysEnough(d)) return rate_;
  const double rate_of_window = rate_;
  Decide(d, static_cast<double>(elapsed) / 1e9, now_ns);
  previous_rate_ = rate_of_window;
  window_start_ = total;
  window_start_ns_ = now_ns;
  return rate_;
}

int64_t RateController::LongestWindow() const {
  if (mode_ == Mode::kTest) return kLongestTest;
  return std::max(SequenceIsUsual(window_start_ns_) ? kLongestWait : kLongestWindow,
                  options_.window_ns);
}

bool RateController::SequenceIsUsual(int64_t at_ns) const {
  return at_ns - sequence_seen_ns_ < kSequenceUsual;
}

// After a deep cut the hosts in flight keep the link busy, and no SEQ probes go. Far below what was
// possible before, it is enough that live hosts answer as usual.
bool RateController::IsWell(const RateSample& d) const {
  return rate_ < kRecovering * best_ && d.live_probes >= kFewestOfYield &&
         Ratio(d.live_answers, d.live_probes) > kWell * usual_yield_;
}

// Whether a decision can rest on this window, or should wait for a longer one. A test has to see
// half of the suspect loss, were it still there.
bool RateController::SaysEnough(const RateSample& d) const {
  if (d.refused > 0 || window_start_ns_ < settled_at_ns_) return true;
  // Where SEQ probes go, they are waited for.
  const bool sequence = d.sequence_due > 0 || SequenceIsUsual(window_start_ns_);
  const auto answers =
      static_cast<double>(sequence ? d.sequence_due : d.answered_first + d.answered_second);
  // Without SEQ probes each step beyond the limit has to wait for the repeats that judge it.
  if (mode_ == Mode::kProbe) return d.sequence_due >= kFewestAnswers || IsWell(d);
  if (mode_ != Mode::kTest) return answers >= static_cast<double>(kFewestAnswers) || IsWell(d);
  return answers * std::max(suspect_.loss, kPathTolerance) >= kConclusive &&
         static_cast<double>(d.sent) * std::max(suspect_.prohibited, kProhibitedTolerance) >=
             kConclusive;
}

// Refusals are seen at once and count always, a queue within a round trip; what arrives late
// counts only in windows that began when the last change had settled.
void RateController::Decide(const RateSample& d, double seconds, int64_t now_ns) {
  queue_.Add(d, seconds);
  if (const double refused = Ratio(d.refused, d.sent); refused > kRefusedTolerance) {
    return CutForLoss({.share = refused}, now_ns);
  }
  if (mode_ == Mode::kDrain && now_ns >= drained_at_ns_) Hold(now_ns);
  const bool below = mode_ == Mode::kDrain || mode_ == Mode::kTest;
  const bool queue_counts = !below && window_start_ns_ >= queue_from_ns_;
  if (queue_counts && queue_.Fills())
    return CutForQueue(rate_ / (1 + kGrowthLag * queue_.growth()), now_ns);
  if (window_start_ns_ < settled_at_ns_) return;
  const double dropped = Ratio(d.capture_drops, d.capture_drops + d.replies);
  if (dropped > kDropTolerance) return CutForLoss({.share = dropped, .on_path = true}, now_ns);
  const PathView view = ViewOf(d);
  if (!view.late) sequence_seen_ns_ = now_ns;
  if (queue_counts && queue_.Stands()) {
    ambient_loss_ = 0;  // whatever is lost is lost there
    return CutForQueue(rate_ * (1 - std::max(0.0, view.loss)), now_ns);
  }
  NoteLasting(view, seconds);
  if (mode_ == Mode::kTest) return EndTest(view, now_ns);
  if (const double loss = PathLoss(view); loss > 0) {
    // A second decrease without an increase between them may be bad luck, a third is not; unless
    // there is a queue, which ambient loss does not make.
    if (in_a_row_ >= 2 && !queue_.Filled()) return BeginTest(view, now_ns);
    return CutForLoss({.share = loss, .on_path = true, .late = view.late}, now_ns);
  }
  if (prohibited_windows_ > 0) return;  // not sure yet
  const bool sequence = !view.late || SequenceIsUsual(now_ns) || IsWell(d);
  if (!sequence && window_start_ns_ < repeats_from_ns_) return;  // nothing is known yet
  LearnAmbient(view);
  Increase(d, seconds, now_ns);
}

// What has to last before it counts.
void RateController::NoteLasting(const PathView& view, double seconds) {
  const bool silent = view.yield >= 0 && view.yield < kSilence * usual_yield_;
  silent_s_ = silent ? silent_s_ + seconds : 0;
  const double expected = 3 * ambient_prohibited_ + kProhibitedTolerance;
  const double noise = 3 * std::sqrt(expected / std::max(view.packets, 1.0));
  // Firewalls that always say no are met more often at some times than at others; one that limits
  // us takes the place of answers.
  const bool missed = view.yield < 0 || usual_yield_ < 0 || view.yield < kMissed * usual_yield_;
  const bool prohibited = ambient_prohibited_ >= 0 && view.prohibited > expected + noise && missed;
  prohibited_windows_ = prohibited ? prohibited_windows_ + 1 : 0;
}

// The share lost on the way beyond what is ambient; 0: none that is sure.
double RateController::PathLoss(const PathView& view) const {
  double loss = 0;
  if (view.loss >= 0 && !(view.late && !RepeatsAreOfNow(view))) {
    const double expected = ambient_loss_ + kPathTolerance;
    const double noise = 2 * std::sqrt(expected / view.answers);  // two standard deviations
    if (view.loss > expected + noise) loss = view.loss - ambient_loss_;
  }
  if (silent_s_ > kSilentSeconds) loss = std::max(loss, 1 - view.yield / usual_yield_);
  if (prohibited_windows_ >= kProhibitedWindows) {
    loss = std::max(loss, view.prohibited - ambient_prohibited_);
  }
  return loss;
}

// Repeats may belong to probes that were lost long ago: those of a host wait in its queue, and at
// a low rate long. What is lost now shows in the first transmissions too.
bool RateController::RepeatsAreOfNow(const PathView& view) const {
  if (window_start_ns_ < repeats_from_ns_ || SequenceIsUsual(window_start_ns_)) return false;
  const bool unknown = view.yield < 0 || usual_yield_ < 0;
  return unknown || view.yield <= usual_yield_ * (1 - view.loss / 2);
}

void RateController::CutForLoss(const Loss& loss, int64_t now_ns) {
  const double sent_at = loss.late ? std::min(previous_rate_, rate_) : rate_;
  if (loss.on_path && in_a_row_++ == 0) rate_before_loss_ = sent_at;
  if (queue_.Filled()) in_a_row_ = 0;
  possible_ = sent_at * (1 - std::min(loss.share, 1.0));
  GoBelow(std::clamp(kBelowLoss * possible_, kDeepestCut * rate_, 0.95 * rate_), now_ns);
  settled_at_ns_ = now_ns + (loss.on_path ? options_.settle_ns : options_.window_ns);
}

// `fed`: what the path carries, going by the queue. What was judged before the rate rose is
// possible all the same.
void RateController::CutForQueue(double fed, int64_t now_ns) {
  in_a_row_ = 0;
  const bool rising = mode_ == Mode::kSlowStart || mode_ == Mode::kProbe;
  possible_ = rising ? std::max(kBelowQueue * possible_, fed) : fed;
  GoBelow(kBelowQueue * possible_, now_ns);
  settled_at_ns_ = now_ns + options_.settle_ns;
}

// To `rate`, and as long as the queue needs to drain further below.
void RateController::GoBelow(double rate, int64_t now_ns) {
  // A look beyond that ended at its first steps: the limit is where it was. After a climb it lies
  // somewhere above `possible_`, and the next look, with small steps again, comes soon.
  const bool same_limit = mode_ == Mode::kProbe && step_ <= kNear;
  hold_ns_ = same_limit ? options_.hold_ns : 0;
  if (rate < kDeepest * best_) best_ *= kForget;
  hold_rate_ = std::max(rate, kDeepest * best_);
  ++decreases_;
  cut_at_ns_ = now_ns;
  queue_from_ns_ = now_ns + options_.settle_ns;
  repeats_from_ns_ = now_ns + options_.late_ns;
  const double queue = queue_.queue_s();
  if (queue < kDrainQueue) return Hold(now_ns);
  const double factor = std::clamp(1 - queue / kDrainTime, kDrainSlowest, kDrainFastest);
  mode_ = Mode::kDrain;
  drained_at_ns_ = now_ns + static_cast<int64_t>(queue / (1 - factor) * 1e9);
  SetRate(factor * hold_rate_);
}

void RateController::Hold(int64_t now_ns) {
  if (mode_ == Mode::kDrain) queue_.Reset();
  mode_ = Mode::kHold;
  step_ = 0;
  probe_at_ns_ = now_ns + hold_ns_;
  SetRate(hold_rate_);
}

void RateController::BeginTest(const PathView& view, int64_t now_ns) {
  mode_ = Mode::kTest;
  suspect_ = view;
  SetRate(std::max(kTestRate * rate_, kDeepest * best_));
  settled_at_ns_ = now_ns + (view.late ? options_.late_ns : options_.settle_ns);
  repeats_from_ns_ = now_ns + options_.late_ns;
  ++decreases_;
}

void RateController::EndTest(const PathView& view, int64_t now_ns) {
  const bool lossy = suspect_.loss > ambient_loss_ + kPathTolerance;
  const bool still_lossy =
      lossy && view.loss >= kSameLoss * suspect_.loss && view.loss <= kMostAmbient;
  const bool refusing = suspect_.prohibited > ambient_prohibited_ + kProhibitedTolerance;
  const bool still_refusing = refusing && view.prohibited >= suspect_.prohibited / 2;
  const bool still_silent = view.yield >= 0 && view.yield < kSilence * usual_yield_;
  in_a_row_ = 0;
  if (still_lossy) ambient_loss_ = std::max(ambient_loss_, suspect_.loss);
  if (still_refusing) ambient_prohibited_ = std::max(ambient_prohibited_, suspect_.prohibited);
  if (still_silent) usual_yield_ = view.yield;
  const bool ours = !still_lossy && !still_refusing && !still_silent;
  if (!ours) SetRate(rate_before_loss_);
  possible_ = rate_;
  mode_ = Mode::kProbe;
  step_ = 0;
  settled_at_ns_ = now_ns + (ours ? 0 : options_.settle_ns);
}

void RateController::Increase(const RateSample& d, double seconds, int64_t now_ns) {
  const double used = static_cast<double>(d.sent) / seconds;
  if (used < kUsed * rate_) return;
  in_a_row_ = 0;
  switch (mode_) {
    case Mode::kSlowStart:
      best_ = possible_ = rate_;
      return Raise(2, now_ns);
    case Mode::kHold:
      if (now_ns < probe_at_ns_) return;
      mode_ = Mode::kProbe;
      return Raise(kBarelyBeyond * std::max(possible_ / rate_, 1.0), now_ns);
    case Mode::kProbe:
      possible_ = rate_;
      best_ = std::max(best_, rate_);
      if (rate_ < kFar * best_ && now_ns - cut_at_ns_ > kFarAfter) return Raise(2, now_ns);
      return Raise(kSteps[std::min<size_t>(step_++, kSteps.size() - 1)], now_ns);
    case Mode::kDrain:
    case Mode::kTest:
      return;
  }
}

void RateController::Raise(double factor, int64_t now_ns) {
  SetRate(factor * rate_);
  settled_at_ns_ = now_ns + options_.settle_ns;
}

void RateController::LearnAmbient(const PathView& view) {
  if (view.loss >= 0 && view.loss < ambient_loss_) {
    // What was congestion after all ends at once.
    const bool over = ambient_loss_ > kMuchAmbient && view.loss < ambient_loss_ / 2;
    ambient_loss_ += (over ? kUnlearn : kLearn) * (view.loss - ambient_loss_);
  }
  if (view.prohibited >= 0) {
    const bool first = ambient_prohibited_ < 0;
    ambient_prohibited_ =
        first ? view.prohibited
              : ambient_prohibited_ + kLearn * (view.prohibited - ambient_prohibited_);
  }
  if (view.yield >= 0 && silent_s_ == 0) {
    usual_yield_ =
        usual_yield_ < 0 ? view.yield : usual_yield_ + kLearn * (view.yield - usual_yield_);
  }
}

void RateController::SetRate(double rate) {
  rate_ = std::clamp(rate, options_.lowest, options_.highest);
}

}  // namespace osprey
