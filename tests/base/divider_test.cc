// SPDX-License-Identifier: Apache-2.0
#include "base/divider.h"

#include <gtest/gtest.h>

#include <random>

namespace osprey {
namespace {

constexpr uint32_t kMost = ~uint32_t{0};

void ExpectDivides(uint32_t n, uint32_t d) {
  const Divider divider(d);
  ASSERT_EQ(divider.Quotient(n), n / d) << n << " / " << d;
  ASSERT_EQ(divider.Remainder(n), n % d) << n << " % " << d;
}

TEST(Divider, IsExactAtTheEdges) {
  for (const uint32_t d : {2u, 3u, 7u, 256u, 641u, 65535u, 65536u, 1u << 31, kMost - 1, kMost}) {
    for (const uint32_t n : {0u, 1u, d - 1, d, d + 1, kMost / d * d - 1, kMost / d * d, kMost}) {
      ExpectDivides(n, d);
    }
  }
}

TEST(Divider, IsExactForRandomNumbers) {
  std::mt19937 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto d = static_cast<uint32_t>(random() >> random() % 31 | 2);  // of all sizes
    ExpectDivides(static_cast<uint32_t>(random()), d);
  }
}

}  // namespace
}  // namespace osprey
