// SPDX-License-Identifier: Apache-2.0
#pragma once
// The hosts of an emulated network: which addresses are up and what each of them is, as functions
// of address and seed, so that a world takes no memory but eight bytes of counters an address
// (touched only where a packet arrived) and its personalities.
//
// One thread changes counters (the responder's); everything else is immutable after Create.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "db/reference_text.h"
#include "tools/lab/personality.h"
#include "tools/lab/world_spec.h"

namespace osprey::lab {

// A keyed mixing function, good enough to spread hosts; not a secret.
constexpr uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}
constexpr uint64_t Mix(uint64_t a, uint64_t b) { return Mix(a + 0x9E3779B97F4A7C15 * (b + 1)); }
// 0 <= x < 1.
constexpr double Fraction(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1p-53; }

// What changes while hosts run. Zero until first used.
struct HostCounters {
  std::array<uint16_t, 3> ip_id;  // 0: not started
  uint16_t icmp_debt;             // see RateLimit
};
static_assert(sizeof(HostCounters) == 8);

enum class PortState : uint8_t { kOpen, kClosed, kFiltered };

struct Host {
  Ipv4Addr address;
  uint64_t key = 0;  // of everything random about it
  const Personality* personality = nullptr;
  const GroupSpec* group = nullptr;
  HostCounters* counters = nullptr;
  uint8_t hops = 1;
  bool closed_filtered = false;
  int64_t uptime_ns = 0;  // when the world began

  PortState State(HostOrderPort port) const;
};

// A weighted choice of personalities.
class Mixture {
 public:
  bool empty() const { return personalities_.empty(); }
  const Personality& Choose(uint64_t hash) const;
  const std::vector<const Personality*>& personalities() const { return personalities_; }

 private:
  friend class World;
  std::vector<const Personality*> personalities_;
  std::vector<double> cumulative_;
};

struct Box {
  BoxSpec spec;
  Mixture stacks;
  std::array<uint64_t, 1024> ports{};  // bit set; all ones if none are named

  bool HasPort(HostOrderPort port) const { return (ports[port / 64] >> (port % 64) & 1) != 0; }
};

class World {
 public:
  // `ast`'s text must outlive the call only. InvalidArgument: overlapping or too many groups, a
  // name that no reference has, a share outside 0..1; the message names the group or box.
  static absl::StatusOr<std::unique_ptr<World>> Create(const WorldSpec& spec, const db::Ast& ast);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // False if there is no host at the address.
  bool Find(Ipv4Addr address, Host& out) const;
  // The addresses of a group are ours, whether up or not.
  bool Owns(Ipv4Addr address) const { return GroupOf(address) != nullptr; }
  // In the order of the config: that in which packets pass them.
  const std::vector<Box>& boxes() const { return boxes_; }

  const WorldSpec& spec() const { return spec_; }
  const std::vector<std::unique_ptr<Personality>>& personalities() const { return personalities_; }
  // The classes of the personality's reference, "TYPE|VENDOR|FAMILY|GENERATION" each.
  const std::vector<std::string>& ClassesOf(const Personality& personality) const;

 private:
  struct Group {
    GroupSpec spec;
    Mixture mix;
    HostCounters* counters = nullptr;  // one an address
  };

  World() = default;
  absl::Status AddGroup(const GroupSpec& spec, const db::Ast& ast);
  absl::Status AddBox(const BoxSpec& spec, const db::Ast& ast);
  absl::StatusOr<Mixture> MakeMixture(const std::vector<WeightedName>& names, const db::Ast& ast);
  const Personality* PersonalityOf(const db::ReferenceText& reference, size_t index);
  const Group* GroupOf(Ipv4Addr address) const;

  WorldSpec spec_;
  std::vector<Group> groups_;  // by first address
  std::vector<Box> boxes_;
  std::vector<std::unique_ptr<Personality>> personalities_;
  std::vector<std::vector<std::string>> classes_;  // by personality
  std::vector<const Personality*> by_reference_;   // nullptr: not made yet
  SequencePlans plans_;                            // set-up only
};

}  // namespace osprey::lab
