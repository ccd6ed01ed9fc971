// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sets of IPv4 addresses as sorted, disjoint, non-adjacent closed intervals: exact from one
// address to all of them, small for ranges, at most 16 bytes an entry for lists of single
// addresses. Targets and exclusions are both made of this.
//
// IntervalSet is immutable and may be read by any thread; no query allocates. Queries are binary
// searches narrowed by two guide tables, so that a list of 30 million entries costs a few cache
// misses rather than 25. IntervalCollector belongs to one thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "base/address.h"
#include "base/check.h"

namespace osprey {

// Addresses first..last in host byte order, both included. REQUIRES: first <= last.
struct AddressInterval {
  uint32_t first = 0;
  uint32_t last = 0;

  constexpr uint64_t size() const { return uint64_t{last} - first + 1; }
  constexpr bool Contains(uint32_t addr) const { return addr >= first && addr <= last; }
  constexpr bool Contains(const AddressInterval& other) const {
    return other.first >= first && other.last <= last;
  }

  friend auto operator<=>(const AddressInterval&, const AddressInterval&) = default;
};

// Gathers intervals in any order, overlapping or not, in memory bounded by the distinct ones: it
// sorts and merges whenever it has grown to twice what was left after the last time.
class IntervalCollector {
 public:
  static constexpr size_t kDefaultMaxIntervals = size_t{1} << 26;  // 512 MiB, 768 at worst

  explicit IntervalCollector(size_t max_intervals = kDefaultMaxIntervals);

  // ResourceExhausted if more than max_intervals remain after merging; the collector is then
  // only good for destruction.
  absl::Status Add(AddressInterval interval);

  // Sorted and merged. Leaves the collector empty.
  std::vector<AddressInterval> Take();

 private:
  size_t max_intervals_;
  size_t compact_at_;
  std::vector<AddressInterval> intervals_;
};

class IntervalSet {
 public:
  IntervalSet() = default;
  // REQUIRES: sorted, disjoint and not adjacent, as from IntervalCollector::Take.
  explicit IntervalSet(std::vector<AddressInterval> intervals);

  // Number of addresses, 0..2^32.
  uint64_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::span<const AddressInterval> intervals() const noexcept { return intervals_; }

  bool Contains(Ipv4Addr addr) const noexcept { return Find(addr.host_order) != kNone; }
  // The address with `index` lower ones in the set. REQUIRES: index < size().
  Ipv4Addr At(uint64_t index) const noexcept {
    if (intervals_.size() > 1) return AtOfMany(index);
    OSPREY_DCHECK(index < size_);
    return Ipv4Addr{static_cast<uint32_t>(intervals_[0].first + index)};
  }
  // The inverse of At; nullopt if `addr` is not in the set.
  std::optional<uint32_t> IndexOf(Ipv4Addr addr) const noexcept;

  // What is in this set and not in `other`.
  IntervalSet Minus(const IntervalSet& other) const;

  // Memory of intervals and tables.
  size_t memory_bytes() const noexcept;

 private:
  static constexpr size_t kNone = ~size_t{0};
  // Up to this many intervals a plain binary search is as fast as a table.
  static constexpr size_t kGuideFrom = 64;

  void BuildGuides();
  Ipv4Addr AtOfMany(uint64_t index) const noexcept;
  // Which interval holds `addr`, or kNone.
  size_t Find(uint32_t addr) const noexcept;

  uint64_t size_ = 0;
  std::vector<AddressInterval> intervals_;
  std::vector<uint32_t> starts_;  // [i]: addresses in the intervals before i
  // Guides, empty for small sets. by_index_[b] is the interval that holds index b << index_shift_;
  // by_prefix_[p] is the first interval that ends at or after address p << 16.
  int index_shift_ = 0;
  std::vector<uint32_t> by_index_;
  std::vector<uint32_t> by_prefix_;
};

}  // namespace osprey
