// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a stack chooses IP IDs: the classes behind TI, CI and II (docs/os-detection.md, 3.4).
// Pure functions.

#include <cstdint>
#include <span>
#include <string_view>

namespace osprey::matcher {

enum class IpIdClass : uint8_t {
  kUnknown,
  kZero,
  kConstant,
  kIncrement,
  kIncrementBy2,
  kBrokenIncrement,  // counts in little-endian order
  kRandomPositive,
  kRandom,
};

// At most this many samples are looked at: six SEQ replies are the longest list there is.
inline constexpr size_t kMaxIpIds = 8;

// Classifies IP IDs in slot order. TI asks for at least three samples, CI and II for two; that is
// the caller's rule, but fewer than two are unknown here. `own_address`: the target is one of our
// own addresses, where our probes draw from the same counter as the replies.
IpIdClass ClassifyIpIds(std::span<const uint16_t> ids, bool own_address);

// The class as printed in the line `IP ID Sequence Generation`.
std::string_view Describe(IpIdClass ip_id_class);

}  // namespace osprey::matcher
