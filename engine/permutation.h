// SPDX-License-Identifier: Apache-2.0
#pragma once
// A keyed bijection on [0, size): the order in which targets are probed. Neighbouring positions
// give addresses far apart, so no network sees more than its share at a time; the state is the key
// alone, so any position can be computed, resumed or given to another machine.
//
// Algorithm: a generalized Feistel network (Black and Rogaway, "Ciphers with arbitrary finite
// domains", 2002) on pairs (low, high) with low < a, high < b, a = ceil(sqrt(size)) and
// b = ceil(size / a): six times one half is added, modulo its range, a keyed hash of the other.
// A result outside [0, size) is enciphered again until it falls inside ("cycle walking", which
// keeps the bijection). At most one value in b lies outside, so that is rare for every size; with
// the usual power-of-two domain a size just above one walks twice on average, measured at 35 ns
// instead of 10. The hash is multiply, fold, multiply with per-round keys from SipHash: not a
// cipher against an adversary, it must only look uniform, which the tests check.
// a is at least 2, for the division.
//
// Immutable; any thread may call; no method allocates.

#include <cstdint>
#include <span>

#include "engine/feistel.h"
#include "engine/hash_kernels.h"
#include "engine/random.h"

namespace osprey {

class Permutation {
 public:
  // REQUIRES: size <= 2^32. A permutation of size 0 has no valid argument.
  // `kernel` only matters for speed; it outlives the permutation.
  Permutation(uint64_t size, const HashKey& key, const HashKernel& kernel = BestHashKernel());

  uint64_t size() const noexcept { return size_; }

  // The element at `position`. REQUIRES: position < size().
  uint32_t Forward(uint32_t position) const noexcept;
  // The same for each of `values`, in place: many at a time.
  void ForwardAll(std::span<uint32_t> values) const noexcept;
  // The position of `element`: Inverse(Forward(i)) == i. REQUIRES: element < size().
  uint32_t Inverse(uint32_t element) const noexcept;

 private:
  uint64_t size_;
  FeistelKey key_;
  const HashKernel* kernel_;
};

}  // namespace osprey
