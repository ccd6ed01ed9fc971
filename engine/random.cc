// SPDX-License-Identifier: Apache-2.0
#include "engine/random.h"

#include <sodium.h>

#include <cstddef>

#include "base/check.h"

namespace osprey {
namespace {

static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<HashKey>);
static_assert(crypto_shorthash_BYTES == sizeof(uint64_t));

void StoreLittleEndian(uint64_t value, uint8_t* out) noexcept {
  for (int i = 0; i < 8; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

uint64_t LoadLittleEndian(const uint8_t* in) noexcept {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= static_cast<uint64_t>(in[i]) << (8 * i);
  return value;
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

uint64_t KeyedHash(const HashKey& key, uint64_t a) noexcept {
  std::array<uint8_t, 8> in, out;
  StoreLittleEndian(a, in.data());
  crypto_shorthash(out.data(), in.data(), in.size(), key.data());
  return LoadLittleEndian(out.data());
}

uint64_t KeyedHash(const HashKey& key, uint64_t a, uint64_t b) noexcept {
  std::array<uint8_t, 16> in;
  std::array<uint8_t, 8> out;
  StoreLittleEndian(a, in.data());
  StoreLittleEndian(b, in.data() + 8);
  crypto_shorthash(out.data(), in.data(), in.size(), key.data());
  return LoadLittleEndian(out.data());
}

}  // namespace osprey
