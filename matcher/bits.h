// SPDX-License-Identifier: Apache-2.0
#pragma once
// Walking through bits that are set. Pure functions.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace osprey::matcher {

template <typename Function>
void ForEachBit(const uint64_t* words, size_t word_count, Function function) {
  for (size_t w = 0; w < word_count; ++w) {
    for (uint64_t left = words[w]; left != 0; left &= left - 1) {
      function(w * 64 + static_cast<size_t>(std::countr_zero(left)));
    }
  }
}

}  // namespace osprey::matcher
