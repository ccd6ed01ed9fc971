// SPDX-License-Identifier: Apache-2.0
#include "engine/interval_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/engine/plan_testing.h"

namespace osprey {
namespace {

IntervalSet SetOf(const std::vector<AddressInterval>& intervals) {
  IntervalCollector collector;
  for (const AddressInterval& interval : intervals) EXPECT_TRUE(collector.Add(interval).ok());
  return IntervalSet(collector.Take());
}

TEST(IntervalSet, MergesOverlapsAndNeighbours) {
  const IntervalSet set =
      SetOf({{10, 20}, {5, 9}, {15, 30}, {40, 40}, {42, 42}, {41, 41}, {15, 16}});
  const std::vector<AddressInterval> want = {{5, 30}, {40, 42}};
  EXPECT_EQ(std::vector(set.intervals().begin(), set.intervals().end()), want);
  EXPECT_EQ(set.size(), 29u);
}

TEST(IntervalSet, HoldsAllOfIpv4) {
  const IntervalSet all = SetOf({{0, 0x7FFFFFFF}, {0x80000000, 0xFFFFFFFF}});
  EXPECT_EQ(all.size(), uint64_t{1} << 32);
  EXPECT_EQ(all.intervals().size(), 1u);
  EXPECT_EQ(all.At(0xFFFFFFFF).host_order, 0xFFFFFFFFu);
  EXPECT_EQ(all.IndexOf(Ipv4Addr{0xFFFFFFFF}), 0xFFFFFFFFu);
  EXPECT_TRUE(all.Minus(all).empty());
}

TEST(IntervalSet, EmptyHasNothing) {
  const IntervalSet empty;
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_FALSE(empty.Contains(Ipv4Addr{0}));
  EXPECT_FALSE(empty.IndexOf(Ipv4Addr{5}));
  EXPECT_TRUE(empty.Minus(SetOf({{1, 2}})).empty());
  EXPECT_EQ(SetOf({{1, 2}}).Minus(empty).size(), 2u);
}

// The slow twin: the addresses themselves, within a small part of the address space that crosses
// /16 borders. With more than 64 intervals the guide tables are in use.
class IntervalSetAgainstTwin : public testing::TestWithParam<int> {
 protected:
  using Twin = std::set<uint32_t>;

  static constexpr uint32_t kBase = 0x0A00F000;
  static constexpr uint32_t kSpan = 0x22000;

  IntervalSet Random(int count, Twin& twin) {
    IntervalCollector collector;
    for (int i = 0; i < count; ++i) {
      const auto first = kBase + static_cast<uint32_t>(random_() % kSpan);
      const auto last = first + static_cast<uint32_t>(random_() % (random_() % 10 == 0 ? 300 : 3));
      EXPECT_TRUE(collector.Add({first, last}).ok());
      for (uint32_t a = first; a <= last; ++a) twin.insert(a);
    }
    return IntervalSet(collector.Take());
  }

  void ExpectEqual(const IntervalSet& set, const Twin& twin) {
    ASSERT_EQ(set.size(), twin.size());
    uint32_t index = 0;
    for (const uint32_t addr : twin) {
      ASSERT_EQ(set.At(index).host_order, addr);
      ASSERT_EQ(set.IndexOf(Ipv4Addr{addr}), index);
      ++index;
    }
    for (uint32_t addr = kBase - 500; addr < kBase + kSpan + 500; ++addr) {
      ASSERT_EQ(set.Contains(Ipv4Addr{addr}), twin.contains(addr));
    }
    for (const uint32_t addr : {0u, 0x0000FFFFu, 0xFFFF0000u, 0xFFFFFFFFu}) {
      ASSERT_FALSE(set.Contains(Ipv4Addr{addr}));
    }
  }

  const uint64_t seed_ = TestSeed();
  const testing::ScopedTrace trace_{__FILE__, __LINE__, seed_};
  std::mt19937_64 random_{seed_};
};

TEST_P(IntervalSetAgainstTwin, QueriesAgree) {
  Twin twin;
  const IntervalSet set = Random(GetParam(), twin);
  ExpectEqual(set, twin);
}

TEST_P(IntervalSetAgainstTwin, SubtractionIsExact) {
  Twin twin, holes;
  const IntervalSet set = Random(GetParam(), twin);
  const IntervalSet other = Random(GetParam() / 2 + 1, holes);
  for (const uint32_t addr : holes) twin.erase(addr);
  ExpectEqual(set.Minus(other), twin);
}

INSTANTIATE_TEST_SUITE_P(Sizes, IntervalSetAgainstTwin,
                         testing::Values(1, 5, 64, 100, 3000, 20'000));

TEST(IntervalSet, GuidesWorkOverTheWholeAddressSpace) {
  // Every 65,535th address and two large blocks at the ends.
  std::vector<AddressInterval> intervals = {{0, 0x00FFFFFF}, {0xFE000000, 0xFFFFFFFF}};
  for (uint64_t a = 0x01000001; a < 0xFE000000; a += 65'535) {
    intervals.push_back({static_cast<uint32_t>(a), static_cast<uint32_t>(a)});
  }
  const IntervalSet set = SetOf(intervals);
  for (uint64_t index = 0; index < set.size(); index += 997) {
    const Ipv4Addr addr = set.At(index);
    ASSERT_EQ(set.IndexOf(addr), index);
  }
  EXPECT_EQ(set.At(set.size() - 1).host_order, 0xFFFFFFFFu);
  EXPECT_FALSE(set.Contains(Ipv4Addr{0xFDFFFFFF}) && !set.IndexOf(Ipv4Addr{0xFDFFFFFF}));
}

TEST(IntervalCollector, RefusesMoreThanItsLimitAndNotLess) {
  IntervalCollector exact(100);
  for (uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(exact.Add({2 * i, 2 * i}).ok());
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(exact.Add({0, 0}).ok());  // nothing new
  EXPECT_EQ(exact.Take().size(), 100u);
  IntervalCollector collector(100);
  absl::Status status;
  for (uint32_t i = 0; i < 400 && status.ok(); ++i) status = collector.Add({2 * i, 2 * i});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace osprey
