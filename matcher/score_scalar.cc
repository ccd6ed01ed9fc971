// SPDX-License-Identifier: Apache-2.0
// The kernel that every other must equal: 64 references at a time, on any CPU.
#include "matcher/score_impl.h"

namespace osprey::matcher {
namespace {

struct Scalar {
  using Register = uint64_t;
  static constexpr size_t kWords = 1;
  static constexpr size_t kGroup = 4;
  static Register Load(const uint64_t* p) { return *p; }
  static void Store(uint64_t* p, Register r) { *p = r; }
  static Register Zero() { return 0; }
  static Register Ones() { return ~uint64_t{0}; }
  static Register And(Register a, Register b) { return a & b; }
  static Register Xor(Register a, Register b) { return a ^ b; }
  static Register Sum(Register a, Register b, Register c) { return a ^ b ^ c; }
  static Register Carry(Register a, Register b, Register c) { return (a & b) | (c & (a ^ b)); }
  static Register Or(Register a, Register b) { return a | b; }
  static Register Borrow(Register a, Register b, Register c) { return (~a & b) | (c & ~(a ^ b)); }
  static Register AtLeastStep(Register so_far, Register a, Register b) {
    return (a & ~b) | (so_far & ~(a ^ b));
  }
  static Register Broadcast(uint64_t x) { return x; }
  static Register CountIfBelow(Register n, Register a, Register b) { return n + (a < b ? 1 : 0); }
  static void Distances(const uint16_t* matched, const uint16_t* possible, uint64_t* out) {
    out[0] = DistancePlain(matched[0], possible[0]);
  }
};

void SpreadScalar(const uint64_t* planes, size_t plane_count, uint16_t* numbers) noexcept {
  for (size_t i = 0; i < kBlockBits; ++i) {
    uint32_t number = 0;
    for (size_t k = 0; k < plane_count; ++k) {
      const uint64_t bit = (planes[k * kBlockWords + i / 64] >> (i % 64)) & 1;
      number |= static_cast<uint32_t>(bit) << k;
    }
    numbers[i] = static_cast<uint16_t>(number);
  }
}

bool Always() { return true; }

}  // namespace

const Kernel kScalarKernel = {"scalar",     Always,    Add<Scalar>,    Select<Scalar>,
                              SpreadScalar, CountBits, ToKeys<Scalar>, CountBelow<Scalar>,
                              Order<Scalar>};

}  // namespace osprey::matcher
