// SPDX-License-Identifier: Apache-2.0
#include "engine/port_plan.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace osprey {
namespace {

TEST(PortPlan, DefaultAndHighPlansAreValid) {
  EXPECT_TRUE(PortPlan{}.Validate().ok());
  EXPECT_TRUE(PortPlan::OutsideEphemeral().Validate().ok());
  EXPECT_TRUE(PortPlan{}.Overlaps(32768, 60999));
  EXPECT_FALSE(PortPlan::OutsideEphemeral().Overlaps(32768, 60999));
}

TEST(PortPlan, BadPlansAreRefusedByName) {
  EXPECT_FALSE((PortPlan{.first = 50'000, .last = 40'000}).Validate().ok());
  EXPECT_FALSE((PortPlan{.first = 80, .last = 40'000}).Validate().ok());
  EXPECT_FALSE((PortPlan{.discovery_ports = 1}).Validate().ok());
  EXPECT_FALSE((PortPlan{.discovery_ports = 257}).Validate().ok());
  const absl::Status status = PortPlan{.first = 40'000, .last = 40'561}.Validate();
  EXPECT_EQ(status.message(), "source ports 40000-40561: 562 ports are too few, want at least 563");
  EXPECT_TRUE((PortPlan{.first = 40'000, .last = 40'562}).Validate().ok());
}

class PortPlans : public testing::TestWithParam<PortPlan> {};

TEST_P(PortPlans, OsBlocksStayInsideAndApartFromDiscovery) {
  const PortPlan plan = GetParam();
  ASSERT_TRUE(plan.Validate().ok());
  for (uint32_t start = 0; start < plan.bases(); start += 7) {
    for (uint32_t round = 0; round < 60; ++round) {
      const uint32_t base = plan.BaseOf(start, round);
      ASSERT_TRUE(plan.IsOsPort(static_cast<HostOrderPort>(base)));
      ASSERT_TRUE(plan.IsOsPort(static_cast<HostOrderPort>(base + kOsBlockPorts - 1)));
      ASSERT_LT(base + kOsBlockPorts - 1, plan.discovery_first());
    }
  }
  EXPECT_FALSE(plan.IsOsPort(plan.discovery_first()));
  EXPECT_TRUE(plan.IsDiscoveryPort(plan.last));
  EXPECT_FALSE(plan.IsDiscoveryPort(static_cast<HostOrderPort>(plan.discovery_first() - 1)));
}

TEST_P(PortPlans, NoPortComesBackBeforeItMay) {
  const PortPlan plan = GetParam();
  for (const uint32_t start : {0u, 1u, plan.bases() / 2, plan.bases() - 1}) {
    for (uint32_t a = 0; a < plan.rounds_before_reuse(); ++a) {
      for (uint32_t b = 0; b < a; ++b) {
        const int apart = int{plan.BaseOf(start, a)} - int{plan.BaseOf(start, b)};
        ASSERT_GE(std::abs(apart), kOsBlockPorts) << a << " " << b;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Plans, PortPlans,
    testing::Values(PortPlan{}, PortPlan::OutsideEphemeral(),
                    PortPlan{.first = 40'000, .last = 40'562},
                    PortPlan{.first = 1024, .last = 65535, .discovery_ports = 256}));

TEST(PortPlan, DefaultLastsForMoreRoundsThanAnyScanMakes) {
  EXPECT_GE(PortPlan{}.rounds_before_reuse(), 50u);
  EXPECT_EQ(PortPlan::OutsideEphemeral().rounds_before_reuse(), 17u);
}

}  // namespace
}  // namespace osprey
