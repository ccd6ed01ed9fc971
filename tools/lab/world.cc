// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/world.h"

#include <sys/mman.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace osprey::lab {
namespace {

constexpr int64_t kNsPerDay = 86'400 * kNsPerSecond;

bool Contains(std::string_view text, std::string_view lower) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size())).find(lower) !=
         std::string::npos;
}

bool ClassContains(const db::ReferenceText& reference, std::string_view lower) {
  return std::any_of(
      reference.classes.begin(), reference.classes.end(), [&](const db::ClassText& c) {
        return Contains(c.family, lower) || Contains(c.type, lower) || Contains(c.vendor, lower);
      });
}

// Whether a reference is meant by a name of a mixture: "all", "#LINE", the whole name, or a part
// of name, vendor, family or type. `exact`: some reference has exactly that name.
bool IsMeant(const db::ReferenceText& reference, const std::string& name, bool exact) {
  uint32_t line = 0;
  if (name == "all") return true;
  if (name[0] == '#' && absl::SimpleAtoi(name.substr(1), &line)) return reference.line == line;
  if (exact) return reference.name == name;
  const std::string lower = absl::AsciiStrToLower(name);
  return Contains(reference.name, lower) || ClassContains(reference, lower);
}

std::vector<std::string> ClassLines(const db::ReferenceText& reference) {
  std::vector<std::string> lines;
  for (const db::ClassText& c : reference.classes) {
    lines.push_back(absl::StrFormat("%s|%s|%s|%s", c.type, c.vendor, c.family, c.generation));
  }
  return lines;
}

absl::Status CheckGroup(const GroupSpec& spec) {
  const std::string where = spec.prefix.ToString();
  const auto bad_share = [](double share) { return !(share >= 0 && share <= 1); };
  if (bad_share(spec.up) || bad_share(spec.closed_filtered)) {
    return absl::InvalidArgumentError(where + ": a share must be from 0 to 1");
  }
  if (spec.hops.low < 1 || spec.hops.high < spec.hops.low || spec.hops.high > 30) {
    return absl::InvalidArgumentError(where + ": hops must be LOW-HIGH within 1 and 30");
  }
  if (!(spec.uptime_days.low >= 0) || spec.uptime_days.high < spec.uptime_days.low ||
      spec.uptime_days.high > 10'000) {
    return absl::InvalidArgumentError(where + ": uptime must be LOW-HIGH days within 0 and 10000");
  }
  return absl::OkStatus();
}

}  // namespace

PortState Host::State(HostOrderPort port) const {
  for (const PortShare& open : group->open) {
    if (open.port != port) continue;
    if (open.share >= 1 || Fraction(Mix(key, 0x10000u + port)) < open.share) {
      return PortState::kOpen;
    }
  }
  const auto& filtered = group->filtered;
  if (closed_filtered || std::find(filtered.begin(), filtered.end(), port) != filtered.end()) {
    return PortState::kFiltered;
  }
  return PortState::kClosed;
}

const Personality& Mixture::Choose(uint64_t hash) const {
  OSPREY_DCHECK(!empty());
  const double at = Fraction(hash) * cumulative_.back();
  const auto it = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, at);
  return *personalities_[static_cast<size_t>(it - cumulative_.begin())];
}

absl::StatusOr<std::unique_ptr<World>> World::Create(const WorldSpec& spec, const db::Ast& ast) {
  std::unique_ptr<World> world(new World());
  world->spec_ = spec;
  world->by_reference_.resize(ast.references.size(), nullptr);
  for (const GroupSpec& group : spec.groups) {
    OSPREY_RETURN_IF_ERROR(world->AddGroup(group, ast));
  }
  for (const BoxSpec& box : spec.boxes) OSPREY_RETURN_IF_ERROR(world->AddBox(box, ast));
  if (world->groups_.empty()) return absl::InvalidArgumentError("the world has no hosts: no --net");
  std::sort(world->groups_.begin(), world->groups_.end(), [](const Group& a, const Group& b) {
    return a.spec.prefix.first < b.spec.prefix.first;
  });
  for (size_t i = 1; i < world->groups_.size(); ++i) {
    if (world->groups_[i - 1].spec.prefix.Contains(world->groups_[i].spec.prefix.first)) {
      return absl::InvalidArgumentError(world->groups_[i].spec.prefix.ToString() +
                                        " overlaps another group of hosts");
    }
  }
  return world;
}

World::~World() {
  for (const Group& group : groups_) {
    if (group.counters != nullptr) {
      munmap(group.counters, group.spec.prefix.size() * sizeof(HostCounters));
    }
  }
}

absl::Status World::AddGroup(const GroupSpec& spec, const db::Ast& ast) {
  OSPREY_RETURN_IF_ERROR(CheckGroup(spec));
  Group group{.spec = spec, .mix = {}};
  OSPREY_ASSIGN_OR_RETURN(group.mix, MakeMixture(spec.mix, ast));
  // Pages appear when a host there is first asked.
  void* memory = mmap(nullptr, spec.prefix.size() * sizeof(HostCounters), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return absl::ResourceExhaustedError(spec.prefix.ToString() + ": no memory for its counters");
  }
  group.counters = static_cast<HostCounters*>(memory);
  groups_.push_back(std::move(group));
  return absl::OkStatus();
}

absl::Status World::AddBox(const BoxSpec& spec, const db::Ast& ast) {
  Box box;
  box.spec = spec;
  if (spec.ports.empty()) box.ports.fill(~uint64_t{0});
  for (const HostOrderPort port : spec.ports) box.ports[port / 64] |= uint64_t{1} << (port % 64);
  if (!spec.stacks.empty() || spec.kind == BoxKind::kProxy || spec.kind == BoxKind::kLoadBalancer ||
      spec.kind == BoxKind::kPortForward) {
    OSPREY_ASSIGN_OR_RETURN(box.stacks, MakeMixture(spec.stacks, ast));
  }
  boxes_.push_back(std::move(box));
  return absl::OkStatus();
}

absl::StatusOr<Mixture> World::MakeMixture(const std::vector<WeightedName>& names,
                                           const db::Ast& ast) {
  const std::vector<WeightedName> all = {{"all", 1}};
  Mixture mixture;
  double sum = 0;
  for (const WeightedName& wanted : names.empty() ? all : names) {
    if (wanted.name.empty() || !(wanted.weight > 0)) {
      return absl::InvalidArgumentError("a mixture needs names with weights above 0");
    }
    const bool exact = std::any_of(ast.references.begin(), ast.references.end(),
                                   [&](const auto& r) { return r.name == wanted.name; });
    std::vector<size_t> meant;
    for (size_t i = 0; i < ast.references.size(); ++i) {
      if (IsMeant(ast.references[i], wanted.name, exact)) meant.push_back(i);
    }
    if (meant.empty()) {
      return absl::NotFoundError(
          absl::StrFormat("no reference of %s is called \"%s\"", ast.file_name, wanted.name));
    }
    for (const size_t i : meant) {
      sum += wanted.weight / static_cast<double>(meant.size());
      mixture.personalities_.push_back(PersonalityOf(ast.references[i], i));
      mixture.cumulative_.push_back(sum);
    }
  }
  return mixture;
}

const Personality* World::PersonalityOf(const db::ReferenceText& reference, size_t index) {
  if (by_reference_[index] == nullptr) {
    personalities_.push_back(std::make_unique<Personality>(Personality::Make(reference, plans_)));
    classes_.push_back(ClassLines(reference));
    by_reference_[index] = personalities_.back().get();
  }
  return by_reference_[index];
}

const std::vector<std::string>& World::ClassesOf(const Personality& personality) const {
  const auto it = std::find_if(personalities_.begin(), personalities_.end(),
                               [&](const auto& p) { return p.get() == &personality; });
  OSPREY_CHECK(it != personalities_.end());
  return classes_[static_cast<size_t>(it - personalities_.begin())];
}

const World::Group* World::GroupOf(Ipv4Addr address) const {
  auto it =
      std::upper_bound(groups_.begin(), groups_.end(), address,
                       [](Ipv4Addr a, const Group& group) { return a < group.spec.prefix.first; });
  if (it == groups_.begin()) return nullptr;
  --it;
  return it->spec.prefix.Contains(address) ? &*it : nullptr;
}

bool World::Find(Ipv4Addr address, Host& out) const {
  const Group* group = GroupOf(address);
  if (group == nullptr) return false;
  const GroupSpec& spec = group->spec;
  const uint64_t key = Mix(spec_.seed, address.host_order);
  if (spec.up < 1 && Fraction(Mix(key, 1)) >= spec.up) return false;
  out.address = address;
  out.key = key;
  out.personality = &group->mix.Choose(Mix(key, 2));
  out.group = &spec;
  out.counters = group->counters + (address.host_order - spec.prefix.first.host_order);
  const auto hop_choices = static_cast<uint64_t>(spec.hops.high - spec.hops.low + 1);
  out.hops = static_cast<uint8_t>(spec.hops.low + static_cast<int>(Mix(key, 3) % hop_choices));
  out.closed_filtered = spec.closed_filtered > 0 && Fraction(Mix(key, 4)) < spec.closed_filtered;
  const double days =
      spec.uptime_days.low + Fraction(Mix(key, 5)) * (spec.uptime_days.high - spec.uptime_days.low);
  out.uptime_ns = static_cast<int64_t>(days * static_cast<double>(kNsPerDay));
  return true;
}

}  // namespace osprey::lab
