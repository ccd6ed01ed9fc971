// SPDX-License-Identifier: Apache-2.0
#pragma once
// Division of 32-bit numbers by one that is only known at run time, as multiplications: a probe
// needs two, and the processor's own division takes three to six times as long.
//
// Algorithm: Lemire, Kaser and Kurz, "Faster remainder by direct computation" (2019). With
// m = ceil(2^64 / d), m * n / 2^64 is the quotient, and what lies behind the point, times d, the
// remainder: exact for all 32-bit n and d. A value; any thread.

#include <cstdint>

#include "base/check.h"

namespace osprey {

class Divider {
 public:
  // REQUIRES: divisor >= 2
  explicit Divider(uint32_t divisor) : inverse_(~uint64_t{0} / divisor + 1), divisor_(divisor) {
    OSPREY_CHECK(divisor >= 2);
  }

  uint32_t divisor() const noexcept { return divisor_; }
  uint64_t inverse() const noexcept { return inverse_; }  // m
  uint32_t Quotient(uint32_t n) const noexcept { return High(inverse_, n); }
  uint32_t Remainder(uint32_t n) const noexcept { return High(inverse_ * n, divisor_); }

 private:
  __extension__ using Wide = unsigned __int128;

  static uint32_t High(uint64_t a, uint32_t b) noexcept {
    return static_cast<uint32_t>(Wide{a} * b >> 64);
  }

  uint64_t inverse_;
  uint32_t divisor_;
};

}  // namespace osprey
