// SPDX-License-Identifier: Apache-2.0
#include "db/set_pool.h"

#include <algorithm>

#include "base/check.h"

namespace osprey::db {

SetPool::SetPool(size_t reference_count)
    : block_count_((reference_count + kBlockBits - 1) / kBlockBits), work_(words_per_set()) {
  Intern(work_);
}

uint32_t SetPool::Intern(std::span<const uint64_t> bits) {
  OSPREY_CHECK(bits.size() == words_per_set());
  std::vector<uint32_t> ids(block_count_);
  for (size_t i = 0; i < block_count_; ++i) {
    Block block;
    std::copy_n(bits.begin() + static_cast<std::ptrdiff_t>(i * kBlockWords), kBlockWords,
                block.begin());
    ids[i] = InternBlock(block);
  }
  const auto next = static_cast<uint32_t>(set_ids_.size());
  const auto [position, is_new] = set_ids_.try_emplace(ids, next);
  if (is_new) sets_.insert(sets_.end(), ids.begin(), ids.end());
  return position->second;
}

uint32_t SetPool::Intern(const std::vector<uint32_t>& references) {
  std::fill(work_.begin(), work_.end(), 0);
  for (const uint32_t reference : references) {
    work_[reference / 64] |= uint64_t{1} << (reference % 64);
  }
  return Intern(work_);
}

uint32_t SetPool::InternBlock(const Block& block) {
  const auto next = static_cast<uint32_t>(blocks_.size());
  const auto [position, is_new] = block_ids_.try_emplace(block, next);
  if (is_new) blocks_.push_back(block);
  return position->second;
}

}  // namespace osprey::db
