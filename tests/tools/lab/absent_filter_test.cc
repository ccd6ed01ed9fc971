// SPDX-License-Identifier: Apache-2.0
// The kernel's program against World::Find, by running it in the kernel without any link.
#include "tools/lab/absent_filter.h"

#include <gtest/gtest.h>

#if defined(OSPREY_HAS_LIBBPF)
#include <bpf/bpf.h>
#endif

#include <algorithm>
#include <random>

#include "io/wire/build.h"
#include "io/wire/ethernet.h"
#include "tests/tools/lab/small_world.h"
#include "tools/lab/options.h"

namespace osprey::lab {
namespace {

namespace wire = io::wire;

WorldSpec Spec(uint64_t seed, double up) {
  WorldSpec spec = SmallSpec();
  spec.seed = seed;
  spec.groups[0].prefix = *Prefix::Parse("10.0.0.0/8");
  spec.groups[0].up = up;
  return spec;
}

TEST(AbsentProgram, ThresholdIsThatOfTheComparison) {
  for (const double up : {0., 1e-300, 1e-9, 0.01, 0.1, 1. / 3, 0.5, 0.999999, 1 - 0x1p-53}) {
    const uint64_t threshold = AbsentThreshold(up);
    EXPECT_GE(Fraction(threshold << 11), up) << up;
    if (threshold > 0) {
      EXPECT_LT(Fraction((threshold << 11) - 1), up) << up;
    }
  }
}

TEST(AbsentProgram, IsOnlyForWorldsWhereNothingAnswersForAbsentHosts) {
  EXPECT_TRUE(KernelMayDropAbsent(Spec(1, 0.5)));
  EXPECT_FALSE(KernelMayDropAbsent(Spec(1, 1))) << "nobody is absent";
  WorldSpec boxed = Spec(1, 0.5);
  boxed.boxes.push_back(*ParseBox("tarpit;10.0.0.0/24"));
  EXPECT_FALSE(KernelMayDropAbsent(boxed));
  WorldSpec many = Spec(1, 0.5);
  many.groups.resize(65, many.groups[0]);
  EXPECT_FALSE(KernelMayDropAbsent(many));
}

#if defined(OSPREY_HAS_LIBBPF)

Packet WithEthernet(const Packet& packet, uint16_t type = wire::kEtherTypeIpv4) {
  Packet frame(wire::kEthernetBytes + packet.size());
  wire::StoreEthernet({{}, {}, type}, frame.data());
  std::copy(packet.begin(), packet.end(), frame.begin() + wire::kEthernetBytes);
  return frame;
}

class AbsentFilterTest : public ::testing::TestWithParam<FilterPlace> {
 protected:
  // False, with the test skipped, where the kernel loads no programs for us.
  bool Load(const WorldSpec& spec) {
    auto filter = AbsentFilter::Load(spec, GetParam());
    if (absl::IsPermissionDenied(filter.status())) return false;
    EXPECT_TRUE(filter.ok()) << filter.status();
    if (!filter.ok()) return false;
    filter_ = *std::move(filter);
    world_ = MakeWorld(spec);
    return true;
  }

  bool Drops(const Packet& frame) const {
    // The kernel takes a link header off before it runs a socket filter on test data.
    const size_t taken_off = GetParam() == FilterPlace::kSocket ? wire::kEthernetBytes : 0;
    Packet data(taken_off + frame.size());
    std::copy(frame.begin(), frame.end(), data.begin() + static_cast<ptrdiff_t>(taken_off));
    bpf_test_run_opts run{};
    run.sz = sizeof run;
    run.data_in = data.data();
    run.data_size_in = static_cast<uint32_t>(data.size());
    EXPECT_EQ(bpf_prog_test_run_opts(filter_->program(), &run), 0);
    const auto verdict = static_cast<int32_t>(run.retval);
    const FilterVerdicts verdicts = VerdictsOf(GetParam());
    EXPECT_TRUE(verdict == verdicts.pass || verdict == verdicts.drop) << verdict;
    return verdict == verdicts.drop;
  }

  bool DropsSynTo(Ipv4Addr address) {
    if (syn_.empty()) syn_ = WithEthernet(MakeSyn(address, 80, 0));
    wire::StoreAddr(syn_.data() + wire::kEthernetBytes + wire::kIpv4DestinationAt, address);
    return Drops(syn_);
  }

  // As the responder would count it.
  bool IsAbsent(Ipv4Addr address) const {
    Host host;
    return world_->Owns(address) && !world_->Find(address, host);
  }

  // An address of the world without a host.
  Ipv4Addr Absent() const {
    Ipv4Addr address{0x0A000000};
    while (!IsAbsent(address)) ++address.host_order;
    return address;
  }

  std::unique_ptr<AbsentFilter> filter_;
  std::unique_ptr<World> world_;
  Packet syn_;
};

#define LOAD_OR_SKIP(spec) \
  if (!Load(spec)) GTEST_SKIP() << "needs the privilege to load BPF programs"

TEST_P(AbsentFilterTest, AgreesWithTheWorldOnEveryAddress) {
  for (const double up : {0., 1e-9, 0.01, 0.5, 0.99}) {
    const uint64_t seed = static_cast<uint64_t>(up * 1e9) ^ 0xFEDCBA9876543210;
    LOAD_OR_SKIP(Spec(seed, up));
    std::mt19937 random(7);
    uint64_t dropped = 0;
    for (int i = 0; i < 20'000; ++i) {
      const Ipv4Addr address{static_cast<uint32_t>(0x0A000000 | (random() & 0xFFFFFF))};
      const bool drops = DropsSynTo(address);
      ASSERT_EQ(drops, IsAbsent(address)) << address.ToString() << ", up " << up;
      dropped += drops ? 1 : 0;
    }
    EXPECT_EQ(filter_->dropped(), dropped);
    EXPECT_NEAR(static_cast<double>(dropped) / 20'000, 1 - up, 0.02);
  }
}

TEST_P(AbsentFilterTest, KnowsEachGroupsShareAndPassesWhatNoGroupHas) {
  WorldSpec spec = Spec(5, 0.3);
  spec.groups.resize(3, spec.groups[0]);
  spec.groups[0].prefix = *Prefix::Parse("10.1.0.0/16");
  spec.groups[1].prefix = *Prefix::Parse("10.2.0.0/17");
  spec.groups[1].up = 1;
  spec.groups[2].prefix = *Prefix::Parse("10.2.128.0/17");
  spec.groups[2].up = 0.9;
  LOAD_OR_SKIP(spec);
  for (uint32_t i = 0; i < 0x40000; i += 11) {
    const Ipv4Addr address{0x0A000000 + i};
    ASSERT_EQ(DropsSynTo(address), IsAbsent(address)) << address.ToString();
  }
}

TEST_P(AbsentFilterTest, PassesWhateverTheLabMustJudgeItself) {
  LOAD_OR_SKIP(Spec(1, 0.01));
  const Ipv4Addr absent = Absent();
  const Packet udp = MakeUdp(absent);
  EXPECT_TRUE(Drops(WithEthernet(udp)));
  EXPECT_TRUE(Drops(WithEthernet(MakeEcho(absent, 0))));
  EXPECT_FALSE(Drops(WithEthernet(udp, wire::kEtherTypeArp)));
  EXPECT_FALSE(Drops(WithEthernet(udp, wire::kEtherTypeVlan)));
  const auto with_byte = [&](size_t at, uint8_t value) {
    Packet changed = udp;
    changed[at] = std::byte{value};
    return WithEthernet(changed);
  };
  EXPECT_FALSE(Drops(with_byte(0, 0x46))) << "a header with options";
  EXPECT_FALSE(Drops(with_byte(6, 0x20))) << "more fragments";
  EXPECT_FALSE(Drops(with_byte(7, 0x01))) << "a later fragment";
  EXPECT_TRUE(Drops(with_byte(6, 0x40))) << "not to be fragmented";
  EXPECT_FALSE(Drops(with_byte(9, 47))) << "another protocol";
  if (GetParam() == FilterPlace::kEgress) return;  // as test data the kernel takes no such frames
  EXPECT_FALSE(Drops(WithEthernet(Packet(udp.begin(), udp.begin() + 19)))) << "cut short";
}

INSTANTIATE_TEST_SUITE_P(Places, AbsentFilterTest,
                         ::testing::Values(FilterPlace::kSocket, FilterPlace::kEgress),
                         [](const auto& place) {
                           return place.param == FilterPlace::kSocket ? "Socket" : "Egress";
                         });

#endif

}  // namespace
}  // namespace osprey::lab
