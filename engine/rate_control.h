// SPDX-License-Identifier: Apache-2.0
#pragma once
// --rate auto: finds the highest rate at which nothing is lost, backs off when something is, and
// comes back when the way is free again.
//
// A pure function of what the scan counts anyway, and of time: no clock, no thread, no socket, so
// that tests drive it against a model link. Six signs of loss are read, each as the share that
// was lost in the window under decision:
//
//   refused      frames for which the kernel had no buffers: our own link is full
//   capture      replies that the kernel's ring dropped: this machine is too slow
//   sequence     SEQ probes that a host which answers them has not answered when the next but one
//                leaves, 200 ms later: the way there or back lost them. Never repeated, and known
//                at once
//   repeats      where no SEQ probes go (hosts without open ports): answers to second transmissions
//   for each answer to a first one. With a share p
//                lost, (1 - p) of the probes are answered at the first and p (1 - p) at the
//                second, so the quotient is p itself, however often a probe is repeated
//   silence      live hosts answer a far smaller part of what they are sent than before, for
//                several windows in a row (which probes go out varies, and answers lag behind a
//                rate that rises): nearly all is lost, and there are no repeats that count either
//   prohibited   ICMP "administratively prohibited": somebody limits us
//
// All but the first two exist on idle networks too (a lossy radio link, a firewall that always says
// no). That part does not go away when the rate falls, and so it is told apart: if loss goes on
// after a decrease, the rate is cut to a quarter for a moment (kTest), and what remains even then
// is the ambient level. Only what exceeds it counts.
//
// Model:
//   kSlowStart  doubles each window until something is lost
//   kHold       stays just below what was seen to be possible
//   kProbe      now and then goes beyond it, first by little, then by more while nothing is lost:
//               after a congestion that cut the rate to a tenth it is back within 5 seconds
//   kTest       see above
// On loss the rate becomes 0.95 of what got through: (1 - loss) times the rate at which the lost
// packets were sent. AIMD's fixed half would take many times longer to return, and there are no
// other flows to be fair to by the same rule: what counts is to stop losing at once. A rate that
// the scan does not use up is not raised.

#include <cstdint>

#include "base/clock.h"

namespace osprey {

// Totals since the start of the scan. None ever decreases.
struct RateSample {
  uint64_t sent = 0;             // packets handed to the kernel, refused ones included
  uint64_t refused = 0;          // of these, for want of buffers
  uint64_t replies = 0;          // taken from the capture ring
  uint64_t capture_drops = 0;    // not taken: the ring was full
  uint64_t live_probes = 0;      // sent for the first time, to hosts that have said something
  uint64_t live_answers = 0;     // to these
  uint64_t sequence_due = 0;     // SEQ probes whose answer should be there
  uint64_t sequence_kept = 0;    // of these, those whose answer is
  uint64_t answered_first = 0;   // of probes that would be repeated: at the first transmission
  uint64_t answered_second = 0;  // at the second
  uint64_t prohibited = 0;       // ICMP errors that say so
};

struct RateControlOptions {
  double start = 1000;                 // packets per second
  double lowest = 100;                 // the OS phase cannot do with less
  double highest = 10e6;               // never more (--max-rate)
  int64_t window_ns = 200 * kNsPerMs;  // between decisions
  int64_t settle_ns = 300 * kNsPerMs;  // after a decrease, while old losses are still seen
  int64_t late_ns = 1500 * kNsPerMs;   // the same for what only repeats show
  int64_t hold_ns = 1600 * kNsPerMs;   // at a limit that was found, before the next look beyond
};

class RateController {
 public:
  enum class Mode : uint8_t { kSlowStart, kHold, kProbe, kTest };

  // REQUIRES: 0 < lowest <= highest; all times positive.
  RateController(const RateControlOptions& options, int64_t now_ns);

  // Takes notice of the totals at `now_ns` (monotonic) and returns the rate to be used from now
  // on, in packets per second. Call it at least once a window; decisions fall once a window.
  double Update(const RateSample& total, int64_t now_ns);

  double rate() const { return rate_; }
  Mode mode() const { return mode_; }
  uint32_t decreases() const { return decreases_; }
  // Share of probes that are lost whatever the rate.
  double ambient_loss() const { return ambient_loss_; }

 private:
  struct Loss {
    double share = 0;      // 0: none
    bool on_path = false;  // may be ambient
  };
  // What one window showed of the path.
  struct PathView {
    double loss = -1;        // by SEQ probes, else by repeats; -1: too little was answered
    bool late = true;        // not by SEQ probes
    double yield = -1;       // answers for each probe to a live host; likewise
    double prohibited = -1;  // share of the packets
    double answers = 0;      // that `loss` rests on
  };
  static PathView ViewOf(const RateSample& d);
  double PathLoss(const PathView& view) const;
  bool RepeatsAreOfNow(const PathView& view) const;
  int64_t LongestWindow() const;
  bool SaysEnough(const RateSample& d) const;
  void Decide(const RateSample& d, double seconds, int64_t now_ns);
  void Decrease(const Loss& loss, int64_t now_ns);
  void BeginTest(const PathView& view, int64_t now_ns);
  void EndTest(const PathView& view, int64_t now_ns);
  void Increase(const RateSample& d, double seconds, int64_t now_ns);
  void LearnAmbient(const PathView& view);
  void Hold(int64_t now_ns);
  void SetRate(double rate);

  RateControlOptions options_;
  RateSample window_start_;
  int64_t window_start_ns_;
  double rate_;
  double previous_rate_;  // of the window before
  Mode mode_ = Mode::kSlowStart;
  double possible_ = 0;  // limit, as far as it is known
  uint32_t step_ = 0;    // of kProbe
  int64_t settled_at_ns_ = 0;
  int64_t repeats_from_ns_ = 0;  // from when on repeats speak of the present rate
  int64_t probe_at_ns_ = 0;
  int64_t hold_ns_;
  double rate_before_test_ = 0;
  PathView suspect_;       // what led to the test
  uint32_t in_a_row_ = 0;  // decreases for loss on the path without an increase between
  double ambient_loss_ = 0;
  double ambient_prohibited_ = 0;
  double usual_yield_ = -1;        // -1: not known yet
  uint32_t silent_windows_ = 0;    // in a row
  uint32_t decreases_ = 0;
};

}  // namespace osprey
