// SPDX-License-Identifier: Apache-2.0
#include "engine/interval_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/check.h"

namespace osprey {
namespace {

constexpr size_t kFirstCompaction = size_t{1} << 20;

void SortAndMerge(std::vector<AddressInterval>& intervals) {
  if (intervals.empty()) return;
  if (!std::is_sorted(intervals.begin(), intervals.end())) {
    std::sort(intervals.begin(), intervals.end());
  }
  size_t kept = 0;
  for (size_t i = 1; i < intervals.size(); ++i) {
    AddressInterval& last = intervals[kept];
    const bool joins = uint64_t{intervals[i].first} <= uint64_t{last.last} + 1;
    if (joins) {
      last.last = std::max(last.last, intervals[i].last);
    } else {
      intervals[++kept] = intervals[i];
    }
  }
  intervals.resize(kept + 1);
}

}  // namespace

IntervalCollector::IntervalCollector(size_t max_intervals)
    : max_intervals_(max_intervals), compact_at_(std::min(max_intervals + 1, kFirstCompaction)) {}

absl::Status IntervalCollector::Add(AddressInterval interval) {
  OSPREY_DCHECK(interval.first <= interval.last);
  if (intervals_.size() >= compact_at_) {
    SortAndMerge(intervals_);
    if (intervals_.size() > max_intervals_) {
      return absl::ResourceExhaustedError(
          absl::StrFormat("more than %d separate address ranges; write them as fewer, larger ones",
                          max_intervals_));
    }
    // Room beyond the limit, so that a collector close to it does not sort at every call.
    const size_t most = max_intervals_ + max_intervals_ / 2 + 1;
    compact_at_ = std::min(std::max(2 * intervals_.size(), kFirstCompaction), most);
  }
  intervals_.push_back(interval);
  return absl::OkStatus();
}

std::vector<AddressInterval> IntervalCollector::Take() {
  SortAndMerge(intervals_);
  intervals_.shrink_to_fit();
  return std::exchange(intervals_, {});
}

IntervalSet::IntervalSet(std::vector<AddressInterval> intervals)
    : intervals_(std::move(intervals)) {
  starts_.reserve(intervals_.size());
  for (size_t i = 0; i < intervals_.size(); ++i) {
    OSPREY_CHECK(intervals_[i].first <= intervals_[i].last);
    OSPREY_CHECK(i == 0 || uint64_t{intervals_[i - 1].last} + 1 < intervals_[i].first);
    starts_.push_back(static_cast<uint32_t>(size_));
    size_ += intervals_[i].size();
  }
  if (intervals_.size() > kGuideFrom) BuildGuides();
}

void IntervalSet::BuildGuides() {
  while ((size_ - 1) >> index_shift_ >= intervals_.size()) ++index_shift_;
  by_index_.resize(((size_ - 1) >> index_shift_) + 1);
  size_t interval = 0;
  for (size_t bucket = 0; bucket < by_index_.size(); ++bucket) {
    const uint64_t index = uint64_t{bucket} << index_shift_;
    while (interval + 1 < starts_.size() && starts_[interval + 1] <= index) ++interval;
    by_index_[bucket] = static_cast<uint32_t>(interval);
  }
  by_prefix_.resize(0x10000);
  interval = 0;
  for (uint32_t prefix = 0; prefix < by_prefix_.size(); ++prefix) {
    while (interval < intervals_.size() && intervals_[interval].last < prefix << 16) ++interval;
    by_prefix_[prefix] = static_cast<uint32_t>(interval);
  }
}

Ipv4Addr IntervalSet::AtOfMany(uint64_t index) const noexcept {
  OSPREY_DCHECK(index < size_);
  auto low = starts_.begin();
  auto high = starts_.end();
  if (!by_index_.empty()) {
    const size_t bucket = index >> index_shift_;
    low += by_index_[bucket];
    if (bucket + 1 < by_index_.size()) high = starts_.begin() + by_index_[bucket + 1] + 1;
  }
  // The last interval that starts at or before `index`.
  const auto after = std::upper_bound(low, high, static_cast<uint32_t>(index));
  const auto i = static_cast<size_t>(after - starts_.begin()) - 1;
  return Ipv4Addr{static_cast<uint32_t>(intervals_[i].first + (index - starts_[i]))};
}

size_t IntervalSet::Find(uint32_t addr) const noexcept {
  auto low = intervals_.begin();
  auto high = intervals_.end();
  if (!by_prefix_.empty()) {
    const uint32_t prefix = addr >> 16;
    low += by_prefix_[prefix];
    // The interval behind the table's next entry ends beyond this prefix: it is the last candidate.
    if (prefix + 1 < by_prefix_.size() && by_prefix_[prefix + 1] < intervals_.size()) {
      high = intervals_.begin() + by_prefix_[prefix + 1] + 1;
    }
  }
  const auto found = std::lower_bound(
      low, high, addr,
      [](const AddressInterval& interval, uint32_t a) { return interval.last < a; });
  if (found == high || addr < found->first) return kNone;
  return static_cast<size_t>(found - intervals_.begin());
}

std::optional<uint32_t> IntervalSet::IndexOf(Ipv4Addr addr) const noexcept {
  const size_t i = Find(addr.host_order);
  if (i == kNone) return std::nullopt;
  return starts_[i] + (addr.host_order - intervals_[i].first);
}

IntervalSet IntervalSet::Minus(const IntervalSet& other) const {
  std::vector<AddressInterval> left;
  size_t j = 0;
  for (AddressInterval rest : intervals_) {
    while (j < other.intervals_.size() && other.intervals_[j].last < rest.first) ++j;
    bool used_up = false;
    for (size_t k = j; k < other.intervals_.size() && !used_up; ++k) {
      const AddressInterval& hole = other.intervals_[k];
      if (hole.first > rest.last) break;
      if (hole.first > rest.first) left.push_back({rest.first, hole.first - 1});
      used_up = hole.last >= rest.last;
      if (!used_up) rest.first = hole.last + 1;
    }
    if (!used_up) left.push_back(rest);
  }
  return IntervalSet(std::move(left));
}

size_t IntervalSet::memory_bytes() const noexcept {
  return intervals_.capacity() * sizeof(AddressInterval) +
         (starts_.capacity() + by_index_.capacity() + by_prefix_.capacity()) * sizeof(uint32_t);
}

}  // namespace osprey
