// SPDX-License-Identifier: Apache-2.0
#include "engine/random.h"

#include <sodium.h>

#include <cstddef>

#include "base/check.h"

namespace osprey {
namespace {

void StoreLittleEndian(uint64_t value, uint8_t* out) noexcept {
  for (int i = 0; i < 8; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace

uint64_t RandomSeed() {
  OSPREY_CHECK(sodium_init() >= 0);
  uint64_t seed = 0;
  randombytes_buf(&seed, sizeof(seed));
  return seed;
}

HashKey DeriveKey(uint64_t seed, std::string_view purpose) {
  std::array<uint8_t, 8> seed_bytes;
  StoreLittleEndian(seed, seed_bytes.data());
  HashKey key;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, key.size());
  crypto_generichash_update(&state, seed_bytes.data(), seed_bytes.size());
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(purpose.data()),
                            purpose.size());
  crypto_generichash_final(&state, key.data(), key.size());
  return key;
}

}  // namespace osprey
