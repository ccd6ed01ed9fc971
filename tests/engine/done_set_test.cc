// SPDX-License-Identifier: Apache-2.0
#include "engine/done_set.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

TEST(DoneSet, SetsEachIndexOnce) {
  DoneSet done(100);
  EXPECT_FALSE(done.Test(99));
  EXPECT_TRUE(done.Set(99));
  EXPECT_FALSE(done.Set(99));
  EXPECT_TRUE(done.Test(99));
  EXPECT_FALSE(done.Test(98));
  EXPECT_EQ(done.count(), 1u);
}

TEST(DoneSet, HoldsAllOfIpv4) {
  const uint64_t size = uint64_t{1} << 32;
  DoneSet done(size);
  EXPECT_TRUE(done.Set(size - 1));
  EXPECT_TRUE(done.Test(size - 1));
  EXPECT_EQ(done.NextUnset(size - 1), size);
  done.SetBelow(size - 10);
  EXPECT_EQ(done.NextUnset(0), size - 10);
  EXPECT_EQ(done.count(), size - 9);
  EXPECT_EQ(done.page_bytes(), 8192u);
  EXPECT_TRUE(DoneSet(0).NextUnset(0) == 0);
}

TEST(DoneSet, PagesExistOnlyWhilePartlySet) {
  DoneSet done(3 * 65536);
  EXPECT_EQ(done.page_bytes(), 0u);
  for (uint32_t i = 0; i < 65535; ++i) done.Set(65536 + i);
  EXPECT_EQ(done.page_bytes(), 8192u);
  done.Set(2 * 65536 - 1);
  EXPECT_EQ(done.page_bytes(), 0u);
  EXPECT_TRUE(done.Test(65536));
  EXPECT_FALSE(done.Test(65535));
  EXPECT_FALSE(done.Test(2 * 65536));
}

TEST(DoneSet, AgreesWithAVectorOfBool) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const uint64_t size : {1u, 63u, 64u, 65536u, 65537u, 200'001u}) {
    DoneSet done(size);
    std::vector<bool> twin(size);
    for (int round = 0; round < 4; ++round) {
      for (uint64_t i = 0; i < size; ++i) {
        const uint64_t index = random() % size;
        ASSERT_EQ(done.Set(index), !twin[index]);
        twin[index] = true;
      }
      const uint64_t mark = random() % (size + 1);
      std::vector<uint64_t> want, got;
      for (uint64_t i = 0; i < mark; ++i) {
        ASSERT_EQ(done.Test(i), twin[i]);
        if (!twin[i]) want.push_back(i);
      }
      done.ForEachUnsetBelow(mark, [&](uint64_t index) { got.push_back(index); });
      ASSERT_EQ(got, want);
      const uint64_t below = random() % (size + 1);
      done.SetBelow(below);
      std::fill(twin.begin(), twin.begin() + static_cast<std::ptrdiff_t>(below), true);
      ASSERT_EQ(done.count(), static_cast<uint64_t>(std::count(twin.begin(), twin.end(), true)));
    }
  }
}

TEST(DoneSet, VisitorMaySetWhatItIsGiven) {
  DoneSet done(100'000);
  done.Set(5);
  done.ForEachUnsetBelow(99'000, [&](uint64_t index) { done.Set(index); });
  EXPECT_EQ(done.NextUnset(0), 99'000u);
}

}  // namespace
}  // namespace osprey
