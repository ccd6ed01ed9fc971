// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which positions of the permuted target sequence this run visits: a sample (the first N of the
// sequence, which is a random choice because the order is) and, of that, one share of several
// machines. Shares are interleaved: share i of n has positions i, i+n, i+2n, ..., so together
// they are everything, no two meet, and all run through the whole address range evenly.
//
// Shares fit together only if all runs have the same targets, exclusions, sample and seed.
//
//   step (0 .. size()-1)  --PositionAt-->  position (0 .. total-1)  --Permutation-->  target index
//
// Immutable value; any thread; nothing allocates.

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/check.h"

namespace osprey {

// Share `index` (from 0) of `count`.
struct Shard {
  uint32_t index = 0;
  uint32_t count = 1;

  // "2/5" is the second of five. InvalidArgument says what is wrong.
  static absl::StatusOr<Shard> Parse(std::string_view text);

  friend bool operator==(const Shard&, const Shard&) = default;
};

// A number of targets or a share of them.
struct Sample {
  std::optional<uint64_t> targets;
  std::optional<double> fraction;  // of 1

  // "1000" or "0.5%". InvalidArgument says what is wrong.
  static absl::StatusOr<Sample> Parse(std::string_view text);

  // How many of `total` targets: at most all, at least one if there is any; a fraction is rounded
  // up. All of them if neither is set.
  uint64_t Of(uint64_t total) const;
};

class ShardPlan {
 public:
  // REQUIRES: total <= 2^32, shard.index < shard.count.
  ShardPlan(uint64_t total, Shard shard, const Sample& sample = {});

  // How many positions this run visits.
  uint64_t size() const noexcept { return size_; }
  // How many all shares visit together: the sample.
  uint64_t sampled() const noexcept { return sampled_; }
  Shard shard() const noexcept { return shard_; }

  // The position visited in this step. REQUIRES: step < size().
  uint64_t PositionAt(uint64_t step) const noexcept {
    OSPREY_DCHECK(step < size_);
    return shard_.index + step * shard_.count;
  }
  // The step that visits `position`; nullopt if this run does not.
  std::optional<uint64_t> StepOf(uint64_t position) const noexcept;

 private:
  uint64_t sampled_;
  Shard shard_;
  uint64_t size_;
};

}  // namespace osprey
