// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the good SEQ replies of a round say together: initial sequence numbers (GCD, ISR, SP),
// timestamps (TS, uptime) and the facts shown to people about both (docs/os-detection.md, 3.3,
// 3.5, 7.4, 8.2). Pure functions; no allocation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "matcher/host_facts.h"
#include "matcher/ip_id.h"
#include "matcher/observation.h"

namespace osprey::matcher {

// A SEQ reply with an ISN, in slot order with the missing ones squeezed out.
struct SeqSample {
  uint32_t isn = 0;
  uint32_t tsval = 0;
  uint32_t sent_us = 0;  // of the probe, since the first SEQ probe
  uint16_t ip_id = 0;
};

struct IsnAnalysis {
  uint32_t gcd = 0;
  uint32_t isr = 0;  // 8 times log2 of the mean rate
  uint32_t sp = 0;   // 8 times log2 of its deviation: the difficulty index
};

// nullopt for fewer than four samples.
std::optional<IsnAnalysis> AnalyzeIsns(std::span<const SeqSample> samples);

enum class TimestampClass : uint8_t {
  kUnknown,
  kZero,
  k2Hz,
  k100Hz,
  k1000Hz,
  kOther,
  kUnsupported
};

struct TimestampAnalysis {
  TimestampClass timestamp_class = TimestampClass::kUnknown;
  // Mean rate, and the uptime that the first sample claims for it: only if the replies left the
  // class open and there are two samples. A clock that stands still has rate 0 and uptime 0.
  std::optional<double> hz;
  uint64_t uptime_s = 0;
};

TimestampAnalysis AnalyzeTimestamps(std::span<const SeqSample> samples, TimestampSupport support);

// The number that TS prints. REQUIRES: hz > 0.
uint32_t TimestampValue(double hz);

// Everything about sequences that is shown beside the fingerprint.
struct SequenceFacts {
  size_t sample_count = 0;  // m of 3.3
  std::array<SeqSample, Observation::kSeqCount> samples{};
  std::optional<IsnAnalysis> isn;
  IpIdClass ti_class = IpIdClass::kUnknown;
  TimestampClass timestamp_class = TimestampClass::kUnknown;
  std::optional<int64_t> boot_time_s;        // seconds since 1970
  std::optional<uint64_t> ignored_uptime_s;  // claimed, but longer than two years
  Distance distance;

  std::span<const SeqSample> used() const { return {samples.data(), sample_count}; }
  // Shown only with more than three samples. 0 if there is no SP.
  uint32_t difficulty() const { return isn ? isn->sp : 0; }
};

// The samples of a round, in slot order; gives their count.
size_t CollectSamples(const Observation& round,
                      std::array<SeqSample, Observation::kSeqCount>& samples);

// Boot time by the first sample: the whole second in which its probe left, minus the uptime.
// Sets boot_time_s, or ignored_uptime_s besides if the claim is longer than two years. REQUIRES:
// facts.sample_count > 0 and timestamps.hz.
void SetBootTime(const TimestampAnalysis& timestamps, int64_t first_seq_realtime_us,
                 SequenceFacts& facts);

std::string_view DescribeDifficulty(uint32_t index);
std::string_view Describe(TimestampClass timestamp_class);

}  // namespace osprey::matcher
