// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/lab/small_world.h"
#include "tools/lab/config.h"

namespace osprey::lab {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(ParseMix, TakesWeightsAndEscapes) {
  const auto mix = ParseMix("linux:3,windows,Linux 2.6\\, odd\\:name:0.5");
  ASSERT_TRUE(mix.ok()) << mix.status();
  ASSERT_EQ(mix->size(), 3u);
  EXPECT_EQ((*mix)[0].name, "linux");
  EXPECT_EQ((*mix)[0].weight, 3);
  EXPECT_EQ((*mix)[2].name, "Linux 2.6, odd:name");
  EXPECT_EQ((*mix)[2].weight, 0.5);
  EXPECT_FALSE(ParseMix("linux:many").ok());
  EXPECT_FALSE(ParseMix("linux:0").ok());
  EXPECT_FALSE(ParseMix("").ok());
}

TEST(ParsePortShares, TakesRangesAndShares) {
  const auto ports = ParsePortShares("22,80:0.5,8000-8002");
  ASSERT_TRUE(ports.ok()) << ports.status();
  ASSERT_EQ(ports->size(), 5u);
  EXPECT_EQ((*ports)[1].share, 0.5);
  EXPECT_EQ((*ports)[4].port, 8002);
  EXPECT_TRUE(ParsePortShares("none")->empty());
  EXPECT_FALSE(ParsePortShares("70000").ok());
  EXPECT_FALSE(ParsePortShares("80:2").ok());
  EXPECT_FALSE(ParsePortShares("90-80").ok());
}

TEST(ParseBox, NamesWhatIsWrong) {
  EXPECT_THAT(Message(ParseBox("wall;10.0.0.0/8").status()), HasSubstr("syn-proxy"));
  EXPECT_THAT(Message(ParseBox("drop;10.0.0.1/8").status()), HasSubstr("10.0.0.1/8"));
  EXPECT_THAT(Message(ParseBox("drop;10.0.0.0/8;size=3").status()), HasSubstr("size"));
  EXPECT_FALSE(ParseBox("drop").ok());
  EXPECT_FALSE(ParseBox("proxy;10.0.0.0/8").ok());  // without ports
}

TEST(ParseConfig, ReadsAWorld) {
  const auto spec = ParseConfig(R"({
    "seed": 5, "on_link": true,
    "network": {"delay_ms": 20, "loss": 0.01},
    "hosts": [{"net": "10.0.0.0/16", "up": 0.5, "mix": "linux:2,windows", "open": "22,80",
               "hops": [2, 9], "uptime_days": [0, 3]}],
    "boxes": ["drop;10.0.1.0/24;ports=81"]})",
                                "world.json");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->seed, 5u);
  EXPECT_TRUE(spec->on_link);
  EXPECT_EQ(spec->network.delay_ms, 20);
  ASSERT_EQ(spec->groups.size(), 1u);
  EXPECT_EQ(spec->groups[0].hops.high, 9);
  EXPECT_EQ(spec->boxes.size(), 1u);
}

TEST(ParseConfig, ErrorsNameThePlace) {
  const auto message = [](const char* text) {
    return Message(ParseConfig(text, "world.json").status());
  };
  EXPECT_THAT(message("{\n\"seed\": }"), HasSubstr("world.json: line 2"));
  EXPECT_THAT(message(R"({"sed": 1})"), HasSubstr("unknown key \"sed\""));
  EXPECT_THAT(message(R"({"hosts": [{"net": "10.0.0.0/8", "up": 2}]})"), HasSubstr("hosts[0].up"));
  EXPECT_THAT(message(R"({"hosts": [{"up": 1}]})"), HasSubstr("hosts[0]"));
  EXPECT_THAT(message("[]"), HasSubstr("an object"));
}

TEST(ParseConfig, ChangesBuildOnWhatWasBefore) {
  const auto spec = ParseConfig(R"({
    "changes": [{"after_s": 10, "loss": 0.3}, {"after_s": 20.5, "loss": 0, "delay_ms": 5}],
    "network": {"jitter_ms": 2}})",
                                "world.json");
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->changes.size(), 2u);
  EXPECT_EQ(spec->changes[0].after_s, 10);
  EXPECT_EQ(spec->changes[0].network.loss, 0.3);
  EXPECT_EQ(spec->changes[0].network.jitter_ms, 2);
  EXPECT_EQ(spec->changes[1].network.loss, 0);
  EXPECT_EQ(spec->changes[1].network.delay_ms, 5);
  EXPECT_THAT(Message(ParseConfig(R"({"changes": [{"loss": 0.3}]})", "w").status()),
              HasSubstr("w: changes[0]: want an \"after_s\""));
  EXPECT_THAT(
      Message(ParseConfig(R"({"changes": [{"after_s": 1, "icmp_burst": 3}]})", "w").status()),
      HasSubstr("unknown key \"icmp_burst\""));
}

TEST(MakeWorldSpec, ChangesOnTheCommandLine) {
  WorldOptions options;
  options.network.delay_ms = 7;
  options.changes = {"1;loss=0.5", "2;loss=0;bandwidth_bps=1e6"};
  const auto spec = MakeWorldSpec(options);
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->changes.size(), 2u);
  EXPECT_EQ(spec->changes[1].after_s, 2);
  EXPECT_EQ(spec->changes[1].network.delay_ms, 7);
  EXPECT_EQ(spec->changes[1].network.bandwidth_bps, 1e6);
  const auto message = [&](std::vector<std::string> changes) {
    options.changes = std::move(changes);
    return Message(MakeWorldSpec(options).status());
  };
  EXPECT_THAT(message({"5;loss=0.5", "5;loss=0"}), HasSubstr("must be later"));
  EXPECT_THAT(message({"soon;loss=1"}), HasSubstr("\"soon;loss=1\""));
  EXPECT_THAT(message({"5;loss"}), HasSubstr("KEY=NUMBER"));
  EXPECT_THAT(message({"5;loss=2"}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(message({"5;icmp_burst=2"}), HasSubstr("nothing that changes"));
}

TEST(World, RefusesOverlapsAndUnknownNames) {
  db::Ast empty;
  empty.file_name = "none.db";
  WorldSpec spec = SmallSpec();
  EXPECT_THAT(Message(World::Create(spec, empty).status()), HasSubstr("none.db"));
  EXPECT_FALSE(World::Create({}, empty).ok());
}

TEST(World, IsAFunctionOfItsSeed) {
  WorldSpec spec = SmallSpec();
  spec.groups[0].up = 0.5;
  const auto a = MakeWorld(spec);
  const auto b = MakeWorld(spec);
  spec.seed = 2;
  const auto other = MakeWorld(spec);
  int up = 0;
  int differ = 0;
  for (uint32_t i = 0; i < 256; ++i) {
    Host host;
    const Ipv4Addr address{0x0A000000 + i};
    const bool here = a->Find(address, host);
    EXPECT_EQ(here, b->Find(address, host));
    up += here ? 1 : 0;
    differ += here != other->Find(address, host) ? 1 : 0;
  }
  EXPECT_NEAR(up, 128, 40);
  EXPECT_GT(differ, 50);
}

}  // namespace
}  // namespace osprey::lab
