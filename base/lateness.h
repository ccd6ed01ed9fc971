// SPDX-License-Identifier: Apache-2.0
#pragma once
// A histogram of durations: how late things were. Exact below 16 ns, and to an eighth above; fixed
// size, never allocates. Written by one thread, read by any (base/counter.h); histograms of several
// threads are added up by the reader.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"

namespace osprey {
namespace lateness_internal {

inline constexpr size_t kSubBits = 3;  // eight buckets for each doubling
inline constexpr int64_t kMost = 60'000'000'000;

constexpr size_t BucketOf(int64_t ns) noexcept {
  const auto value = static_cast<uint64_t>(std::clamp<int64_t>(ns, 0, kMost));
  if (value < 16) return value;
  const auto shift = static_cast<size_t>(std::bit_width(value)) - 1 - kSubBits;
  return (shift << kSubBits) + (value >> shift);
}
// The largest value of a bucket.
constexpr int64_t EndOf(size_t bucket) noexcept {
  if (bucket < 16) return static_cast<int64_t>(bucket);
  const size_t shift = (bucket >> kSubBits) - 1;
  const size_t top = bucket - (shift << kSubBits);
  return (static_cast<int64_t>(top + 1) << shift) - 1;
}
inline constexpr size_t kBuckets = BucketOf(kMost) + 1;

}  // namespace lateness_internal

class LatenessHistogram {
 public:
  // Nanoseconds; what is negative counts as 0, what is more than a minute as a minute.
  void Add(int64_t ns) noexcept { buckets_[lateness_internal::BucketOf(ns)].Add(); }

  uint64_t count() const noexcept {
    uint64_t sum = 0;
    for (const Counter& bucket : buckets_) sum += bucket.value();
    return sum;
  }
  // Adds another one's numbers to this one's. This one's thread.
  void Merge(const LatenessHistogram& other) noexcept {
    for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i].Add(other.buckets_[i].value());
  }
  // At least `share` (0..1) of all were at most this late: the upper end of a bucket. 0 if empty.
  int64_t Quantile(double share) const noexcept {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(count()));
    uint64_t seen = 0;
    int64_t end = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      const uint64_t here = buckets_[i].value();
      if (here == 0) continue;
      seen += here;
      end = lateness_internal::EndOf(i);
      if (seen >= std::max<uint64_t>(wanted, 1)) break;
    }
    return end;
  }

 private:
  std::array<Counter, lateness_internal::kBuckets> buckets_;
};

}  // namespace osprey
