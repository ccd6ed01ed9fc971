// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/sequence_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {
namespace {

using Steps = std::array<double, 5>;

constexpr double kSpacing = 0.1003;       // seconds between SEQ probes, typically
constexpr double kMaxStep = 2147483647.;  // beyond, differences fold
constexpr uint32_t kSmallGcd = 9;         // a GCD up to here is not divided out
// Deviation, relative to the rate, that the time between the scanner's stamp and ours may put on
// clocks: a quiet machine's, a usual one's, a busy one's.
constexpr std::array kClockJitters = {5e-5, 2e-4, 1e-5};

double Square(double value) { return value * value; }

double Log8(double value) { return std::floor(8 * std::log2(value) + 0.5); }

// Shapes of five steps around their mean: sum 0, sum of squares 4, so that the sample deviation
// is 1. The first needs deviation <= mean; the second allows 2.2 times the mean; the third keeps
// the largest step small.
constexpr std::array<Steps, 3> kShapes = {
    {{1, -1, 1, -1, 0},
     {-0.4472136, 1.7888544, -0.4472136, -0.4472136, -0.4472136},
     {0.4472136, 0.4472136, -1.7888544, 0.4472136, 0.4472136}}};

// What a scan does to the numbers, in many variations that are the same for every plan: spacing a
// little above 100 ms, now and then by up to a millisecond, and the time between the scanner's
// stamp and the arrival, on machines from quiet to busy.
struct Trial {
  std::array<int64_t, 6> sent_ns;
  std::array<int64_t, 6> arrival_ns;
};

constexpr size_t kTrials = 64;
constexpr size_t kFirstTrials = 4;  // a plan that fails all of these is given up
constexpr size_t kEnough = 63;      // trials that a plan must pass to end the search
constexpr std::array kStampMeansUs = {1., 5., 15.};

std::array<Trial, kTrials> MakeTrials() {
  std::array<Trial, kTrials> trials{};
  std::minstd_rand random(20);
  std::exponential_distribution<double> late_us(1 / 150.);
  std::exponential_distribution<double> stamp(1.);
  int64_t now = kNsPerSecond;
  for (size_t t = 0; t < kTrials; ++t) {
    Trial& trial = trials[t];
    const double mean_us = kStampMeansUs[t % kStampMeansUs.size()];
    now += static_cast<int64_t>(random()) * 100;  // up to four minutes
    for (size_t i = 0; i < 6; ++i) {
      now += 100'000'000 + static_cast<int64_t>(std::min(late_us(random), 1000.) * 1'000);
      trial.sent_ns[i] = now / 1'000 * 1'000;
      trial.arrival_ns[i] = now + static_cast<int64_t>((10 + mean_us * stamp(random)) * 1'000);
    }
  }
  return trials;
}

const std::array<Trial, kTrials>& Trials() {
  static const std::array<Trial, kTrials> trials = MakeTrials();
  return trials;
}

uint64_t CommonDivisor(std::span<const double> d) {
  uint64_t divisor = 0;
  for (const double value : d) divisor = std::gcd(divisor, static_cast<uint64_t>(value));
  return divisor;
}

}  // namespace

SequenceNumbers MeasureSequence(std::span<const double> d, std::span<const double> interval_s) {
  const auto count = static_cast<double>(d.size());
  const uint64_t gcd = CommonDivisor(d);
  if (gcd == 0) return {};
  const double divide = gcd > kSmallGcd ? static_cast<double>(gcd) : 1;
  double mean = 0;
  for (size_t i = 0; i < d.size(); ++i) mean += d[i] / interval_s[i] / count;
  double squares = 0;
  for (size_t i = 0; i < d.size(); ++i) {
    squares += Square((d[i] / interval_s[i] - mean) / divide);
  }
  const double deviation = std::sqrt(squares / (count - 1));
  return {static_cast<uint32_t>(gcd), static_cast<uint32_t>(std::max(0.0, Log8(mean))),
          deviation <= 1 ? 0 : static_cast<uint32_t>(Log8(deviation))};
}

// The search for one plan. Candidates are tried in order; the first that holds in nearly all trials
// wins, else the one that holds in most; if none ever does, the one with most attributes right.
class SequenceSearch {
 public:
  explicit SequenceSearch(const SequenceWanted& wanted)
      : gcd_(wanted.gcd),
        isr_(wanted.isr),
        sp_(wanted.sp),
        gcd_set_(gcd_),
        isr_set_(isr_),
        sp_set_(sp_),
        answered_(std::popcount(wanted.answered) < 4 ? kAllSix : wanted.answered),
        last_step_(static_cast<size_t>(std::bit_width(answered_)) - 2) {}

  SequencePlan Run() {
    if (!gcd_.empty() && AllowsConstant()) {
      SequencePlan constant;
      constant.satisfied_ = true;
      return constant;
    }
    Search();
    best_.satisfied_ = held_ >= kTrials / 2;
    return best_;
  }

 private:
  // The expressions may ask for a number that never changes.
  bool AllowsConstant() const {
    return gcd_set_.Contains(0) && isr_set_.Contains(0) && sp_set_.Contains(0);
  }

  void Search() {
    for (const uint32_t g : GcdCandidates()) {
      for (const uint32_t isr : Numbers(isr_, 0xC8)) {
        for (const uint32_t sp : Numbers(sp_, isr > 16 ? isr - 10 : 0)) {
          // Little deviation for the rate: a clock, which does not mind late probes.
          const bool clock_first = sp + 27 < isr;
          if (clock_first && TryClock(g, isr, sp)) return;
          if (TryShapes(g, isr, sp)) return;
          if (!clock_first && TryClock(g, isr, sp)) return;
        }
      }
      if (TrySmallSteps(g)) return;
    }
  }

  std::vector<uint32_t> GcdCandidates() const {
    if (gcd_.empty()) return {1};
    std::vector<uint32_t> list = NumberCandidates(gcd_);
    std::erase(list, 0u);
    return list;
  }

  static std::vector<uint32_t> Numbers(std::string_view expression, uint32_t otherwise) {
    return expression.empty() ? std::vector<uint32_t>{otherwise} : NumberCandidates(expression, 7);
  }

  // How many of the three attributes a scan would see as asked for.
  int Right(const SequencePlan& plan, const Trial& trial) const {
    Steps d;
    Steps spacing;
    size_t count = 0;
    std::optional<unsigned> last;
    for (unsigned i = 0; i < 6; ++i) {
      if ((answered_ >> i & 1) == 0) continue;
      if (last) {
        const uint32_t up = plan.Number(0x12345, i, trial.arrival_ns[i]) -
                            plan.Number(0x12345, *last, trial.arrival_ns[*last]);
        d[count] = std::min(up, 0 - up);
        spacing[count++] = static_cast<double>(trial.sent_ns[i] - trial.sent_ns[*last]) * 1e-9;
      }
      last = i;
    }
    const SequenceNumbers got =
        MeasureSequence(std::span(d).first(count), std::span(spacing).first(count));
    return (gcd_set_.Contains(got.gcd) ? 1 : 0) + (isr_set_.Contains(got.isr) ? 1 : 0) +
           (sp_set_.Contains(got.sp) ? 1 : 0);
  }

  // Keeps the plan if it does better than all before; true if it is good enough.
  bool Try(const SequencePlan& plan) {
    size_t held = 0;
    size_t tried = 0;
    int right = 0;
    for (const Trial& trial : Trials()) {
      const int attributes = Right(plan, trial);
      right += attributes;
      held += attributes == 3 ? size_t{1} : 0;
      ++tried;
      if (tried == kFirstTrials && held == 0) {
        KeepSecondBest(plan, right);
        return false;
      }
      if (tried - held > kTrials - held_) return false;  // no better than what there is
    }
    if (held <= held_) return false;
    held_ = held;
    best_ = plan;
    return held >= kEnough;
  }

  void KeepSecondBest(const SequencePlan& plan, int right) {
    if (held_ > 0 || right <= right_) return;
    right_ = right;
    best_ = plan;
  }

  bool TrySteps(uint32_t g, const Steps& grains) {
    SequencePlan plan;
    plan.kind_ = SequencePlan::Kind::kSteps;
    plan.grain_ = g;
    uint32_t sum = 0;
    for (size_t i = 0; i < grains.size(); ++i) {
      if (grains[i] < 0 || grains[i] * g > kMaxStep) return false;
      sum += static_cast<uint32_t>(grains[i]);
      plan.offsets_[i + 1] = sum;
    }
    return Try(plan);
  }

  bool TryShapes(uint32_t g, uint32_t isr, uint32_t sp) {
    const double divide = g > kSmallGcd ? g : 1;
    const double mean = std::exp2(isr / 8.) * kSpacing / g;
    const double deviation = sp == 0 ? 0 : std::exp2(sp / 8.) * kSpacing * divide / g;
    for (const Steps& shape : kShapes) {
      Steps grains;
      for (size_t i = 0; i < grains.size(); ++i) {
        grains[i] = std::floor(mean + deviation * shape[i] + 0.5);
      }
      if (TryCoprime(g, grains)) return true;
    }
    return false;
  }

  // As they are, and with one step moved a little so that nothing but `g` divides all.
  bool TryCoprime(uint32_t g, Steps grains) {
    if (TrySteps(g, grains)) return true;
    for (int i = 0; i < 4; ++i) {
      grains[last_step_] += 1;
      const auto seen = std::span<const double>(grains).first(last_step_ + 1);
      if (CommonDivisor(seen) == 1 && TrySteps(g, grains)) return true;
    }
    return false;
  }

  // Few grains a step: every combination of five small numbers.
  bool TrySmallSteps(uint32_t g) {
    constexpr int kMost = 7;
    if (std::exp2(Numbers(isr_, 0)[0] / 8.) * kSpacing / g > kMost) return false;
    Steps grains{};
    for (int code = 1; code < kMost * kMost * kMost * kMost * kMost; ++code) {
      int rest = code;
      for (double& step : grains) step = rest % kMost, rest /= kMost;
      if (TrySteps(g, grains)) return true;
    }
    return false;
  }

  // A clock: where the jitter of the spacing alone would exceed the deviation asked for.
  bool TryClock(uint32_t g, uint32_t isr, uint32_t sp) {
    const double divide = g > kSmallGcd ? g : 1;
    const double rate = std::exp2(isr / 8.);
    const double wanted = sp == 0 ? 0.7 : std::exp2(sp / 8.);
    // Whole grains: two roundings of a uniform error, as a rate.
    const double rounding = 0.41 * g / divide / kSpacing;
    SequencePlan plan;
    plan.kind_ = SequencePlan::Kind::kClock;
    plan.grain_ = g;
    plan.grains_per_ns_ = rate / g * 1e-9;
    for (const double jitter : kClockJitters) {
      const double own = std::hypot(jitter * rate / divide, rounding);
      const double missing = wanted > own ? std::sqrt(wanted * wanted - own * own) : 0;
      SetClockNoise(missing * kSpacing * divide / g, plan);
      if (Try(plan)) return true;
    }
    return false;
  }

  // Offsets from the line whose differences have the given deviation, in grains.
  static void SetClockNoise(double deviation, SequencePlan& plan) {
    double offset = 2 * deviation;  // stays positive
    for (size_t i = 0; i < 6; ++i) {
      plan.offsets_[i] = static_cast<uint32_t>(std::max(0.0, std::floor(offset + 0.5)));
      if (i < 5) offset += deviation * kShapes[0][i];
    }
  }

  static constexpr uint8_t kAllSix = 0x3F;

  std::string_view gcd_, isr_, sp_;
  NumberSet gcd_set_, isr_set_, sp_set_;
  uint8_t answered_;
  size_t last_step_;  // between the last two answers
  SequencePlan best_;
  size_t held_ = 0;  // trials in which best_ holds
  int right_ = 0;    // while held_ is 0: attributes that best_ gets right in the first trials
};

SequencePlan SequencePlan::Find(const SequenceWanted& wanted) {
  return SequenceSearch(wanted).Run();
}

SequencePlan SequencePlans::Find(const SequenceWanted& wanted) {
  const std::string key = absl::StrFormat("%s %s %s %d", wanted.gcd, wanted.isr, wanted.sp,
                                          static_cast<int>(wanted.answered));
  const auto [it, is_new] = found_.try_emplace(key);
  if (is_new) it->second = SequencePlan::Find(wanted);
  return it->second;
}

uint32_t SequencePlan::Number(uint32_t base, unsigned index, int64_t since_ns) const noexcept {
  uint64_t grains = offsets_[index % 6];
  if (kind_ == Kind::kClock) {
    const double line = static_cast<double>(since_ns) * grains_per_ns_;
    grains += static_cast<uint64_t>(static_cast<int64_t>(line));
  }
  const auto number = static_cast<uint32_t>(base + grains * grain_);
  return number == 0 ? grain_ : number;
}

}  // namespace osprey::lab
