// SPDX-License-Identifier: Apache-2.0
#include "base/lateness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace osprey {
namespace {

using lateness_internal::BucketOf;
using lateness_internal::EndOf;
using lateness_internal::kMost;

TEST(Lateness, BucketsFollowEachOtherWithoutGaps) {
  for (size_t bucket = 0; bucket + 1 < lateness_internal::kBuckets; ++bucket) {
    ASSERT_EQ(BucketOf(EndOf(bucket)), bucket);
    ASSERT_EQ(BucketOf(EndOf(bucket) + 1), bucket + 1);
  }
}

TEST(Lateness, ABucketIsNoWiderThanAnEighth) {
  for (size_t bucket = 16; bucket + 1 < lateness_internal::kBuckets; ++bucket) {
    const auto first = static_cast<double>(EndOf(bucket - 1) + 1);
    ASSERT_LE(static_cast<double>(EndOf(bucket)), first * 1.125) << bucket;
  }
}

TEST(Lateness, WhatIsOutOfRangeCountsAtTheEnds) {
  LatenessHistogram histogram;
  histogram.Add(-5);
  EXPECT_EQ(histogram.Quantile(1), 0);
  histogram.Add(kMost * 2);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_GE(histogram.Quantile(1), kMost);
}

TEST(Lateness, QuantilesAreThoseOfTheSortedValuesToAnEighth) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> sizes(10, 3);
  LatenessHistogram histogram, other;
  std::vector<int64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(std::min<int64_t>(static_cast<int64_t>(sizes(random)), kMost));
    (i % 2 == 0 ? histogram : other).Add(values.back());
  }
  histogram.Merge(other);
  std::sort(values.begin(), values.end());
  ASSERT_EQ(histogram.count(), values.size());
  for (const double share : {0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto at = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
    EXPECT_GE(histogram.Quantile(share), values[at]) << share;
    EXPECT_LE(static_cast<double>(histogram.Quantile(share)),
              1.125 * static_cast<double>(values[at]) + 1)
        << share;
  }
}

TEST(Lateness, AnEmptyHistogramHasNoQuantile) { EXPECT_EQ(LatenessHistogram().Quantile(0.5), 0); }

}  // namespace
}  // namespace osprey
