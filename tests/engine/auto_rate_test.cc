// SPDX-License-Identifier: Apache-2.0
// --rate auto on whole scans in simulated time: every host answers through a bottleneck whose queue
// holds 100 ms. What it carries is found out by a scan that sends far too much.

#include <gtest/gtest.h>

#include <memory>

#include "tests/engine/simulation.h"

namespace osprey::engine {
namespace {

constexpr double kBits = 12e6;
constexpr io::FakePath kBottleneck{.delay_ns = 2 * kNsPerMs, .bits_per_second = kBits};

struct Traffic {
  double delivered = 0;  // answers a second
  double lost = 0;       // share of the answers
};

class AutoRate : public ::testing::Test {
 protected:
  void Start(auto change) {
    scan_.reset();
    world_ = std::make_unique<World>(
        std::vector<std::string>{"10.128.0.0/9"},
        testing::SimulatedNetworkOptions{.alive_share = 1,
                                         .wire = {.outbound = {}, .inbound = kBottleneck},
                                         .router_errors = 0});
    ScanInputs inputs = world_->Inputs();
    sink_ = std::make_unique<testing::MemorySink>(file_, SimulatedMatcher().image());
    inputs.sink = sink_.get();
    inputs.host.max_rounds = 1;
    inputs.max_hosts = 65'536;
    change(inputs);
    scan_ = MakeScan(std::move(inputs));
  }

  Traffic RunFor(double seconds) {
    const io::FakePathCounters before = world_->network.wire().inbound_counters();
    const int64_t end = world_->clock.MonotonicNs() + static_cast<int64_t>(seconds * 1e9);
    while (world_->clock.MonotonicNs() < end) world_->Turn(*scan_);
    const io::FakePathCounters after = world_->network.wire().inbound_counters();
    return {.delivered = static_cast<double>(after.delivered - before.delivered) / seconds,
            .lost = static_cast<double>(after.lost - before.lost) /
                    static_cast<double>(after.entered - before.entered)};
  }

  // Answers a second that the bottleneck lets through.
  double Capacity() {
    Start([](ScanInputs& inputs) { inputs.rate = {60'000, 0}; });
    RunFor(6);
    const Traffic traffic = RunFor(4);
    EXPECT_GT(traffic.lost, 0.2);
    return traffic.delivered;
  }

  // Starts a scan and returns the answers a second at the rate that it finds.
  double Found() {
    Start([](ScanInputs& inputs) { inputs.auto_rate.emplace(); });
    RunFor(10);
    return RunFor(5).delivered;
  }

  void SetLoss(double share) {
    io::FakePath path = kBottleneck;
    path.loss = share;
    world_->network.wire().SetInbound(path);
  }

  void SetBits(double bits_per_second) {
    io::FakePath path = kBottleneck;
    path.bits_per_second = bits_per_second;
    world_->network.wire().SetInbound(path);
  }

  void TearDown() override { scan_->Abandon(); }

  std::unique_ptr<World> world_;
  testing::MemoryJournal file_;
  std::unique_ptr<testing::MemorySink> sink_;
  std::unique_ptr<Scan> scan_;
};

TEST_F(AutoRate, FillsTheWayBackAndLosesNothing) {
  const double capacity = Capacity();
  Start([](ScanInputs& inputs) { inputs.auto_rate.emplace(); });
  RunFor(12);
  const Traffic steady = RunFor(15);
  EXPECT_GT(steady.delivered, 0.9 * capacity);
  EXPECT_LT(steady.lost, 0.002);
}

TEST_F(AutoRate, YieldsToCongestionAndIsBackWithinFiveSeconds) {
  const double before = Found();
  SetBits(kBits / 5);
  RunFor(2);  // hosts that have begun are finished
  EXPECT_LT(RunFor(3).lost, 0.15);
  SetBits(kBits);
  RunFor(5);
  const Traffic after = RunFor(5);
  EXPECT_GT(after.delivered, 0.9 * before);
  EXPECT_LT(after.lost, 0.02);
}

// As if a radio link were bad for a while: less comes back, but not because of the rate.
TEST_F(AutoRate, LossByChanceHardlySlowsDown) {
  const double before = Found();
  SetLoss(0.1);
  RunFor(6);
  EXPECT_GT(RunFor(8).delivered, 0.8 * before);
  SetLoss(0);
  RunFor(5);
  const Traffic after = RunFor(5);
  EXPECT_GT(after.delivered, 0.9 * before);
  EXPECT_LT(after.lost, 0.02);
}

TEST_F(AutoRate, IsBackWithinFiveSecondsAfterHalfWasLost) {
  const double before = Found();
  SetLoss(0.5);
  RunFor(5);
  SetLoss(0);
  RunFor(5);
  EXPECT_GT(RunFor(5).delivered, 0.85 * before);
}

}  // namespace
}  // namespace osprey::engine
