// SPDX-License-Identifier: Apache-2.0
// Every kernel against the one-at-a-time functions, and these against values that must never
// change: resumed scans, shards and replies to earlier probes depend on them.

#include "engine/hash_kernels.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/permutation.h"
#include "engine/random.h"
#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

class HashKernelTest : public ::testing::TestWithParam<const HashKernel*> {};

TEST_P(HashKernelTest, SipHashOfEachWordForEveryCount) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (size_t count = 0; count <= 130; ++count) {
    const HashKey key = DeriveKey(random(), "test");
    std::vector<uint64_t> words(count + 1), want(count + 1);
    for (size_t i = 0; i <= count; ++i) {
      words[i] = i % 5 == 0 ? ~uint64_t{0} - i : random();
      want[i] = KeyedHash(key, words[i]);
    }
    want[count] = words[count];  // behind the end
    GetParam()->siphash(key.data(), words.data(), count);
    ASSERT_EQ(words, want) << count;
  }
}

TEST_P(HashKernelTest, PermutationOfEveryRangeSize) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::vector<uint64_t> sizes = {
      1, 2, 3, 4, 5, 0x10000, 0x10001, 0x7FFFFFFF, 0x80000001, 0xFFFFFFFF, uint64_t{1} << 32};
  for (int bits = 1; bits <= 32; ++bits) {
    for (int i = 0; i < 20; ++i) sizes.push_back(1 + (random() >> (64 - bits)));
  }
  for (const uint64_t size : sizes) {
    const HashKey key = DeriveKey(random(), "test");
    const Permutation one_by_one(size, key, kScalarHashKernel);
    const Permutation together(size, key, *GetParam());
    std::vector<uint32_t> values(1 + random() % 100);
    for (uint32_t& value : values) value = static_cast<uint32_t>(random() % size);
    values.front() = static_cast<uint32_t>(size - 1);
    std::vector<uint32_t> want;
    for (const uint32_t value : values) want.push_back(one_by_one.Forward(value));
    together.ForwardAll(values);
    ASSERT_EQ(values, want) << size;
  }
}

TEST_P(HashKernelTest, OrderAndHashesAreThoseOfEarlierReleases) {
  const Permutation permutation(4'194'304, DeriveKey(7, "permutation"), *GetParam());
  std::vector<uint32_t> order = {0, 1, 2, 3, 4, 4'194'303};
  permutation.ForwardAll(order);
  EXPECT_EQ(order, (std::vector<uint32_t>{575572, 2732455, 1105275, 1827466, 91795, 1385875}));
  const HashKey key = DeriveKey(7, "cookie");
  std::vector<uint64_t> words = {0, 1, 0x0001'0050'0A40'0001};
  GetParam()->siphash(key.data(), words.data(), words.size());
  EXPECT_EQ(words,
            (std::vector<uint64_t>{0xDBDE9B0AC82BD2D1, 0xD6B5562529F0414E, 0xAF184E2694E54C02}));
}

INSTANTIATE_TEST_SUITE_P(Kernels, HashKernelTest,
                         ::testing::ValuesIn(SupportedHashKernels().begin(),
                                             SupportedHashKernels().end()),
                         [](const auto& kernel) { return std::string(kernel.param->name); });

}  // namespace
}  // namespace osprey
