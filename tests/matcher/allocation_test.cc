// SPDX-License-Identifier: Apache-2.0
// From the first match on, nothing allocates: neither with subjects that fill the caches, nor with
// such as never repeat, nor when caches overflow and are emptied.
#include <gtest/gtest.h>

#include <memory>

#include "bench/allocation_count.h"
#include "db/compile.h"
#include "matcher/matcher.h"
#include "tests/testing/matching_corpus.h"
#include "tests/testing/random_database.h"
#include "tests/testing/traffic.h"

namespace osprey::matcher {
namespace {

db::Image TheImage() {
  std::string text = testing::InstalledDatabase();
  if (text.empty()) {
    testing::Random random(1);
    text = testing::RandomDatabase({}, random);
  }
  return db::ImageFromText(text, "database").value();
}

size_t AllocationsOf(const Matcher& matcher, Scratch& scratch,
                     const std::vector<db::Fingerprint>& subjects) {
  MatchList list;
  const size_t before = bench::AllocationCount();
  for (const db::Fingerprint& subject : subjects) matcher.Match(subject, scratch, list);
  return bench::AllocationCount() - before;
}

TEST(Allocation, TheCounterCounts) {
  const size_t before = bench::AllocationCount();
  const auto value = std::make_unique<int>(1);
  EXPECT_GT(bench::AllocationCount() - before, 0u) << *value;
}

TEST(Allocation, NoMatchAllocates) {
  const db::Image image = TheImage();
  const auto distinct = testing::AllDistinct(image, 3'000, 3);
  const auto mixture = testing::Traffic(image, 4).Take(20'000);
  for (const size_t cache_bytes : {size_t{0}, size_t{1} << 20, size_t{32} << 20}) {
    const Matcher matcher(image);
    Scratch scratch(image, {.cache_bytes = cache_bytes});
    EXPECT_EQ(AllocationsOf(matcher, scratch, distinct), 0u) << cache_bytes;
    EXPECT_EQ(AllocationsOf(matcher, scratch, mixture), 0u) << cache_bytes;
    EXPECT_EQ(scratch.counters().matches, 23'000u);
  }
}

// Values that stacks never send are evaluated expression by expression.
TEST(Allocation, NotEvenForOddValues) {
  const db::Image image = TheImage();
  const Matcher matcher(image);
  Scratch scratch(image, {.cache_bytes = size_t{1} << 20});
  std::vector<db::Fingerprint> subjects(2'000);
  testing::Random random(5);
  for (db::Fingerprint& subject : subjects) {
    subject =
        testing::RandomSubject(image, random() % image.reference_count(), {.odd = 0.3}, random);
  }
  EXPECT_EQ(AllocationsOf(matcher, scratch, subjects), 0u);
}

}  // namespace
}  // namespace osprey::matcher
