// SPDX-License-Identifier: Apache-2.0
#pragma once
// --rate auto: finds the highest rate at which nothing is lost, backs off when something is, and
// comes back when the way is free again.
//
// A pure function of what the scan counts anyway, and of time: no clock, no thread, no socket, so
// that tests drive it against model links and whole simulated scans.
//
// Signs that the rate is too high, in the order in which they come:
//
//   queue        the round trips of SEQ probes grow (QueueGauge): more is sent than the path
//                carries, and nothing is lost yet. The growth says by how much: a queue that
//                grows by g seconds a second is fed 1 + g times what it lets through
//   refused      frames for which the kernel had no buffers: our own link is full
//   capture      replies that the kernel's ring dropped: this machine is too slow
//   sequence     SEQ probes that a host which answers them has not answered when the next but one
//                leaves, 200 ms later: the way there or back lost them. Never repeated
//   repeats      where no SEQ probes go (hosts without open ports): answers to second transmissions
//   for each answer to a first one. With a share p
//                lost, (1 - p) of the probes are answered at the first and p (1 - p) at the
//                second, so the quotient is p itself, however often a probe is repeated
//   silence      live hosts answer a far smaller part of what they are sent than before, for
//                some time (which probes go out varies, and answers lag behind a rate that
//                rises): nearly all is lost, and there are no repeats that count either
//   prohibited   ICMP "administratively prohibited": somebody limits us
//
// What is seen now was sent earlier, 200 ms for SEQ probes. So a change of the rate is judged only
// by what was sent after it: losses count from `settle_ns` after the change on.
//
// Loss exists on idle networks too (a lossy radio link, a firewall that always says no). It does
// not go away when the rate falls, and so it is told apart: if loss goes on after decreases,
// without any queue, the rate is cut to a quarter for a moment (kTest), and what remains even then
// is the ambient level. Only what exceeds it counts.
//
// Model:
//   kSlowStart  doubles until the first sign
//   kDrain      below what the path carries, until its queue must be empty
//   kHold       stays just below what was seen to be possible
//   kProbe      now and then goes beyond it, first by little, then by more while there is no sign:
//               after a congestion that cut the rate to a tenth it is back within 5 seconds
//   kTest       see above
// On loss the rate becomes 0.95 of what got through: (1 - loss) times the rate at which the lost
// packets were sent. AIMD's fixed half would take many times longer to return, and there are no
// other flows to be fair to by the same rule: what counts is to stop losing at once. A rate that
// the scan does not use up is not raised.

#include <cstdint>

#include "base/clock.h"
#include "engine/path_view.h"

namespace osprey {

struct RateControlOptions {
  double start = 1000;                 // packets per second
  double lowest = 100;                 // the OS phase cannot do with less
  double highest = 10e6;               // never more (--max-rate)
  int64_t window_ns = 100 * kNsPerMs;  // between decisions
  int64_t settle_ns = 250 * kNsPerMs;  // after a change, while losses of before are still seen
  int64_t late_ns = 1500 * kNsPerMs;   // the same for what only repeats show
  int64_t hold_ns = 1600 * kNsPerMs;   // at a limit that was found, before the next look beyond
};

class RateController {
 public:
  enum class Mode : uint8_t { kSlowStart, kDrain, kHold, kProbe, kTest };

  // REQUIRES: 0 < lowest <= highest; all times positive.
  RateController(const RateControlOptions& options, int64_t now_ns);

  // Takes notice of the totals at `now_ns` (monotonic) and returns the rate to be used from now
  // on, in packets per second. Decisions fall once a window: see Due.
  double Update(const RateSample& total, int64_t now_ns);
  // Whether Update may decide something. Ask often: a rate that is too high costs every moment.
  bool Due(int64_t now_ns) const { return now_ns - window_start_ns_ >= options_.window_ns; }

  double rate() const { return rate_; }
  Mode mode() const { return mode_; }
  uint32_t decreases() const { return decreases_; }
  // Share of probes that are lost whatever the rate.
  double ambient_loss() const { return ambient_loss_; }

 private:
  struct Loss {
    double share = 0;      // 0: none
    bool on_path = false;  // may be ambient
    bool late = false;     // of what was sent before the latest change
  };
  double PathLoss(const PathView& view) const;
  bool RepeatsAreOfNow(const PathView& view) const;
  int64_t LongestWindow() const;
  bool SequenceIsUsual(int64_t at_ns) const;
  bool IsWell(const RateSample& d) const;
  bool SaysEnough(const RateSample& d) const;
  void Decide(const RateSample& d, double seconds, int64_t now_ns);
  void NoteLasting(const PathView& view, double seconds);
  void CutForLoss(const Loss& loss, int64_t now_ns);
  void CutForQueue(double fed, int64_t now_ns);
  void GoBelow(double rate, int64_t now_ns);
  void Hold(int64_t now_ns);
  void BeginTest(const PathView& view, int64_t now_ns);
  void EndTest(const PathView& view, int64_t now_ns);
  void Increase(const RateSample& d, double seconds, int64_t now_ns);
  void Raise(double factor, int64_t now_ns);
  void LearnAmbient(const PathView& view);
  void SetRate(double rate);

  RateControlOptions options_;
  RateSample window_start_;
  int64_t window_start_ns_;
  double rate_;
  double previous_rate_;  // of the window before
  Mode mode_ = Mode::kSlowStart;
  QueueGauge queue_;
  double possible_ = 0;          // limit, as far as it is known
  double best_ = 0;              // highest rate that had no sign
  uint32_t step_ = 0;            // of kProbe
  int64_t settled_at_ns_ = 0;    // from when on losses speak of the present rate
  int64_t queue_from_ns_ = 0;    // the same for the queue
  int64_t repeats_from_ns_ = 0;  // the same for repeats
  int64_t sequence_seen_ns_;     // when SEQ probes last told something
  int64_t cut_at_ns_ = 0;        // when the rate last fell
  double hold_rate_ = 0;         // after kDrain
  int64_t drained_at_ns_ = 0;
  int64_t probe_at_ns_ = 0;
  int64_t hold_ns_;
  double rate_before_loss_ = 0;  // before the first of the decreases in a row
  PathView suspect_;             // what led to the test
  uint32_t in_a_row_ = 0;        // decreases for loss on the path without an increase between
  double ambient_loss_ = 0;
  double ambient_prohibited_ = -1;   // -1: not known yet
  double usual_yield_ = -1;          // likewise
  uint32_t prohibited_windows_ = 0;  // in a row
  double silent_s_ = 0;              // without a break
  uint32_t decreases_ = 0;
};

}  // namespace osprey
