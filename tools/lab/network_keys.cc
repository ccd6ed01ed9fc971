// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/network_keys.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace osprey::lab {
namespace {

constexpr std::array<NetworkKey, 9> kKeys = {{
    {"delay_ms", &NetworkSpec::delay_ms, 0, 10'000, true},
    {"jitter_ms", &NetworkSpec::jitter_ms, 0, 10'000, true},
    {"loss", &NetworkSpec::loss, 0, 1, true},
    {"duplicate", &NetworkSpec::duplicate, 0, 1, true},
    {"reorder", &NetworkSpec::reorder, 0, 1, true},
    {"reorder_ms", &NetworkSpec::reorder_ms, 0, 10'000, true},
    {"bandwidth_bps", &NetworkSpec::bandwidth_bps, 0, 1e12, true},
    {"icmp_per_second", &NetworkSpec::icmp_per_second, 0, 1e6, false},
    {"icmp_burst", &NetworkSpec::icmp_burst, 1, 20, false},
}};

std::string NamesOfChanges() {
  std::string names;
  for (const NetworkKey& key : kKeys) {
    if (key.changes) absl::StrAppendFormat(&names, " %s", key.name);
  }
  return names;
}

absl::Status SetKey(std::string_view name, double value, NetworkSpec& out) {
  const auto key = std::find_if(kKeys.begin(), kKeys.end(), [&](const NetworkKey& candidate) {
    return candidate.changes && candidate.name == name;
  });
  if (key == kKeys.end()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is nothing that changes; there are:%s", name, NamesOfChanges()));
  }
  if (!(value >= key->low && value <= key->high)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: want a number from %g to %g", key->name, key->low, key->high));
  }
  out.*key->member = value;
  return absl::OkStatus();
}

}  // namespace

std::span<const NetworkKey> NetworkKeys() { return kKeys; }

absl::StatusOr<NetworkChange> ParseChange(std::string_view text, const NetworkSpec& before) {
  const std::string quoted(text);
  const std::vector<std::string> words = absl::StrSplit(quoted, ';');
  NetworkChange change{.network = before};
  if (words.size() < 2 || !absl::SimpleAtod(words[0], &change.after_s) ||
      !(change.after_s >= 0 && change.after_s <= kLatestChangeS)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("change \"%s\": want SECONDS;KEY=VALUE[;KEY=VALUE...]", quoted));
  }
  for (size_t i = 1; i < words.size(); ++i) {
    const std::vector<std::string> sides = absl::StrSplit(words[i], absl::MaxSplits('=', 1));
    double value = 0;
    if (sides.size() != 2 || !absl::SimpleAtod(sides[1], &value)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("change \"%s\": \"%s\": want KEY=NUMBER", quoted, words[i]));
    }
    if (absl::Status status = SetKey(sides[0], value, change.network); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("change \"%s\": %s", quoted, std::string(status.message())));
    }
  }
  return change;
}

const NetworkSpec& LastConditions(const WorldSpec& spec) {
  return spec.changes.empty() ? spec.network : spec.changes.back().network;
}

absl::Status CheckOrder(std::span<const NetworkChange> changes) {
  for (size_t i = 1; i < changes.size(); ++i) {
    if (changes[i].after_s > changes[i - 1].after_s) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("the change after %g s must be later than that after %g s",
                        changes[i].after_s, changes[i - 1].after_s));
  }
  return absl::OkStatus();
}

}  // namespace osprey::lab
