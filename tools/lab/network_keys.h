// SPDX-License-Identifier: Apache-2.0
#pragma once
// The numbers that describe the network between scanner and hosts, by their names in config files
// and in `--change`: one table for both. Set-up only.

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "tools/lab/world_spec.h"

namespace osprey::lab {

struct NetworkKey {
  const char* name;
  double NetworkSpec::*member;
  double low;  // allowed, both included
  double high;
  bool changes;  // may change while the world runs; the limits of hosts may not
};
std::span<const NetworkKey> NetworkKeys();

inline constexpr double kLatestChangeS = 1e6;

// "AFTER_S;KEY=VALUE[;KEY=VALUE...]", on top of the conditions of `before`. InvalidArgument names
// the text.
absl::StatusOr<NetworkChange> ParseChange(std::string_view text, const NetworkSpec& before);

// The conditions on which the next change builds: those of the last one.
const NetworkSpec& LastConditions(const WorldSpec& spec);

// InvalidArgument unless every change is later than the one before it.
absl::Status CheckOrder(std::span<const NetworkChange> changes);

}  // namespace osprey::lab
