// SPDX-License-Identifier: Apache-2.0
#include "engine/rate_control.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace osprey {
namespace {

constexpr double kBelow = 0.95;         // kHold's distance from what got through
constexpr double kBarelyBeyond = 1.02;  // first step of kProbe
constexpr std::array<double, 7> kSteps = {1.02, 1.02, 1.05, 1.1, 1.15, 1.2, 1.25};
constexpr uint32_t kNear = 5;   // steps beyond the limit that are still close to it
constexpr double kSlow = 1000;  // below it little is answered, and windows are long
constexpr double kDeepestCut = 0.05;
constexpr double kUsed = 0.75;  // of the rate, for it to be raised
constexpr double kRefusedTolerance = 1e-3;
constexpr double kDropTolerance = 1e-3;
constexpr double kPathTolerance = 0.01;
constexpr double kProhibitedTolerance = 0.005;
constexpr uint64_t kFewestAnswers = 20;  // that say something of the path
constexpr uint64_t kFewestLost = 3;
constexpr uint64_t kFewestProhibited = 10;
constexpr double kSilence = 0.3;  // of the usual yield
constexpr uint32_t kSilentWindows = 3;
constexpr double kMostAmbient = 0.5;  // more is congestion, whatever it looks like
constexpr double kTestRate = 0.25;
constexpr double kLearn = 0.1;  // weight of a new window
constexpr double kUnlearn = 0.5;
constexpr double kMuchAmbient = 0.1;
constexpr double kConclusive = 10;  // events that a test waits for
constexpr int64_t kLongestTest = 3 * kNsPerSecond;

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

RateSample Difference(const RateSample& a, const RateSample& b) {
  return {.sent = a.sent - b.sent,
          .refused = a.refused - b.refused,
          .replies = a.replies - b.replies,
          .capture_drops = a.capture_drops - b.capture_drops,
          .live_probes = a.live_probes - b.live_probes,
          .live_answers = a.live_answers - b.live_answers,
          .sequence_due = a.sequence_due - b.sequence_due,
          .sequence_kept = a.sequence_kept - b.sequence_kept,
          .answered_first = a.answered_first - b.answered_first,
          .answered_second = a.answered_second - b.answered_second,
          .prohibited = a.prohibited - b.prohibited};
}

}  // namespace

RateController::RateController(const RateControlOptions& options, int64_t now_ns)
    : options_(options),
      window_start_ns_(now_ns),
      rate_(std::clamp(options.start, options.lowest, options.highest)),
      previous_rate_(rate_),
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
  return mode_ == Mode::kTest ? kLongestTest : 3 * options_.window_ns;
}

// Whether a decision can rest on this window, or should wait for a longer one. A test has to see
// half of the suspect loss, were it still there.
bool RateController::SaysEnough(const RateSample& d) const {
  if (d.refused > 0 || window_start_ns_ < settled_at_ns_) return true;
  const auto answers =
      static_cast<double>(std::max(d.sequence_due, d.answered_first + d.answered_second));
  // Without SEQ probes each step beyond the limit has to wait for the repeats that judge it.
  if (mode_ == Mode::kProbe) return d.sequence_due >= kFewestAnswers;
  if (mode_ != Mode::kTest) return answers >= static_cast<double>(kFewestAnswers);
  return answers * std::max(suspect_.loss, kPathTolerance) >= kConclusive &&
         static_cast<double>(d.sent) * std::max(suspect_.prohibited, kProhibitedTolerance) >=
             kConclusive;
}

// Refusals are seen at once and count always; what arrives late counts only in windows that began
// when the last decrease had settled.
void RateController::Decide(const RateSample& d, double seconds, int64_t now_ns) {
  if (const double refused = Ratio(d.refused, d.sent); refused > kRefusedTolerance) {
    return Decrease({refused, false}, now_ns);
  }
  if (window_start_ns_ < settled_at_ns_) return;
  const double dropped = Ratio(d.capture_drops, d.capture_drops + d.replies);
  if (dropped > kDropTolerance) return Decrease({dropped, true}, now_ns);
  const PathView view = ViewOf(d);
  const bool silent = view.yield >= 0 && view.yield < kSilence * usual_yield_;
  silent_windows_ = silent ? silent_windows_ + 1 : 0;
  const double loss = PathLoss(view);
  if (mode_ == Mode::kTest) return EndTest(view, now_ns);
  if (loss > 0) {
    // A second decrease without an increase between them may be bad luck, a third is not.
    return in_a_row_ >= 2 ? BeginTest(view, now_ns) : Decrease({loss, true}, now_ns);
  }
  if (view.late && window_start_ns_ < repeats_from_ns_) return;  // nothing is known yet
  LearnAmbient(view);
  Increase(d, seconds, now_ns);
}

RateController::PathView RateController::ViewOf(const RateSample& d) {
  PathView view;
  if (d.sequence_due >= kFewestAnswers) {
    // The two are read one after the other while they grow.
    const uint64_t lost = d.sequence_due - std::min(d.sequence_kept, d.sequence_due);
    view.loss = lost >= kFewestLost ? Ratio(lost, d.sequence_due) : 0;
    view.answers = static_cast<double>(d.sequence_due);
    view.late = false;
  } else if (d.answered_first + d.answered_second >= kFewestAnswers) {
    const uint64_t seconds = d.answered_second >= kFewestLost ? d.answered_second : 0;
    view.loss = std::min(1.0, Ratio(seconds, std::max<uint64_t>(d.answered_first, 1)));
    view.answers = static_cast<double>(d.answered_first + d.answered_second);
  }
  if (d.live_probes >= kFewestAnswers) view.yield = Ratio(d.live_answers, d.live_probes);
  if (d.sent > 0) {
    view.prohibited = d.prohibited >= kFewestProhibited ? Ratio(d.prohibited, d.sent) : 0;
  }
  return view;
}

// The share lost on the way beyond what is ambient; 0: none that is sure.
double RateController::PathLoss(const PathView& view) const {
  double loss = 0;
  if (view.loss >= 0 && !(view.late && !RepeatsAreOfNow(view))) {
    const double expected = ambient_loss_ + kPathTolerance;
    const double noise = 2 * std::sqrt(expected / view.answers);  // two standard deviations
    if (view.loss > expected + noise) loss = view.loss - ambient_loss_;
  }
  if (silent_windows_ >= kSilentWindows) {
    loss = std::max(loss, 1 - view.yield / usual_yield_);
  }
  if (view.prohibited > 2 * ambient_prohibited_ + kProhibitedTolerance) {
    loss = std::max(loss, view.prohibited - ambient_prohibited_);
  }
  return loss;
}

// Repeats may belong to probes that were lost long ago: those of a host wait in its queue, and at
// a low rate long. What is lost now shows in the first transmissions too.
bool RateController::RepeatsAreOfNow(const PathView& view) const {
  if (window_start_ns_ < repeats_from_ns_) return false;
  const bool unknown = view.yield < 0 || usual_yield_ < 0;
  return unknown || view.yield <= usual_yield_ * (1 - view.loss / 2);
}

void RateController::Decrease(const Loss& loss, int64_t now_ns) {
  // Losses on the way are seen a window late or more: probes time out before they are repeated.
  const double sent_at = loss.on_path ? std::min(previous_rate_, rate_) : rate_;
  possible_ = sent_at * (1 - std::min(loss.share, 1.0));
  // A look beyond that ended at its first steps: the limit is where it was. After a climb it lies
  // somewhere above `possible_`, and the next look, with small steps again, comes soon.
  const bool same_limit = mode_ == Mode::kProbe && step_ <= kNear;
  hold_ns_ = same_limit ? options_.hold_ns : 0;
  SetRate(std::clamp(kBelow * possible_, kDeepestCut * rate_, 0.95 * rate_));
  Hold(now_ns);
  settled_at_ns_ = now_ns + (loss.on_path ? options_.settle_ns : options_.window_ns / 2);
  repeats_from_ns_ = now_ns + options_.late_ns;
  if (loss.on_path) ++in_a_row_;
  ++decreases_;
}

void RateController::Hold(int64_t now_ns) {
  mode_ = Mode::kHold;
  step_ = 0;
  probe_at_ns_ = now_ns + hold_ns_;
}

void RateController::BeginTest(const PathView& view, int64_t now_ns) {
  mode_ = Mode::kTest;
  rate_before_test_ = rate_;
  suspect_ = view;
  SetRate(kTestRate * rate_);
  settled_at_ns_ = now_ns + (view.late ? options_.late_ns : options_.settle_ns);
  repeats_from_ns_ = now_ns + options_.late_ns;
  ++decreases_;
}

void RateController::EndTest(const PathView& view, int64_t now_ns) {
  const bool lossy = suspect_.loss > ambient_loss_ + kPathTolerance;
  const bool still_lossy = lossy && view.loss >= suspect_.loss / 2 && view.loss <= kMostAmbient;
  const bool refusing = suspect_.prohibited > ambient_prohibited_ + kProhibitedTolerance;
  const bool still_refusing = refusing && view.prohibited >= suspect_.prohibited / 2;
  const bool still_silent = view.yield >= 0 && view.yield < kSilence * usual_yield_;
  in_a_row_ = 0;
  if (still_lossy) ambient_loss_ = std::max(ambient_loss_, suspect_.loss);
  if (still_refusing) ambient_prohibited_ = std::max(ambient_prohibited_, suspect_.prohibited);
  if (still_silent) usual_yield_ = view.yield;
  const bool ours = !still_lossy && !still_refusing && !still_silent;
  if (!ours) SetRate(rate_before_test_);
  possible_ = rate_;
  mode_ = Mode::kProbe;
  step_ = 0;
  settled_at_ns_ = now_ns + (ours ? 0 : options_.settle_ns);
}

void RateController::Increase(const RateSample& d, double seconds, int64_t now_ns) {
  const bool used = static_cast<double>(d.sent) >= kUsed * rate_ * seconds;
  if (!used) return;
  if (mode_ == Mode::kProbe) in_a_row_ = 0;
  switch (mode_) {
    case Mode::kSlowStart:
      return SetRate(2 * rate_);
    case Mode::kHold:
      if (now_ns < probe_at_ns_) return;
      mode_ = Mode::kProbe;
      return SetRate(kBarelyBeyond * std::max(possible_, rate_));
    case Mode::kProbe:
      possible_ = rate_;
      if (rate_ < kSlow && step_ >= kNear) return SetRate(2 * rate_);
      return SetRate(kSteps[std::min<size_t>(step_++, kSteps.size() - 1)] * rate_);
    case Mode::kTest:
      return;
  }
}

void RateController::LearnAmbient(const PathView& view) {
  if (view.loss >= 0 && view.loss < ambient_loss_) {
    // What was congestion after all ends at once.
    const bool over = ambient_loss_ > kMuchAmbient && view.loss < ambient_loss_ / 2;
    ambient_loss_ += (over ? kUnlearn : kLearn) * (view.loss - ambient_loss_);
  }
  if (view.prohibited >= 0) {
    ambient_prohibited_ += kLearn * (view.prohibited - ambient_prohibited_);
  }
  if (view.yield >= 0 && silent_windows_ == 0) {
    usual_yield_ =
        usual_yield_ < 0 ? view.yield : usual_yield_ + kLearn * (view.yield - usual_yield_);
  }
}

void RateController::SetRate(double rate) {
  rate_ = std::clamp(rate, options_.lowest, options_.highest);
}

}  // namespace osprey
