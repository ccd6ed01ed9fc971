// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a measured value to the set of references whose expression it matches. The image has tables
// for all values that references name and for all ranges; only alternatives with brackets, and
// values that no stack sends (leading zeros, more than eight hex digits), are evaluated here, on
// the attribute's distinct expressions. Their unions become dynamic sets, which belong to one
// thread and have ids behind those of the image.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "db/image.h"
#include "matcher/kernels.h"

namespace osprey::matcher {

class DynamicSets {
 public:
  static constexpr size_t kMost = 1024;  // of those for one Scratch

  // At least db::kAttributeCount must fit: one subject's.
  DynamicSets(db::Image image, size_t capacity);

  // Room for the expressions of the next union: an empty list that never has to grow.
  std::vector<uint32_t>& Expressions() {
    expressions_.clear();
    return expressions_;
  }
  // The union of an image's set and of the sets of Expressions(). nullopt if full: Clear first.
  std::optional<uint32_t> Union(uint32_t base_set);
  // All ids given so far become invalid.
  void Clear();

  // Of any set, the image's or one of these.
  SetView View(uint32_t set) const {
    const size_t image_sets = image_.header().set_count;
    if (set < image_sets) return {image_.set(set), image_.blocks()};
    return {identity_.data(), words_.data() + (set - image_sets) * words_per_set_};
  }

 private:
  void MergeInto(uint32_t set, uint64_t* words) const;

  db::Image image_;
  size_t words_per_set_;
  size_t capacity_;
  size_t count_ = 0;
  std::vector<uint64_t> words_;
  std::vector<uint32_t> identity_;
  std::vector<uint32_t> expressions_;
  std::vector<uint32_t> table_;  // open addressing by hash of the words: number + 1; 0 is empty
};

// The set for `value`; nullopt if `dynamic` is full. Does not allocate.
std::optional<uint32_t> Resolve(const db::Image& image, db::AttributeId attribute,
                                std::string_view value, DynamicSets& dynamic);

}  // namespace osprey::matcher
