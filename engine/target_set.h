// SPDX-License-Identifier: Apache-2.0
#pragma once
// The addresses of a scan: every address once, numbered in ascending order, after special-use
// ranges and exclusions are taken out. Beside it two tables: ports whose state is known from
// elsewhere ("address:port" entries, results of other scanners) and the host names that were given.
//
// TargetSet is immutable; any thread; no query allocates. TargetSetBuilder belongs to one thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/exclusion_set.h"
#include "engine/interval_set.h"
#include "engine/resolver.h"
#include "engine/special_use.h"
#include "engine/target_spec.h"
#include "engine/token_reader.h"

namespace osprey {

// A port that an "address:port" entry or an earlier scan calls open (or closed).
struct PortHint {
  Ipv4Addr addr;
  HostOrderPort port = 0;
  bool closed = false;

  friend auto operator<=>(const PortHint&, const PortHint&) = default;
};

class TargetSet {
 public:
  TargetSet() = default;

  // Number of targets, 0..2^32.
  uint64_t size() const noexcept { return addresses_.size(); }
  // The target with this number. REQUIRES: index < size().
  Ipv4Addr At(uint64_t index) const noexcept { return addresses_.At(index); }
  std::optional<uint32_t> IndexOf(Ipv4Addr addr) const noexcept { return addresses_.IndexOf(addr); }
  bool Contains(Ipv4Addr addr) const noexcept { return addresses_.Contains(addr); }
  const IntervalSet& addresses() const noexcept { return addresses_; }

  // Ports of `addr` whose state is known, ascending, each once; usually none. Valid as long as the
  // set.
  std::span<const PortHint> HintsFor(Ipv4Addr addr) const noexcept;
  std::span<const PortHint> hints() const noexcept { return hints_; }

  // The name by which `addr` was given, or empty. Valid as long as the set.
  std::string_view NameOf(Ipv4Addr addr) const noexcept;

 private:
  friend class TargetSetBuilder;

  IntervalSet addresses_;
  std::vector<PortHint> hints_;                          // sorted, distinct
  std::vector<std::pair<Ipv4Addr, std::string>> names_;  // sorted by address
};

// What was taken out of the targets and why, for the person who asked for the scan.
struct TargetReport {
  struct Removed {
    const SpecialRange* range = nullptr;
    uint64_t addresses = 0;  // summed over expressions
  };
  std::vector<Removed> removed;    // special-use ranges, by address
  uint64_t excluded = 0;           // addresses that exclusions took out
  uint64_t unresolved_names = 0;   // left out
  std::vector<std::string> notes;  // one line each, about names; at most kMaxNotes

  static constexpr size_t kMaxNotes = 50;
};

struct TargetPolicy {
  // Keep special-use ranges even where no expression names them. Ranges that cannot hold hosts
  // (SpecialClass::kNotUnicast) go all the same.
  bool keep_special_use = false;
  size_t max_intervals = IntervalCollector::kDefaultMaxIntervals;
  size_t max_hints = size_t{1} << 26;  // 512 MiB
};

// Special-use ranges (special_use.h): an expression that lies inside such a range names it and
// keeps its addresses; any other loses them, and the report says so. An expression inside a
// range that cannot hold hosts is an error.
//
// A name stands for its first address, as with Nmap; the report mentions the others. A name that
// cannot be resolved is left out and reported.
//
// After an error the builder is only good for destruction.
class TargetSetBuilder {
 public:
  explicit TargetSetBuilder(Resolver resolver = NoResolver(), TargetPolicy policy = {});

  // One expression of target_spec.h. InvalidArgument names it.
  absl::Status Add(std::string_view text);
  // A list (-iL): a file, or stdin for "-". Errors name file and line.
  absl::Status AddFile(const std::string& path);
  // The same from any source of bytes called `name`.
  absl::Status AddSource(const ByteSource& source, std::string_view name);

  // One address, as if it had been written alone. InvalidArgument if there are no hosts in its
  // range (multicast, say): the builder stays good; ResourceExhausted: it does not.
  absl::Status AddHost(Ipv4Addr addr);
  // A port whose state is known. Called both open and closed, it counts as open; of an address
  // that is no target it is forgotten. ResourceExhausted if there are more than max_hints.
  absl::Status AddHint(const PortHint& hint);

  // Everything added, less the exclusions. May be called once.
  // InvalidArgument if no target is left, saying what took them away.
  absl::StatusOr<TargetSet> Build(const ExclusionSet& exclusions);

  const TargetReport& report() const noexcept { return report_; }

 private:
  absl::Status AddName(const TargetSpec& spec);
  absl::Status AddSpec(const TargetSpec& spec, std::string_view text);
  // Adds what the policy leaves of `interval`; `whole` is the expression's lowest and highest one.
  absl::Status AddInterval(AddressInterval interval, AddressInterval whole);
  absl::Status RefuseIfNoHosts(AddressInterval whole, std::string_view text) const;
  void CompactHints();
  void Note(std::string text);
  absl::Status NothingLeft() const;

  Resolver resolver_;
  TargetPolicy policy_;
  IntervalCollector collector_;
  std::vector<uint64_t> removed_;  // by index of SpecialRanges()
  std::vector<PortHint> hints_;
  size_t compact_hints_at_ = 1 << 16;
  std::vector<std::pair<Ipv4Addr, std::string>> names_;
  TargetReport report_;
};

}  // namespace osprey
