// SPDX-License-Identifier: Apache-2.0
#pragma once
// Initial sequence numbers whose GCD, rate and deviation are those of a reference.
//
// A scanner sends six SYNs some 100 ms apart and computes, from the five differences of the
// initial sequence numbers and the times between its probes, GCD, ISR (8 log2 of the mean rate)
// and SP (8 log2 of the deviation of the rates, divided by the GCD if that is above 9);
// docs/os-detection.md, 3.3. A plan is the reverse: found by a search over rates, deviations and
// patterns inside the reference's ranges, each tried with this folder's own reading of the
// specification under dozens of spacings, and taken if it holds under nearly all of them.
//
// Two kinds of plan. Steps: the numbers depend on which of the six probes is answered, not on
// when, as in stacks that add a constant or a random amount for each connection. Clock: they follow
// the time of arrival, as in stacks that count microseconds; needed where SP asks for less
// deviation than the jitter of the scanner's spacing would make of fixed steps.
//
// Immutable after planning; the numbers of a host are a function of host, probe and time, so hosts
// need no memory for them.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace osprey::lab {

// What a scanner would print; `d` are consecutive differences, `interval_s` the send intervals.
struct SequenceNumbers {
  uint32_t gcd = 0;
  uint32_t isr = 0;
  uint32_t sp = 0;
};
SequenceNumbers MeasureSequence(std::span<const double> d, std::span<const double> interval_s);

// What a reference asks for. Empty expressions stand for attributes that it does not have.
struct SequenceWanted {
  std::string_view gcd, isr, sp;
  uint8_t answered = 0x3F;  // bit i: probe i gets a SYN-ACK; fewer than four count as six
};

class SequencePlan {
 public:
  enum class Kind : uint8_t { kSteps, kClock };

  // Always gives a plan; satisfied() says whether it meets the expressions.
  static SequencePlan Find(const SequenceWanted& wanted);

  // The number for probe `index` (0..5) that arrives `since_ns` after the world began, for a host
  // and connection set with base number `base`. Never 0 unless the plan is constant zero. Exact to
  // a grain for 10^15 of them.
  uint32_t Number(uint32_t base, unsigned index, int64_t since_ns) const noexcept;

  Kind kind() const { return kind_; }
  // Every probe gets the same number.
  bool constant() const { return kind_ == Kind::kSteps && offsets_[5] == 0; }
  bool satisfied() const { return satisfied_; }

 private:
  friend class SequenceSearch;

  Kind kind_ = Kind::kSteps;
  bool satisfied_ = false;
  uint32_t grain_ = 1;                 // every difference is a multiple of it
  std::array<uint32_t, 6> offsets_{};  // since SEQ1, in grains; for clocks, around the line
  double grains_per_ns_ = 0;           // clocks only
};

// The plans found so far, by what was wanted: almost half of a database's references share theirs.
class SequencePlans {
 public:
  SequencePlan Find(const SequenceWanted& wanted);

 private:
  absl::flat_hash_map<std::string, SequencePlan> found_;
};

}  // namespace osprey::lab
