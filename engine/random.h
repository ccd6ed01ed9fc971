// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where every "random" choice of a scan comes from: one 64-bit seed, and keyed hashes of it. The
// same seed gives the same order of hosts, the same cookies and the same probes, so a scan can be
// repeated, resumed and divided over machines. Who knows the seed can forge replies: it belongs in
// the journal of the scan's owner and nowhere else.
//
// All functions may be called from any thread; none allocates, none blocks except RandomSeed at
// the very start of a machine's life.

#include <array>
#include <cstdint>
#include <string_view>

#include "base/siphash.h"

namespace osprey {

// A SipHash key. Byte order is fixed by DeriveKey; treat as opaque.
using HashKey = std::array<uint8_t, 16>;

// An unpredictable seed from the operating system.
uint64_t RandomSeed();

// The key for one purpose ("permutation", "cookie", ...): BLAKE2b of seed and purpose, so that what
// one user of the seed shows on the wire says nothing about the others.
HashKey DeriveKey(uint64_t seed, std::string_view purpose);

// SipHash-2-4 of one or two words, taken as little-endian bytes on every machine.
inline uint64_t KeyedHash(const HashKey& key, uint64_t a) noexcept {
  SipHash hash(key);
  hash.Add(a);
  return hash.Finish();
}
inline uint64_t KeyedHash(const HashKey& key, uint64_t a, uint64_t b) noexcept {
  SipHash hash(key);
  hash.Add(a);
  hash.Add(b);
  return hash.Finish();
}

// Numbers that only have to look random, such as IP IDs: two multiplications and no secret kept.
class NoiseHash {
 public:
  explicit NoiseHash(const HashKey& key)
      : add_(KeyedHash(key, 0)), multiply_(KeyedHash(key, 1) | 1) {}

  uint64_t operator()(uint64_t word) const noexcept {
    uint64_t x = (word + add_) * multiply_;
    x ^= x >> 32;
    x *= 0x9E3779B97F4A7C15;  // 2^64 / golden ratio, odd
    return x ^ x >> 32;
  }

 private:
  uint64_t add_;
  uint64_t multiply_;
};

// Maps 32 uniform bits to [0, n) without a division (Lemire's multiply and shift). The bias is at
// most n / 2^32.
constexpr uint32_t ScaleTo(uint32_t uniform, uint32_t n) {
  return static_cast<uint32_t>(static_cast<uint64_t>(uniform) * n >> 32);
}

}  // namespace osprey
