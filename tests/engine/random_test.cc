// SPDX-License-Identifier: Apache-2.0
#include "engine/random.h"

#include <gtest/gtest.h>

namespace osprey {
namespace {

// The test vectors of the SipHash paper (key 00..0f), 8 and 16 bytes of input.
TEST(KeyedHash, IsSipHash24) {
  HashKey key;
  for (uint8_t i = 0; i < 16; ++i) key[i] = i;
  EXPECT_EQ(KeyedHash(key, 0x0706050403020100), 0x93f5f5799a932462u);
  EXPECT_EQ(KeyedHash(key, 0x0706050403020100, 0x0f0e0d0c0b0a0908), 0x3f2acc7f57c29bdbu);
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
