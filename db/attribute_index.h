// SPDX-License-Identifier: Apache-2.0
#pragma once
// Turns the distinct expressions of one attribute into tables that find, for a measured value, the
// references whose expression it matches, without looking at any expression.
//
// Values that start with a hex digit are points on a line ordered by CompareHex. The ends of all
// ranges and relations and all hexadecimal texts are marks on it; which expressions match changes
// at the marks only. So there is one reference set for each mark and one for each gap. Other values
// can only be equal to some alternative: one set for each such text. Alternatives with brackets
// match infinitely many values; the texts that occur are resolved here, and for the rest the
// alternatives are listed by their outline (OutlineHash) to be tried one by one.

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "db/rule_set.h"
#include "db/set_pool.h"

namespace osprey::db {

struct AttributeIndex {
  std::vector<uint64_t> keys;      // ascending
  std::vector<uint32_t> key_sets;  // 2 * keys.size() + 1
  struct Short {
    uint64_t key;
    uint32_t set;
  };
  std::vector<Short> short_values;  // by ascending key
  struct Long {
    std::string_view text;
    uint32_t set;
  };
  std::vector<Long> long_values;  // in order of first appearance
  struct Outline {
    uint64_t hash;
    uint32_t expression;  // index within the attribute
  };
  std::vector<Outline> outlines;  // by ascending hash, then expression
};

// ResourceExhausted if the ranges overlap so much that the tables would be unreasonably large.
absl::Status BuildAttributeIndex(AttributeId attribute, const std::vector<Expression>& expressions,
                                 SetPool& pool, AttributeIndex& out);

}  // namespace osprey::db
