// SPDX-License-Identifier: Apache-2.0
// Built with -ffp-contract=off: fused operations would move values across rounding edges.
#include "matcher/sequence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace osprey::matcher {
namespace {

constexpr size_t kMinIsnSamples = 4;
constexpr uint64_t kMaxUptimeSeconds = 63'072'000;  // two years
constexpr uint32_t kMaxSmallGcd = 9;                // larger ones are divided out of the rates

using Steps = std::array<uint32_t, Observation::kSeqCount>;

// Distance on the circle of 2^32: at most 2^31, and the same in both directions.
uint32_t FoldedDistance(uint32_t a, uint32_t b) { return std::min(a - b, b - a); }

// Microseconds between the two probes; never 0.
uint32_t ElapsedUs(const SeqSample& from, const SeqSample& to) {
  return std::max<uint32_t>(to.sent_us - from.sent_us, 1);
}

double Log2(double value) { return std::log(value) / std::log(2.0); }

// Rounded. Rates below one ISN a second, which only very slow probing can show, give 0.
uint32_t EightLog2(double value) {
  return value <= 1 ? 0 : static_cast<uint32_t>(std::floor(8.0 * Log2(value) + 0.5));
}

TimestampClass ClassOfRate(double hz) {
  if (hz <= 0) return TimestampClass::kUnknown;
  if (hz < 5.66) return TimestampClass::k2Hz;
  if (hz > 70 && hz < 150) return TimestampClass::k100Hz;
  if (hz > 724 && hz < 1448) return TimestampClass::k1000Hz;
  return TimestampClass::kOther;
}

uint64_t UptimeSeconds(uint32_t tsval, TimestampClass timestamp_class, double hz) {
  switch (timestamp_class) {
    case TimestampClass::k2Hz:
      return tsval / 2;
    case TimestampClass::k100Hz:
      return tsval / 100;
    case TimestampClass::k1000Hz:
      return tsval / 1000;
    case TimestampClass::kOther:
      return tsval / static_cast<uint64_t>(std::floor(0.5 + hz));  // hz >= 5.66
    default:
      return 0;
  }
}

}  // namespace

std::optional<IsnAnalysis> AnalyzeIsns(std::span<const SeqSample> samples) {
  if (samples.size() < kMinIsnSamples || samples.size() > Observation::kSeqCount) {
    return std::nullopt;
  }
  // Rates in ISNs per second are kept in single precision, sums in double: a published value
  // depends on it where it sits within 1e-6 of a rounding edge.
  const size_t count = samples.size() - 1;
  std::array<float, Observation::kSeqCount> rates{};
  uint32_t gcd = 0;
  double mean = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t step = FoldedDistance(samples[i + 1].isn, samples[i].isn);
    gcd = std::gcd(gcd, step);
    rates[i] = static_cast<float>(step * 1'000'000.0 / ElapsedUs(samples[i], samples[i + 1]));
    mean += static_cast<double>(rates[i]);
  }
  if (gcd == 0) return IsnAnalysis{};
  mean /= static_cast<double>(count);

  const uint32_t divisor = gcd > kMaxSmallGcd ? gcd : 1;
  double squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const float rate = rates[i] / static_cast<float>(divisor);
    const double deviation = static_cast<double>(rate) - mean / divisor;
    squares += deviation * deviation;
  }
  const double deviation = std::sqrt(squares / static_cast<double>(count - 1));
  return IsnAnalysis{.gcd = gcd, .isr = EightLog2(mean), .sp = EightLog2(deviation)};
}

TimestampAnalysis AnalyzeTimestamps(std::span<const SeqSample> samples, TimestampSupport support) {
  if (support == TimestampSupport::kZero) return {TimestampClass::kZero, std::nullopt, 0};
  if (support == TimestampSupport::kUnsupported) {
    return {TimestampClass::kUnsupported, std::nullopt, 0};
  }
  if (samples.size() < 2) return {};
  double hz = 0;
  const auto intervals = static_cast<double>(samples.size() - 1);
  for (size_t i = 1; i < samples.size(); ++i) {
    const double seconds = ElapsedUs(samples[i - 1], samples[i]) / 1'000'000.0;
    hz += FoldedDistance(samples[i].tsval, samples[i - 1].tsval) / seconds / intervals;
  }
  const TimestampClass timestamp_class = ClassOfRate(hz);
  return {.timestamp_class = timestamp_class,
          .hz = hz,
          .uptime_s = UptimeSeconds(samples[0].tsval, timestamp_class, hz)};
}

uint32_t TimestampValue(double hz) {
  if (hz <= 5.66) return 1;
  if (hz > 70 && hz <= 150) return 7;
  if (hz > 150 && hz <= 350) return 8;
  return static_cast<uint32_t>(std::floor(0.5 + Log2(hz)));
}

size_t CollectSamples(const Observation& round,
                      std::array<SeqSample, Observation::kSeqCount>& samples) {
  size_t count = 0;
  for (size_t n = 0; n < Observation::kSeqCount; ++n) {
    const Observation::SeqSlot& slot = round.seq(n);
    if (!slot.sent || !slot.good || slot.isn == 0) continue;
    samples[count++] = {slot.isn, slot.tsval, slot.sent_us, slot.ip_id};
  }
  return count;
}

void SetBootTime(const TimestampAnalysis& timestamps, int64_t first_seq_realtime_us,
                 SequenceFacts& facts) {
  uint64_t uptime_s = timestamps.uptime_s;
  if (uptime_s > kMaxUptimeSeconds) {
    facts.ignored_uptime_s = uptime_s;
    uptime_s = 0;
  }
  const int64_t sent_s = (first_seq_realtime_us + facts.samples[0].sent_us) / 1'000'000;
  facts.boot_time_s = sent_s - static_cast<int64_t>(uptime_s);
}

std::string_view DescribeDifficulty(uint32_t index) {
  if (index < 3) return "Trivial joke";
  if (index < 6) return "Easy";
  if (index < 11) return "Medium";
  if (index < 12) return "Formidable";
  if (index < 16) return "Worthy challenge";
  return "Good luck!";
}

std::string_view Describe(TimestampClass timestamp_class) {
  switch (timestamp_class) {
    case TimestampClass::kUnknown:
      return "unknown class";
    case TimestampClass::kZero:
      return "zero timestamp";
    case TimestampClass::k2Hz:
      return "2HZ";
    case TimestampClass::k100Hz:
      return "100HZ";
    case TimestampClass::k1000Hz:
      return "1000HZ";
    case TimestampClass::kOther:
      return "other";
    case TimestampClass::kUnsupported:
      return "none returned (unsupported)";
  }
  return "unknown class";
}

}  // namespace osprey::matcher
