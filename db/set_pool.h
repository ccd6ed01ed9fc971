// SPDX-License-Identifier: Apache-2.0
#pragma once
// Makes equal reference sets one, and equal blocks of 512 references one (see image_format.h).
// Ids are given in order of first appearance. Set 0 is empty, block 0 is zero.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "db/image_format.h"

namespace osprey::db {

class SetPool {
 public:
  explicit SetPool(size_t reference_count);

  size_t words_per_set() const { return block_count_ * kBlockWords; }
  uint32_t block_count() const { return static_cast<uint32_t>(block_count_); }

  // REQUIRES: bits.size() == words_per_set()
  uint32_t Intern(std::span<const uint64_t> bits);
  // The set of the given references, which must be smaller than reference_count.
  uint32_t Intern(const std::vector<uint32_t>& references);

  const std::vector<uint32_t>& sets() const { return sets_; }
  const std::vector<std::array<uint64_t, kBlockWords>>& blocks() const { return blocks_; }
  uint32_t set_count() const { return static_cast<uint32_t>(set_ids_.size()); }

 private:
  using Block = std::array<uint64_t, kBlockWords>;

  uint32_t InternBlock(const Block& block);

  size_t block_count_;
  std::vector<uint32_t> sets_;
  std::vector<Block> blocks_;
  absl::flat_hash_map<Block, uint32_t> block_ids_;
  absl::flat_hash_map<std::vector<uint32_t>, uint32_t> set_ids_;
  std::vector<uint64_t> work_;
};

}  // namespace osprey::db
