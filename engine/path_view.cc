// SPDX-License-Identifier: Apache-2.0
#include "engine/path_view.h"

#include <algorithm>
#include <cmath>

namespace osprey {
namespace {

constexpr uint64_t kFewestLost = 3;
constexpr uint64_t kFewestProhibited = 10;

constexpr uint64_t kFewestPairs = 10;
constexpr double kPairSpacing = 0.1;       // seconds between two SEQ probes
constexpr double kDrift = 0.003;           // seconds a second
constexpr double kQueue = 0.015;           // seconds that are a queue
constexpr double kSure = 3;                // standard deviations
constexpr double kMeanToDeviation = 1.25;  // of a normal distribution, from the mean of |x|

// By SEQ probes; false: too few.
bool SequenceLoss(const RateSample& d, PathView& view) {
  if (d.sequence_due < kFewestAnswers) return false;
  // The two are read one after the other while they grow.
  const uint64_t lost = d.sequence_due - std::min(d.sequence_kept, d.sequence_due);
  view.loss = lost >= kFewestLost ? Ratio(lost, d.sequence_due) : 0;
  view.answers = static_cast<double>(d.sequence_due);
  view.late = false;
  return true;
}

void RepeatLoss(const RateSample& d, PathView& view) {
  if (d.answered_first + d.answered_second < kFewestAnswers) return;
  const uint64_t seconds = d.answered_second >= kFewestLost ? d.answered_second : 0;
  view.loss = std::min(1.0, Ratio(seconds, std::max<uint64_t>(d.answered_first, 1)));
  view.answers = static_cast<double>(d.answered_first + d.answered_second);
}

}  // namespace

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
          .prohibited = a.prohibited - b.prohibited,
          .delay_pairs = a.delay_pairs - b.delay_pairs,
          .delay_grown_us = a.delay_grown_us - b.delay_grown_us,
          .delay_shrunk_us = a.delay_shrunk_us - b.delay_shrunk_us};
}

PathView ViewOf(const RateSample& d) {
  PathView view;
  if (!SequenceLoss(d, view)) RepeatLoss(d, view);
  if (d.live_probes >= kFewestAnswers) view.yield = Ratio(d.live_answers, d.live_probes);
  if (d.sent > 0) {
    view.packets = static_cast<double>(d.sent);
    view.prohibited = d.prohibited >= kFewestProhibited ? Ratio(d.prohibited, d.sent) : 0;
  }
  return view;
}

void QueueGauge::Add(const RateSample& d, double seconds) {
  growth_ = 0;
  if (d.delay_pairs >= kFewestPairs) {
    const auto pairs = static_cast<double>(d.delay_pairs);
    const auto grown = static_cast<double>(d.delay_grown_us) / 1e6 / pairs;
    const auto shrunk = static_cast<double>(d.delay_shrunk_us) / 1e6 / pairs;
    const double error = kMeanToDeviation * (grown + shrunk) / std::sqrt(pairs) / kPairSpacing;
    growth_ = (grown - shrunk) / kPairSpacing;
    variance_ += error * error * seconds * seconds;
  }
  queue_s_ = std::max(0.0, queue_s_ + (growth_ - kDrift) * seconds);
  if (queue_s_ == 0) variance_ = 0;
  const bool filled = queue_s_ > kQueue + kSure * std::sqrt(variance_);
  times_filled_ = filled ? times_filled_ + 1 : 0;
}

}  // namespace osprey
