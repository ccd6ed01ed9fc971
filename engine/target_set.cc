// SPDX-License-Identifier: Apache-2.0
#include "engine/target_set.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey {

std::span<const PortHint> TargetSet::HintsFor(Ipv4Addr addr) const noexcept {
  const auto by_addr = [](const PortHint& a, const PortHint& b) { return a.addr < b.addr; };
  const auto [first, last] =
      std::equal_range(hints_.begin(), hints_.end(), PortHint{addr, 0}, by_addr);
  return {first, last};
}

std::string_view TargetSet::NameOf(Ipv4Addr addr) const noexcept {
  const auto found =
      std::lower_bound(names_.begin(), names_.end(), addr,
                       [](const auto& entry, Ipv4Addr a) { return entry.first < a; });
  if (found == names_.end() || found->first != addr) return {};
  return found->second;
}

TargetSetBuilder::TargetSetBuilder(Resolver resolver, TargetPolicy policy)
    : resolver_(std::move(resolver)),
      policy_(policy),
      collector_(policy.max_intervals),
      removed_(SpecialRanges().size()) {}

absl::Status TargetSetBuilder::Add(std::string_view text) {
  OSPREY_ASSIGN_OR_RETURN(const TargetSpec spec, ParseTargetSpec(text));
  if (spec.kind == TargetSpec::Kind::kName) return AddName(spec);
  return AddSpec(spec, text);
}

absl::Status TargetSetBuilder::AddFile(const std::string& path) {
  return ReadTokensFromFile(path, [&](std::string_view token) { return Add(token); });
}

absl::Status TargetSetBuilder::AddSource(const ByteSource& source, std::string_view name) {
  return ReadTokens(source, name, [&](std::string_view token) { return Add(token); });
}

absl::Status TargetSetBuilder::AddName(const TargetSpec& spec) {
  const absl::StatusOr<std::vector<Ipv4Addr>> found = resolver_(spec.name);
  if (!found.ok() || found->empty()) {
    ++report_.unresolved_names;
    Note(found.ok() ? absl::StrFormat("\"%s\" has no address", spec.name)
                    : std::string(found.status().message()));
    return absl::OkStatus();
  }
  const Ipv4Addr addr = found->front();
  if (found->size() > 1) {
    Note(absl::StrFormat("\"%s\" has %d addresses; only the first, %s, is a target", spec.name,
                         found->size(), addr.ToString()));
  }
  names_.emplace_back(addr, spec.name);
  TargetSpec network;
  network.range = NetworkOf(addr, spec.prefix_bits);
  return AddSpec(network, spec.name);
}

absl::Status TargetSetBuilder::AddSpec(const TargetSpec& spec, std::string_view text) {
  OSPREY_RETURN_IF_ERROR(RefuseIfNoHosts(spec.range, text));
  if (spec.port.has_value()) {
    OSPREY_RETURN_IF_ERROR(AddHint({Ipv4Addr{spec.range.first}, *spec.port}));
  }
  if (spec.range.first == spec.range.last) return collector_.Add(spec.range);
  if (CountIntervals(spec) > policy_.max_intervals) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "target \"%s\" has more than %d separate ranges", text, policy_.max_intervals));
  }
  return ForEachInterval(spec, [&](AddressInterval i) { return AddInterval(i, spec.range); });
}

absl::Status TargetSetBuilder::AddHost(Ipv4Addr addr) {
  const AddressInterval alone{addr.host_order, addr.host_order};
  // The text is made only if it is needed: this is called for every line of a long result.
  if (!RefuseIfNoHosts(alone, {}).ok()) return RefuseIfNoHosts(alone, addr.ToString());
  return collector_.Add(alone);
}

absl::Status TargetSetBuilder::AddHint(const PortHint& hint) {
  hints_.push_back(hint);
  if (hints_.size() < compact_hints_at_) return absl::OkStatus();
  CompactHints();
  if (hints_.size() > policy_.max_hints) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("more than %d ports of known state", policy_.max_hints));
  }
  compact_hints_at_ = std::max(compact_hints_at_, 2 * hints_.size());
  return absl::OkStatus();
}

void TargetSetBuilder::CompactHints() {
  std::sort(hints_.begin(), hints_.end());
  // Open sorts before closed, so open stays.
  const auto same = [](const PortHint& a, const PortHint& b) {
    return a.addr == b.addr && a.port == b.port;
  };
  hints_.erase(std::unique(hints_.begin(), hints_.end(), same), hints_.end());
}

absl::Status TargetSetBuilder::RefuseIfNoHosts(AddressInterval whole, std::string_view text) const {
  // Everything from multicast up is without hosts, so a range may cover several of those entries.
  const bool none = whole.first >= 224u << 24 || whole.last < 1u << 24;
  if (!none) return absl::OkStatus();
  const SpecialRange* special = FindSpecial(Ipv4Addr{whole.first});
  return absl::InvalidArgumentError(absl::StrFormat("target \"%s\": there are no hosts in %s (%s)",
                                                    text, special->cidr, special->name));
}

absl::Status TargetSetBuilder::AddInterval(AddressInterval interval, AddressInterval whole) {
  const auto specials = SpecialRanges();
  uint64_t next = interval.first;
  for (size_t i = 0; i < specials.size(); ++i) {
    const AddressInterval& special = specials[i].range;
    if (special.last < next) continue;
    if (special.first > interval.last) break;
    const bool impossible = specials[i].kind == SpecialClass::kNotUnicast;
    if (!impossible && (policy_.keep_special_use || special.Contains(whole))) continue;
    if (special.first > next) {
      OSPREY_RETURN_IF_ERROR(collector_.Add({static_cast<uint32_t>(next), special.first - 1}));
    }
    const AddressInterval out{std::max(special.first, interval.first),
                              std::min(special.last, interval.last)};
    removed_[i] += out.size();
    next = uint64_t{special.last} + 1;
  }
  if (next > interval.last) return absl::OkStatus();
  return collector_.Add({static_cast<uint32_t>(next), interval.last});
}

void TargetSetBuilder::Note(std::string text) {
  if (report_.notes.size() < TargetReport::kMaxNotes) report_.notes.push_back(std::move(text));
}

absl::StatusOr<TargetSet> TargetSetBuilder::Build(const ExclusionSet& exclusions) {
  TargetSet set;
  IntervalSet all(collector_.Take());
  const uint64_t before = all.size();
  const bool excludes = !exclusions.addresses().empty();
  set.addresses_ = excludes ? all.Minus(exclusions.addresses()) : std::move(all);
  report_.excluded = before - set.size();
  for (size_t i = 0; i < removed_.size(); ++i) {
    if (removed_[i] > 0) report_.removed.push_back({&SpecialRanges()[i], removed_[i]});
  }
  if (set.size() == 0) return NothingLeft();
  std::erase_if(hints_, [&](const PortHint& hint) { return !set.Contains(hint.addr); });
  CompactHints();
  hints_.shrink_to_fit();
  set.hints_ = std::move(hints_);
  std::stable_sort(names_.begin(), names_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  set.names_ = std::move(names_);
  return set;
}

absl::Status TargetSetBuilder::NothingLeft() const {
  std::string why;
  if (report_.excluded > 0) why += absl::StrFormat("; exclusions took out %d", report_.excluded);
  for (const TargetReport::Removed& removed : report_.removed) {
    why += absl::StrFormat("; %d in %s (%s) were not named", removed.addresses, removed.range->cidr,
                           removed.range->name);
  }
  if (report_.unresolved_names > 0) {
    why += absl::StrFormat("; %d host names were not found", report_.unresolved_names);
  }
  return absl::InvalidArgumentError("no targets to scan" + why);
}

}  // namespace osprey
