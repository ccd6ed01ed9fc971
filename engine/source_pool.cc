// SPDX-License-Identifier: Apache-2.0
#include "engine/source_pool.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/special_use.h"
#include "engine/target_spec.h"

namespace osprey {
namespace {

// No part of the interval may be of a range that no host has addresses in.
absl::Status CheckUsable(std::string_view text, const AddressInterval& interval) {
  for (const SpecialRange& special : SpecialRanges()) {
    const bool meets = interval.first <= special.range.last && special.range.first <= interval.last;
    const bool unusable =
        special.kind == SpecialClass::kNotUnicast || Ipv4Addr{special.range.first}.is_loopback();
    if (meets && unusable) {
      return absl::InvalidArgumentError(absl::StrFormat("\"%s\": packets cannot come from %s (%s)",
                                                        text, special.cidr, special.name));
    }
  }
  return absl::OkStatus();
}

absl::Status AddInterval(std::string_view text, const AddressInterval& interval,
                         std::vector<Ipv4Addr>& addresses) {
  OSPREY_RETURN_IF_ERROR(CheckUsable(text, interval));
  if (addresses.size() + interval.size() > SourcePool::kMostAddresses) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\": more than %d source addresses", text, SourcePool::kMostAddresses));
  }
  for (uint64_t a = interval.first; a <= interval.last; ++a) {
    addresses.push_back(Ipv4Addr{static_cast<uint32_t>(a)});
  }
  return absl::OkStatus();
}

absl::Status AddPart(std::string_view text, std::vector<Ipv4Addr>& addresses) {
  OSPREY_ASSIGN_OR_RETURN(const TargetSpec spec, ParseTargetSpec(text));
  if (spec.kind == TargetSpec::Kind::kName || spec.port) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\" is not an address, a range or a CIDR block", text));
  }
  return ForEachInterval(
      spec, [&](AddressInterval interval) { return AddInterval(text, interval, addresses); });
}

}  // namespace

absl::StatusOr<SourcePool> SourcePool::Parse(std::string_view text) {
  SourcePool pool;
  for (const std::string_view part : SplitTargetSpecs(text)) {
    OSPREY_RETURN_IF_ERROR(AddPart(part, pool.addresses_));
  }
  std::sort(pool.addresses_.begin(), pool.addresses_.end());
  pool.addresses_.erase(std::unique(pool.addresses_.begin(), pool.addresses_.end()),
                        pool.addresses_.end());
  return pool;
}

}  // namespace osprey
