// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/sequence_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "db/value_expression.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {
namespace {

using Steps = std::array<double, 5>;

constexpr double kSpacing = 0.1003;       // seconds between SEQ probes, typically
constexpr double kMaxStep = 2147483647.;  // beyond, differences fold
constexpr uint32_t kSmallGcd = 9;         // a GCD up to here is not divided out
// Deviation, relative to the rate, that spacing puts on fixed steps (0..1 ms of 100 ms), and
// that the time between the scanner's stamp and ours puts on clocks.
constexpr double kStepJitter = 0.004;
constexpr double kClockJitter = 2e-4;

double Log8(double value) { return std::floor(8 * std::log2(value) + 0.5); }

// Shapes of five steps around their mean: sum 0, sum of squares 4, so that the sample deviation
// is 1. The first needs deviation <= mean; the second allows 2.2 times the mean; the third keeps
// the largest step small.
constexpr std::array<Steps, 3> kShapes = {
    {{1, -1, 1, -1, 0},
     {-0.4472136, 1.7888544, -0.4472136, -0.4472136, -0.4472136},
     {0.4472136, 0.4472136, -1.7888544, 0.4472136, 0.4472136}}};

// Spacings as scanners have them: even, a little long, and uneven in several ways.
constexpr std::array<Steps, 5> kSpacings = {{{0.1000, 0.1000, 0.1000, 0.1000, 0.1000},
                                             {0.1004, 0.1004, 0.1004, 0.1004, 0.1004},
                                             {0.1001, 0.1009, 0.1002, 0.1010, 0.1001},
                                             {0.1010, 0.1000, 0.1006, 0.1001, 0.1008},
                                             {0.1002, 0.1004, 0.1008, 0.1000, 0.1003}}};

bool Allows(std::string_view expression, uint32_t value) {
  return expression.empty() || db::Matches(expression, ToHex(value), false);
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
    squares += std::pow((d[i] / interval_s[i] - mean) / divide, 2);
  }
  const double deviation = std::sqrt(squares / (count - 1));
  return {static_cast<uint32_t>(gcd), static_cast<uint32_t>(std::max(0.0, Log8(mean))),
          deviation <= 1 ? 0 : static_cast<uint32_t>(Log8(deviation))};
}

// The search for one plan. Candidates are tried in order; the first that holds under every spacing
// wins, else the one that holds under most.
class SequenceSearch {
 public:
  SequenceSearch(std::string_view gcd, std::string_view isr, std::string_view sp)
      : gcd_(gcd), isr_(isr), sp_(sp) {}

  SequencePlan Run() {
    if (!gcd_.empty() && !Constant()) return Best();
    for (const uint32_t g : GcdCandidates()) {
      for (const uint32_t isr : Numbers(isr_, 0xC8)) {
        for (const uint32_t sp : Numbers(sp_, isr > 16 ? isr - 10 : 0)) {
          if (TryShapes(g, isr, sp) || TryClock(g, isr, sp)) return Best();
        }
      }
      if (TrySmallSteps(g)) return Best();
    }
    return Best();
  }

 private:
  // The expressions may ask for a number that never changes. False if that is the answer.
  bool Constant() {
    if (!Allows(gcd_, 0) || !Allows(isr_, 0) || !Allows(sp_, 0)) return true;
    best_ = {};
    best_.satisfied_ = true;
    return false;
  }

  SequencePlan Best() const { return best_; }

  std::vector<uint32_t> GcdCandidates() const {
    if (gcd_.empty()) return {1};
    std::vector<uint32_t> list = NumberCandidates(gcd_);
    std::erase(list, 0u);
    return list;
  }

  static std::vector<uint32_t> Numbers(std::string_view expression, uint32_t otherwise) {
    return expression.empty() ? std::vector<uint32_t>{otherwise} : NumberCandidates(expression, 7);
  }

  // Whether the numbers are what is asked for; an attribute that is not asked for always is.
  bool Holds(const Steps& d, const Steps& spacing) const {
    const SequenceNumbers got = MeasureSequence(d, spacing);
    return Allows(gcd_, got.gcd) && Allows(isr_, got.isr) && Allows(sp_, got.sp);
  }

  // Steps in grains of `g`. Keeps them if they do better than all before; true if they hold always.
  bool Try(uint32_t g, const Steps& grains) {
    Steps d;
    for (size_t i = 0; i < d.size(); ++i) {
      d[i] = grains[i] * g;
      if (grains[i] < 0 || d[i] > kMaxStep) return false;
    }
    size_t held = 0;
    for (const Steps& spacing : kSpacings) held += Holds(d, spacing) ? size_t{1} : 0;
    if (held > held_) Keep(g, grains, held);
    return held == kSpacings.size();
  }

  void Keep(uint32_t g, const Steps& grains, size_t held) {
    held_ = held;
    best_.kind_ = SequencePlan::Kind::kSteps;
    best_.grain_ = g;
    uint32_t sum = 0;
    for (size_t i = 0; i < grains.size(); ++i) {
      sum += static_cast<uint32_t>(grains[i]);
      best_.offsets_[i + 1] = sum;
    }
    best_.satisfied_ = held == kSpacings.size();
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
    if (Try(g, grains)) return true;
    for (int i = 0; i < 4; ++i) {
      grains[4] += 1;
      if (CommonDivisor(grains) == 1 && Try(g, grains)) return true;
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
      if (Try(g, grains)) return true;
    }
    return false;
  }

  // A clock, where the jitter of the spacing alone would exceed the deviation asked for.
  bool TryClock(uint32_t g, uint32_t isr, uint32_t sp) {
    const double divide = g > kSmallGcd ? g : 1;
    const double rate = std::exp2(isr / 8.);
    const double wanted = sp == 0 ? 0.7 : std::exp2(sp / 8.);
    // Whole grains: two roundings of a uniform error, as a rate.
    const double rounding = 0.41 * g / divide / kSpacing;
    const double floor = std::hypot(kClockJitter * rate / divide, rounding);
    if (wanted > 2 * kStepJitter * rate / divide || floor > wanted) return false;
    best_.kind_ = SequencePlan::Kind::kClock;
    best_.grain_ = g;
    best_.grains_per_ns_ = rate / g * 1e-9;
    SetClockNoise(std::sqrt(wanted * wanted - floor * floor) * kSpacing * divide / g);
    best_.satisfied_ = true;
    return true;
  }

  // Offsets from the line whose differences have the given deviation, in grains.
  void SetClockNoise(double deviation) {
    double offset = 2 * deviation;  // stays positive
    for (size_t i = 0; i < 6; ++i) {
      best_.offsets_[i] = static_cast<uint32_t>(std::max(0.0, std::floor(offset + 0.5)));
      if (i < 5) offset += deviation * kShapes[0][i];
    }
  }

  std::string_view gcd_, isr_, sp_;
  SequencePlan best_;
  size_t held_ = 0;
};

SequencePlan SequencePlan::Find(std::string_view gcd, std::string_view isr, std::string_view sp) {
  return SequenceSearch(gcd, isr, sp).Run();
}

uint32_t SequencePlan::Number(uint32_t base, unsigned index, int64_t arrival_ns) const noexcept {
  uint64_t grains = offsets_[index % 6];
  if (kind_ == Kind::kClock) {
    // Long double: 10^18 ns times a rate, to a grain.
    const long double line = static_cast<long double>(arrival_ns) * grains_per_ns_;
    grains += static_cast<uint64_t>(static_cast<int64_t>(line));
  }
  const auto number = static_cast<uint32_t>(base + grains * grain_);
  return number == 0 ? grain_ : number;
}

}  // namespace osprey::lab
