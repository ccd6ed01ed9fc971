// SPDX-License-Identifier: Apache-2.0
#include "engine/permutation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

constexpr uint64_t kAll = uint64_t{1} << 32;

TEST(Permutation, IsABijectionForEverySmallSize) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  for (uint64_t size = 1; size <= 1100; ++size) {
    const Permutation permutation(size, DeriveKey(seed + size, "test"));
    std::vector<bool> seen(size);
    for (uint32_t i = 0; i < size; ++i) {
      const uint32_t element = permutation.Forward(i);
      ASSERT_LT(element, size);
      ASSERT_FALSE(seen[element]) << size;
      seen[element] = true;
      ASSERT_EQ(permutation.Inverse(element), i) << size;
    }
  }
}

TEST(Permutation, IsABijectionAroundPowersOfTwo) {
  for (const uint64_t size : {65535u, 65536u, 65537u, 131073u, 1048575u}) {
    const Permutation permutation(size, DeriveKey(size, "test"));
    std::vector<bool> seen(size);
    for (uint32_t i = 0; i < size; ++i) seen[permutation.Forward(i)] = true;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), static_cast<std::ptrdiff_t>(size));
  }
}

TEST(Permutation, InvertsAtRandomPositionsOfHugeSizes) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const uint64_t size : {kAll, kAll - 1, (kAll >> 1) + 1, uint64_t{3'702'258'432}}) {
    const Permutation permutation(size, DeriveKey(random(), "test"));
    for (int i = 0; i < 20'000; ++i) {
      const auto position = static_cast<uint32_t>(random() % size);
      const uint32_t element = permutation.Forward(position);
      ASSERT_LT(element, size);
      ASSERT_EQ(permutation.Inverse(element), position);
    }
    const auto last = static_cast<uint32_t>(size - 1);
    EXPECT_EQ(permutation.Inverse(permutation.Forward(last)), last);
    EXPECT_EQ(permutation.Inverse(permutation.Forward(0)), 0u);
  }
}

TEST(Permutation, ForwardAllIsForwardOfEach) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const uint64_t size : {uint64_t{1}, uint64_t{5}, uint64_t{1000}, uint64_t{65537}, kAll}) {
    const Permutation permutation(size, DeriveKey(random(), "test"));
    std::vector<uint32_t> values(777);
    for (uint32_t& value : values) value = static_cast<uint32_t>(random() % size);
    std::vector<uint32_t> want = values;
    for (uint32_t& value : want) value = permutation.Forward(value);
    permutation.ForwardAll(values);
    EXPECT_EQ(values, want) << size;
  }
}

// A seed must give the same order in every build and every release: saved scans depend on it.
TEST(Permutation, ASeedReproducesTheOrder) {
  const Permutation permutation(1'000'000, DeriveKey(42, "permutation"));
  const std::vector<uint32_t> want = {790131, 882077, 455178, 731869,
                                      458466, 32011,  693221, 206939};
  for (uint32_t i = 0; i < want.size(); ++i) EXPECT_EQ(permutation.Forward(i), want[i]) << i;
}

// Chi-square of `counts` against a uniform distribution, as standard deviations from its mean.
double ChiSquareDeviation(const std::vector<uint64_t>& counts, uint64_t total) {
  const double expected = static_cast<double>(total) / static_cast<double>(counts.size());
  double chi_square = 0;
  for (const uint64_t count : counts) {
    const double d = static_cast<double>(count) - expected;
    chi_square += d * d / expected;
  }
  const double freedom = static_cast<double>(counts.size() - 1);
  return (chi_square - freedom) / std::sqrt(2 * freedom);
}

// The seeds below are fixed: these are properties of the algorithm, and a bound of 5 standard
// deviations would fail now and then with fresh ones.
class PermutationStatistics : public testing::TestWithParam<uint64_t> {
 protected:
  static constexpr uint32_t kSamples = 1 << 20;
  static constexpr uint32_t kBuckets = 1024;
};

TEST_P(PermutationStatistics, ConsecutivePositionsSpreadOverAllBuckets) {
  const uint64_t size = GetParam();
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Permutation permutation(size, DeriveKey(seed, "test"));
    std::vector<uint64_t> counts(kBuckets);
    for (uint32_t i = 0; i < kSamples; ++i) {
      ++counts[permutation.Forward(i) * uint64_t{kBuckets} / size];
    }
    EXPECT_LT(std::abs(ChiSquareDeviation(counts, kSamples)), 5) << seed;
  }
}

TEST_P(PermutationStatistics, DifferencesOfNeighboursAreUniform) {
  const uint64_t size = GetParam();
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Permutation permutation(size, DeriveKey(seed, "test"));
    std::vector<uint64_t> counts(kBuckets);
    uint64_t before = permutation.Forward(0);
    for (uint32_t i = 1; i <= kSamples; ++i) {
      const uint64_t element = permutation.Forward(i);
      const uint64_t difference = (element + size - before) % size;
      ++counts[difference * kBuckets / size];
      before = element;
    }
    EXPECT_LT(std::abs(ChiSquareDeviation(counts, kSamples)), 5) << seed;
  }
}

TEST_P(PermutationStatistics, LowBitsAndStridesAreUniformToo) {
  const uint64_t size = GetParam();
  const Permutation permutation(size, DeriveKey(7, "test"));
  for (const uint64_t stride : {1u, 2u, 256u, 4096u}) {
    std::vector<uint64_t> counts(256);
    const uint64_t samples = std::min<uint64_t>(kSamples, size / stride);  // no position twice
    for (uint64_t i = 0; i < samples; ++i) {
      ++counts[permutation.Forward(static_cast<uint32_t>(i * stride)) % 256];
    }
    EXPECT_LT(std::abs(ChiSquareDeviation(counts, samples)), 5) << stride;
  }
}

// Sizes far above the number of samples, where sampling without replacement does not show.
INSTANTIATE_TEST_SUITE_P(Sizes, PermutationStatistics,
                         testing::Values(kAll, uint64_t{3'702'258'432}, (kAll >> 1) + 1,
                                         uint64_t{1} << 29));

TEST(Permutation, NoSlash24GetsABurst) {
  // In any 4,096 consecutive positions of a /8, a /24 is met about 1/16 times. A thousand windows
  // of a uniform order have no /24 more than 9 times with a probability of over 0.999.
  const Permutation permutation(1 << 24, DeriveKey(9, "test"));
  for (uint32_t window = 0; window < 200; ++window) {
    std::vector<uint32_t> met(1 << 16);
    for (uint32_t i = 0; i < 4096; ++i) {
      const uint32_t slash24 = permutation.Forward(window * 4096 + i) >> 8;
      ASSERT_LT(++met[slash24], 9u);
    }
  }
}

}  // namespace
}  // namespace osprey
