// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes of a target list, reading it either fails with a message that names the list,
// or gives a set whose numbering is a bijection, that holds no address without hosts, and from
// which exclusions are gone. The input is also read as an exclusion list, a -p argument, a list
// of services, a shard and a sample. The first byte chooses the size of the chunks.

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "engine/port_list.h"
#include "engine/shard_plan.h"
#include "engine/target_set.h"

namespace osprey {
namespace {

absl::StatusOr<std::vector<Ipv4Addr>> AnyName(const std::string& name) {
  if (name.size() % 3 == 0) return absl::NotFoundError("no such name");
  return std::vector{Ipv4Addr{static_cast<uint32_t>(name.size()) << 24 | 7}, Ipv4Addr{0x08080808}};
}

ByteSource Chunks(std::string_view text, size_t step) {
  return [text, step](char* buffer, size_t size) mutable -> absl::StatusOr<size_t> {
    const size_t n = std::min({step, size, text.size()});
    std::memcpy(buffer, text.data(), n);
    text.remove_prefix(n);
    return n;
  };
}

void CheckSet(const TargetSet& set, const ExclusionSet& exclusions) {
  OSPREY_CHECK(set.size() > 0);
  const uint64_t step = set.size() / 97 + 1;
  for (uint64_t index = 0; index < set.size(); index += step) {
    const Ipv4Addr addr = set.At(index);
    OSPREY_CHECK(set.IndexOf(addr) == index && set.Contains(addr));
    OSPREY_CHECK(!exclusions.Contains(addr));
    const SpecialRange* special = FindSpecial(addr);
    OSPREY_CHECK(special == nullptr || special->kind != SpecialClass::kNotUnicast);
  }
  for (const PortHint& hint : set.hints()) {
    OSPREY_CHECK(hint.port != 0 && set.Contains(hint.addr) && !set.HintsFor(hint.addr).empty());
  }
}

void ReadAsTargets(std::string_view text, size_t step) {
  ExclusionSetBuilder exclusion_builder(AnyName);
  OSPREY_CHECK(exclusion_builder.AddList("8.8.8.0/24,64.0.0.0/2").ok());
  const ExclusionSet exclusions = exclusion_builder.Build();
  TargetPolicy policy;
  policy.max_intervals = 20'000;
  TargetSetBuilder builder(AnyName, policy);
  const absl::Status status = builder.AddSource(Chunks(text, step), "list");
  if (!status.ok()) {
    OSPREY_CHECK(status.message().substr(0, 5) == "list:");
    return;
  }
  if (const auto set = builder.Build(exclusions); set.ok()) CheckSet(*set, exclusions);
}

void ReadAsArguments(std::string_view text) {
  for (const std::string_view part : SplitTargetSpecs(text)) {
    const auto spec = ParseTargetSpec(part);
    if (spec.ok() && spec->kind != TargetSpec::Kind::kName) (void)CountIntervals(*spec);
  }
  const ServiceTable services = ServiceTable::Parse(text);
  if (const auto ports = ParsePorts(text, services); ports.ok()) {
    OSPREY_CHECK(!ports->tcp.empty() || !ports->udp.empty());
    OSPREY_CHECK(ports->tcp.probing_order().size() == ports->tcp.ascending().size());
  }
  if (const auto shard = Shard::Parse(text); shard.ok()) {
    const ShardPlan plan(1000, *shard);
    if (plan.size() > 0) OSPREY_CHECK(plan.StepOf(plan.PositionAt(0)) == 0);
  }
  if (const auto sample = Sample::Parse(text); sample.ok()) {
    OSPREY_CHECK(sample->Of(1000) >= 1 && sample->Of(1000) <= 1000);
  }
}

}  // namespace
}  // namespace osprey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  osprey::ReadAsTargets(text, size_t{data[0]} + 1);
  osprey::ReadAsArguments(text);
  return 0;
}
