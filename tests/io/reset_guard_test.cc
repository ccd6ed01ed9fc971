// SPDX-License-Identifier: Apache-2.0
#include "io/reset_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

using ::testing::HasSubstr;

const std::vector<GuardedLink> kLinks = {
    {.name = "osp0", .addresses = {{0x0A630001}, {0x0A630005}}, .foreign = {}},
    {.name = "lo", .addresses = {}, .foreign = {{0x0A630009}}}};
constexpr PortRange kPorts{33000, 65259};

TEST(ResetGuard, RulesOnArrival) {
  EXPECT_EQ(GuardRules(kLinks, kPorts, GuardHook::kIngress, "osprey_1"),
            R"(table netdev osprey_1 {
  flags owner;
  chain link0 {
    type filter hook ingress device "osp0" priority -300; policy accept;
    ip daddr { 10.99.0.1, 10.99.0.5 } tcp dport 33000-65259 tcp flags & (syn | ack | rst) == (syn | ack) drop
  }
  chain link1 {
    type filter hook ingress device "lo" priority -300; policy accept;
    ip daddr { 10.99.0.9 } drop
  }
}
)");
}

TEST(ResetGuard, RulesOnTheWayOut) {
  EXPECT_EQ(GuardRules(kLinks, kPorts, GuardHook::kOutput, "osprey_1"),
            R"(table netdev osprey_1 {
  flags owner;
  chain link1 {
    type filter hook ingress device "lo" priority -300; policy accept;
    ip daddr { 10.99.0.9 } drop
  }
}
table ip osprey_1 {
  flags owner;
  chain resets {
    type filter hook output priority -300; policy accept;
    oifname "osp0" ip saddr { 10.99.0.1, 10.99.0.5 } tcp sport 33000-65259 tcp flags & (rst | ack) == rst drop
  }
}
)");
}

TEST(ResetGuard, TheKernelTakesTheRulesAndForgetsThemWithTheObject) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  for (const GuardHook hook : {GuardHook::kIngress, GuardHook::kOutput}) {
    netns->Near([&] {
      auto guard = ResetGuard::Install(kLinks, kPorts, hook);
      if (absl::IsUnimplemented(guard.status())) GTEST_SKIP() << guard.status();
      ASSERT_TRUE(guard.ok()) << guard.status();
      const std::string rules = netns->NearCommand("nft list ruleset").output;
      EXPECT_THAT(rules, HasSubstr("flags owner"));
      EXPECT_THAT(rules, HasSubstr("10.99.0.9 drop"));
      EXPECT_THAT(rules, HasSubstr(hook == GuardHook::kIngress ? "hook ingress device \"osp0\""
                                                               : "hook output"));
      // A second scan does not mind the first.
      EXPECT_TRUE(ResetGuard::Install(kLinks, kPorts, hook).ok());
      EXPECT_NE(netns->NearCommand("nft flush ruleset; nft list tables").output, "")
          << "it is ours alone";
      guard->reset();
      EXPECT_EQ(netns->NearCommand("nft list ruleset").output, "");
    });
  }
}

TEST(ResetGuard, NamesThatARuleCannotHoldAreRefused) {
  const std::vector<GuardedLink> links = {
      {.name = "a\"; drop", .addresses = {{0x0A630001}}, .foreign = {}}};
  const auto guard = ResetGuard::Install(links, kPorts, GuardHook::kIngress);
  if (absl::IsUnimplemented(guard.status())) GTEST_SKIP() << guard.status();
  EXPECT_TRUE(absl::IsInvalidArgument(guard.status())) << guard.status();
  EXPECT_THAT(std::string(guard.status().message()), HasSubstr("a\"; drop"));
}

}  // namespace
}  // namespace osprey::io
