// SPDX-License-Identifier: Apache-2.0
#include "matcher/ip_id.h"

#include <algorithm>
#include <array>

namespace osprey::matcher {
namespace {

// With three samples or more, a larger step (a step backwards included: differences are taken
// modulo 2^32, so a 16-bit wrap is huge) means random.
constexpr uint32_t kRandomStep = 20000;
constexpr uint16_t kPositiveStep = 1000;         // larger steps are no counter's ...
constexpr uint16_t kBrokenPositiveStep = 25600;  // ... unless it counts by 256
constexpr uint16_t kBrokenStep = 5120;
constexpr uint16_t kIncrementStep = 9;

bool CountsBy256(uint16_t step) { return step % 256 == 0; }

// Our probes to ourselves take an ID between two replies: takes their share out of the steps.
void RemoveOwnProbes(std::span<uint16_t> steps) {
  if (std::any_of(steps.begin(), steps.end(), [](uint16_t step) { return step < 2; })) return;
  for (uint16_t& step : steps) {
    step = static_cast<uint16_t>(step - (CountsBy256(step) ? 256 : 1));
  }
}

IpIdClass ClassifySteps(std::span<const uint16_t> steps) {
  const auto all = [steps](auto test) { return std::all_of(steps.begin(), steps.end(), test); };
  if (all([](uint16_t step) { return step == 0; })) return IpIdClass::kConstant;
  const bool small = all([](uint16_t step) {
    return CountsBy256(step) ? step < kBrokenPositiveStep : step <= kPositiveStep;
  });
  if (!small) return IpIdClass::kRandomPositive;
  if (all([](uint16_t step) { return CountsBy256(step) && step <= kBrokenStep; })) {
    return IpIdClass::kBrokenIncrement;
  }
  if (all([](uint16_t step) { return step % 2 == 0; })) return IpIdClass::kIncrementBy2;
  if (all([](uint16_t step) { return step <= kIncrementStep; })) return IpIdClass::kIncrement;
  return IpIdClass::kUnknown;
}

}  // namespace

IpIdClass ClassifyIpIds(std::span<const uint16_t> ids, bool own_address) {
  ids = ids.first(std::min(ids.size(), kMaxIpIds));
  if (ids.size() < 2) return IpIdClass::kUnknown;
  std::array<uint16_t, kMaxIpIds> steps{};
  for (size_t i = 1; i < ids.size(); ++i) {
    const uint32_t step = uint32_t{ids[i]} - uint32_t{ids[i - 1]};
    if (ids.size() > 2 && step > kRandomStep) return IpIdClass::kRandom;
    steps[i - 1] = static_cast<uint16_t>(step);
  }
  if (std::all_of(ids.begin(), ids.end(), [](uint16_t id) { return id == 0; })) {
    return IpIdClass::kZero;
  }
  const std::span<uint16_t> used(steps.data(), ids.size() - 1);
  if (own_address) RemoveOwnProbes(used);
  return ClassifySteps(used);
}

std::string_view Describe(IpIdClass ip_id_class) {
  switch (ip_id_class) {
    case IpIdClass::kUnknown:
      return "Busy server or unknown class";
    case IpIdClass::kZero:
      return "All zeros";
    case IpIdClass::kConstant:
      return "Duplicated ipid (!)";
    case IpIdClass::kIncrement:
      return "Incremental";
    case IpIdClass::kIncrementBy2:
      return "Incrementing by 2";
    case IpIdClass::kBrokenIncrement:
      return "Broken little-endian incremental";
    case IpIdClass::kRandomPositive:
      return "Random positive increments";
    case IpIdClass::kRandom:
      return "Randomized";
  }
  return "Busy server or unknown class";
}

}  // namespace osprey::matcher
