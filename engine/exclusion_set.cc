// SPDX-License-Identifier: Apache-2.0
#include "engine/exclusion_set.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/target_spec.h"
#include "engine/token_reader.h"

namespace osprey {

ExclusionSet::ExclusionSet(IntervalSet addresses) : addresses_(std::move(addresses)) {
  if (addresses_.empty()) return;
  touched_.resize(0x10000);
  for (const AddressInterval& interval : addresses_.intervals()) {
    for (uint32_t prefix = interval.first >> 16; prefix <= interval.last >> 16; ++prefix) {
      touched_[prefix] = true;
    }
  }
}

ExclusionSetBuilder::ExclusionSetBuilder(Resolver resolver) : resolver_(std::move(resolver)) {}

absl::Status ExclusionSetBuilder::Add(std::string_view text) {
  OSPREY_ASSIGN_OR_RETURN(const TargetSpec spec, ParseTargetSpec(text));
  if (spec.port.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("exclusion \"%s\": only whole addresses can be excluded", text));
  }
  if (spec.kind != TargetSpec::Kind::kName) {
    return ForEachInterval(spec, [&](AddressInterval i) { return collector_.Add(i); });
  }
  const absl::StatusOr<std::vector<Ipv4Addr>> found = resolver_(spec.name);
  if (!found.ok()) {
    return absl::Status(
        found.status().code(),
        absl::StrFormat("exclusion \"%s\": %s", text, std::string(found.status().message())));
  }
  for (const Ipv4Addr addr : *found) {
    OSPREY_RETURN_IF_ERROR(collector_.Add(NetworkOf(addr, spec.prefix_bits)));
  }
  return absl::OkStatus();
}

absl::Status ExclusionSetBuilder::AddList(std::string_view text) {
  for (const std::string_view part : SplitTargetSpecs(text)) OSPREY_RETURN_IF_ERROR(Add(part));
  return absl::OkStatus();
}

absl::Status ExclusionSetBuilder::AddFile(const std::string& path) {
  return ReadTokensFromFile(path, [&](std::string_view token) { return Add(token); });
}

ExclusionSet ExclusionSetBuilder::Build() { return ExclusionSet(IntervalSet(collector_.Take())); }

}  // namespace osprey
