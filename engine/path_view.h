// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the scan's own counts, taken over some time, say of the path: the share that was lost, by
// which sign, and whether a queue grows. Pure functions of two samples; used by RateController.

#include <cstdint>

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
  // SEQ probes answered like the one before, 100 ms earlier, and by how much, in all, their round
  // trips were longer and shorter than those.
  uint64_t delay_pairs = 0;
  uint64_t delay_grown_us = 0;
  uint64_t delay_shrunk_us = 0;
};

// What came between `b` and a later `a`.
RateSample Difference(const RateSample& a, const RateSample& b);

// 0 where the whole is 0.
double Ratio(uint64_t part, uint64_t whole);

// What one stretch of time showed. Each value is negative where too little was answered to tell.
struct PathView {
  double loss = -1;        // share, by SEQ probes, else by repeats
  bool late = true;        // not by SEQ probes: speaks of an earlier time
  double answers = 0;      // that `loss` rests on
  double yield = -1;       // answers for each probe to a live host
  double prohibited = -1;  // share of the packets
  double packets = 0;      // that `prohibited` rests on
};

PathView ViewOf(const RateSample& d);

inline constexpr uint64_t kFewestAnswers = 20;  // that say something of the path

// How long the path's queue has become, from the growth of round trips: what RFC 9406 (HyStart++)
// and RFC 6817 (LEDBAT) look at, but without a base. Each host's SEQ probes leave 100 ms apart, so
// the difference between two round trips of one host, over all hosts, is the speed at which the
// queue grows, however far away each of them is. Summed up over time, never below zero, it is the
// queue's length in seconds since it last was empty; a drift is taken off, so that errors of
// measurement do not add up to a queue (CUSUM: E. S. Page, 1954).
class QueueGauge {
 public:
  // Takes notice of `seconds` of time.
  void Add(const RateSample& d, double seconds);
  // It was emptied: what is measured from now on counts.
  void Reset() { *this = QueueGauge(); }

  // Seconds that a packet waits. 0: as ever.
  double queue_s() const { return queue_s_; }
  // Seconds that this grew by in each of the latest.
  double growth() const { return growth_; }
  // A queue is there beyond doubt, was there at the Add before the last, and still grows.
  bool Fills() const { return times_filled_ >= 2 && growth_ > 0; }
  bool Filled() const { return times_filled_ > 0; }
  // It is long and does not drain.
  bool Stands() const { return times_filled_ >= 5 && queue_s_ > 0.03; }

 private:
  double queue_s_ = 0;
  double variance_ = 0;  // of queue_s_
  double growth_ = 0;
  uint32_t times_filled_ = 0;
};

}  // namespace osprey
