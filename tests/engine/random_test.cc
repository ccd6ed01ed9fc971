// SPDX-License-Identifier: Apache-2.0
#include "engine/random.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <bit>
#include <cstring>
#include <random>

namespace osprey {
namespace {

// The test vectors of the SipHash paper (key 00..0f), 8 and 16 bytes of input.
TEST(KeyedHash, IsSipHash24) {
  HashKey key;
  for (uint8_t i = 0; i < 16; ++i) key[i] = i;
  EXPECT_EQ(KeyedHash(key, 0x0706050403020100), 0x93f5f5799a932462u);
  EXPECT_EQ(KeyedHash(key, 0x0706050403020100, 0x0f0e0d0c0b0a0908), 0x3f2acc7f57c29bdbu);
}

TEST(KeyedHash, EqualsLibsodium) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "words are not bytes here";
  std::mt19937_64 random(7);
  for (int i = 0; i < 10'000; ++i) {
    HashKey key;
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    const std::array<uint64_t, 2> words = {random(), random()};
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), words.data(), bytes.size());
    const auto expected = [&](size_t length) {
      uint64_t hash = 0;
      crypto_shorthash(reinterpret_cast<uint8_t*>(&hash), bytes.data(), length, key.data());
      return hash;
    };
    ASSERT_EQ(KeyedHash(key, words[0]), expected(8));
    ASSERT_EQ(KeyedHash(key, words[0], words[1]), expected(16));
  }
}

TEST(NoiseHash, EveryInputBitMovesBothHalvesOfTheOutput) {
  const NoiseHash noise(DeriveKey(3, "test"));
  std::mt19937_64 random(9);
  for (int bit = 0; bit < 64; ++bit) {
    int low = 0, high = 0;
    for (int i = 0; i < 256; ++i) {
      const uint64_t word = random();
      const uint64_t change = noise(word) ^ noise(word ^ uint64_t{1} << bit);
      low += std::popcount(static_cast<uint32_t>(change));
      high += std::popcount(static_cast<uint32_t>(change >> 32));
    }
    // 16 of 32 bits on average; the highest bits of the input reach fewer.
    EXPECT_GT(low, 256 * 4) << bit;
    EXPECT_GT(high, 256 * 4) << bit;
  }
}

TEST(DeriveKey, DependsOnSeedAndPurposeAndNothingElse) {
  EXPECT_EQ(DeriveKey(1, "a"), DeriveKey(1, "a"));
  EXPECT_NE(DeriveKey(1, "a"), DeriveKey(1, "b"));
  EXPECT_NE(DeriveKey(1, "a"), DeriveKey(2, "a"));
}

TEST(RandomSeed, IsNotAConstant) { EXPECT_NE(RandomSeed(), RandomSeed()); }

TEST(ScaleTo, CoversTheRangeAndNothingBeyond) {
  EXPECT_EQ(ScaleTo(0, 10), 0u);
  EXPECT_EQ(ScaleTo(0xFFFFFFFF, 10), 9u);
  EXPECT_EQ(ScaleTo(0x80000000, 10), 5u);
}

}  // namespace
}  // namespace osprey
