// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/sequence_plan.h"

#include <gtest/gtest.h>

#include <random>

#include "db/value_expression.h"
#include "tools/lab/value_choice.h"

namespace osprey::lab {
namespace {

// Section 9.3 of docs/os-detection.md.
TEST(MeasureSequence, GivesTheWorkedExamples) {
  constexpr std::array kEven = {0.1, 0.1, 0.1, 0.1, 0.1};
  const std::array even = {64000., 64000., 64000., 64000., 64000.};
  SequenceNumbers got = MeasureSequence(even, kEven);
  EXPECT_EQ(got.gcd, 0xFA00u);
  EXPECT_EQ(got.isr, 0x9Au);
  EXPECT_EQ(got.sp, 0u);
  const std::array uneven = {2 * 64000., 64000., 4 * 64000., 64000., 4 * 64000.};
  got = MeasureSequence(uneven, kEven);
  EXPECT_EQ(got.isr, 0xA4u);
  EXPECT_EQ(got.sp, 0x1Fu);
  const std::array nines = {9000., 13500., 5400., 17100., 693.};
  got = MeasureSequence(nines, kEven);
  EXPECT_EQ(got.gcd, 9u);
  EXPECT_EQ(got.isr, 0x84u);
  EXPECT_EQ(got.sp, 0x80u);
}

TEST(MeasureSequence, NumbersThatNeverChange) {
  const SequenceNumbers got = MeasureSequence(std::array{0., 0., 0.}, std::array{.1, .1, .1});
  EXPECT_EQ(got.gcd, 0u);
  EXPECT_EQ(got.isr, 0u);
  EXPECT_EQ(got.sp, 0u);
}

struct Case {
  const char* gcd;
  const char* isr;
  const char* sp;
};

class SequencePlanFor : public ::testing::TestWithParam<Case> {};

// With spacings that the search did not see.
TEST_P(SequencePlanFor, IsMeasuredAsAskedFor) {
  const Case& wanted = GetParam();
  const SequencePlan plan = SequencePlan::Find({wanted.gcd, wanted.isr, wanted.sp});
  EXPECT_TRUE(plan.satisfied());
  std::minstd_rand random(77);
  int held = 0;
  constexpr int kScans = 200;
  for (int scan = 0; scan < kScans; ++scan) {
    int64_t now = static_cast<int64_t>(random()) * 1'001;
    std::array<double, 5> d;
    std::array<double, 5> spacing;
    uint32_t last = plan.Number(99, 0, now);
    for (unsigned i = 0; i < 5; ++i) {
      const int64_t step = 100'000'000 + static_cast<int64_t>(random() % 600'000);
      now += step;
      const uint32_t number = plan.Number(99, i + 1, now + static_cast<int64_t>(random() % 20'000));
      d[i] = std::min(number - last, last - number);
      spacing[i] = static_cast<double>(step) * 1e-9;
      last = number;
    }
    const SequenceNumbers got = MeasureSequence(d, spacing);
    held += db::Matches(wanted.gcd, ToHex(got.gcd), false) &&
                    db::Matches(wanted.isr, ToHex(got.isr), false) &&
                    db::Matches(wanted.sp, ToHex(got.sp), false)
                ? 1
                : 0;
  }
  EXPECT_GE(held, kScans * 9 / 10);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SequencePlanFor,
    ::testing::Values(Case{"1-6", "106-110", "FF-109"},                      // random
                      Case{"0", "0", "0"},                                   // constant
                      Case{"FA00|1F400|2EE00|3E800|4E200", "99-A3", "0-5"},  // 64K rule
                      Case{"1-6", "C7-D1", "C4-CE"},                         // random increments
                      Case{"1-6", "97-A1", "7F-89"},                         // random, narrow
                      Case{"1-6", "AE-B8", "4A-56"},                         // a clock
                      Case{"1-6", "4A-54", "A-14"},                          // a slow clock
                      Case{"64|C8|12C|190|1F4", "4B-55", "0-1D"},
                      Case{"2|4|6|8|A", "106-110", "FA-104"}, Case{">1000000", "102-10C", "0-23"}));

TEST(SequencePlan, SaysWhatCannotBe) {
  // A deviation above what the rate allows.
  EXPECT_FALSE(SequencePlan::Find({"1-6", "40-44", "F0-F8"}).satisfied());
}

// The attributes that can be met are, when not all can.
TEST(SequencePlan, WhatCannotBeIsNoConstant) {
  // One common step for the GCD leaves no deviation.
  const SequencePlan plan = SequencePlan::Find({"FA00", "94-9E", "A-B"});
  EXPECT_FALSE(plan.satisfied());
  EXPECT_FALSE(plan.constant());
  const uint32_t step = plan.Number(5, 1, 0) - plan.Number(5, 0, 0);
  EXPECT_EQ(step % 0xFA00, 0u);
}

// Where the sixth probe is refused, GCD comes from four steps.
TEST(SequencePlan, LooksAtAnsweredProbesOnly) {
  const SequencePlan plan = SequencePlan::Find({"1-6", "101-10B", "FF-109", 0x1F});
  ASSERT_TRUE(plan.satisfied());
  std::array<double, 4> d;
  for (unsigned i = 0; i < 4; ++i) {
    const uint32_t up = plan.Number(5, i + 1, i * 100'000'000) - plan.Number(5, i, i * 100'000'000);
    d[i] = std::min(up, 0 - up);
  }
  EXPECT_LE(MeasureSequence(d, std::array{.1, .1, .1, .1}).gcd, 6u);
}

}  // namespace
}  // namespace osprey::lab
