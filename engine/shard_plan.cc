// SPDX-License-Identifier: Apache-2.0
#include "engine/shard_plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/str_format.h"
#include "base/check.h"

namespace osprey {
namespace {

template <class Number>
bool ParseAll(std::string_view text, Number& out) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && rest == end;
}

}  // namespace

absl::StatusOr<Shard> Shard::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  uint32_t number = 0;
  Shard shard;
  const bool good = slash != std::string_view::npos && ParseAll(text.substr(0, slash), number) &&
                    ParseAll(text.substr(slash + 1), shard.count);
  if (!good || number < 1 || number > shard.count) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "shard \"%s\": want I/N with I from 1 to N, such as 2/5 for the second of five", text));
  }
  shard.index = number - 1;
  return shard;
}

absl::StatusOr<Sample> Sample::Parse(std::string_view text) {
  Sample sample;
  if (text.ends_with('%')) {
    double percent = 0;
    const std::string_view number = text.substr(0, text.size() - 1);
    if (ParseAll(number, percent) && percent > 0 && percent <= 100) {
      sample.fraction = percent / 100;
      return sample;
    }
  } else if (uint64_t targets = 0; ParseAll(text, targets) && targets > 0) {
    sample.targets = targets;
    return sample;
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "sample \"%s\": want a number of targets from 1 up, or a percentage up to 100%%", text));
}

uint64_t Sample::Of(uint64_t total) const {
  if (targets.has_value()) return std::min(*targets, total);
  if (!fraction.has_value()) return total;
  // Up to 2^32 and therefore exact in a double, but for the rounding of the fraction itself.
  const double wanted = std::ceil(*fraction * static_cast<double>(total));
  return std::min(static_cast<uint64_t>(wanted), total);
}

ShardPlan::ShardPlan(uint64_t total, Shard shard, const Sample& sample)
    : sampled_(sample.Of(total)), shard_(shard) {
  OSPREY_CHECK(total <= uint64_t{1} << 32 && shard.index < shard.count);
  const uint64_t from_here = sampled_ > shard.index ? sampled_ - shard.index : 0;
  size_ = (from_here + shard.count - 1) / shard.count;
}

std::optional<uint64_t> ShardPlan::StepOf(uint64_t position) const noexcept {
  if (position >= sampled_ || position % shard_.count != shard_.index) return std::nullopt;
  return position / shard_.count;
}

}  // namespace osprey
