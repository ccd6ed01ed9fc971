// SPDX-License-Identifier: Apache-2.0
// What bounds a scan while it runs, in simulated time: limits per /24, exclusions that come during
// the scan, a pause of discovery, and ports that are known beforehand.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/engine/simulation.h"

namespace osprey::engine {
namespace {

using C = LaneCounter;

uint64_t Sum(const Scan& scan, C which) {
  uint64_t sum = 0;
  for (const auto& lane : scan.lanes()) sum += lane->counters()[which];
  return sum;
}

uint64_t Finished(const Scan& scan) {
  return Sum(scan, C::kHostsMatched) + Sum(scan, C::kHostsSkipped) + Sum(scan, C::kHostsSilent) +
         Sum(scan, C::kHostsTimedOut) + Sum(scan, C::kHostsAbandoned) +
         Sum(scan, C::kHostsExcluded);
}

class LimitedScan : public ::testing::Test {
 protected:
  // One /24 behind a gateway, with about `alive_share` of it up.
  void Start(const std::vector<std::string>& targets, double alive_share, auto change) {
    scan_.reset();
    world_ = std::make_unique<World>(
        targets, testing::SimulatedNetworkOptions{.alive_share = alive_share, .router_errors = 0});
    sink_ = std::make_unique<testing::MemorySink>(file_, SimulatedMatcher().image());
    ScanInputs inputs = world_->Inputs();
    inputs.sink = sink_.get();
    inputs.host.max_rounds = 1;
    change(inputs);
    scan_ = MakeScan(std::move(inputs));
    began_ns_ = world_->clock.MonotonicNs();
  }

  double Seconds() const {
    return static_cast<double>(world_->clock.MonotonicNs() - began_ns_) / 1e9;
  }
  void Run() {
    while (!scan_->finished()) world_->Turn(*scan_);
    EndScan();
  }
  void RunFor(double seconds) {
    const double end = Seconds() + seconds;
    while (!scan_->finished() && Seconds() < end) world_->Turn(*scan_);
  }
  void EndScan() {
    ASSERT_TRUE(scan_->Finish().ok());
    EXPECT_EQ(Sum(*scan_, C::kHostsAdmitted), Finished(*scan_));
  }
  std::set<uint32_t> Written() {
    std::set<uint32_t> written;
    for (const uint32_t address : JournalAddresses(file_)) {
      EXPECT_TRUE(written.insert(address).second);
    }
    return written;
  }

  std::unique_ptr<World> world_;
  testing::MemoryJournal file_;
  std::unique_ptr<testing::MemorySink> sink_;
  std::unique_ptr<Scan> scan_;
  int64_t began_ns_ = 0;
};

TEST_F(LimitedScan, FewHostsOfANetworkAtATimeTakeLongerAndAllAreMeasured) {
  Start({"10.2.3.0/24"}, 0.3, [](ScanInputs&) {});
  Run();
  const double unlimited_s = Seconds();
  const std::set<uint32_t> all = Written();
  EXPECT_EQ(all, world_->Live());
  ASSERT_GT(all.size(), 40u);
  file_ = {};
  Start({"10.2.3.0/24"}, 0.3, [](ScanInputs& inputs) { inputs.net.hosts = 4; });
  Run();
  EXPECT_EQ(Written(), all);
  // Each host has half a second of SEQ probes at least.
  EXPECT_GT(Seconds(), static_cast<double>(all.size()) / 4 * 0.5);
  EXPECT_GT(Seconds(), 2 * unlimited_s);
}

TEST_F(LimitedScan, NetworksDoNotWaitForEachOther) {
  Start({"10.2.0.0/19"}, 0.02, [](ScanInputs& inputs) { inputs.net.hosts = 1; });
  Run();
  EXPECT_EQ(Written(), world_->Live());
  ASSERT_GT(Written().size(), 100u);
  EXPECT_LT(Seconds(), 60);  // some five hosts a network, one after the other
}

TEST_F(LimitedScan, ANetworkGetsItsRateAndNoMore) {
  constexpr double kRate = 60;
  Start({"10.2.3.0/24"}, 0.1,
        [](ScanInputs& inputs) { inputs.net = {.hosts = 5, .packets_per_second = kRate}; });
  while (!scan_->finished()) {
    world_->Turn(*scan_);
    const auto sent = static_cast<double>(scan_->progress().packets_sent);
    // A burst, and SEQ probes that cannot wait: of five hosts at a time, with the kernel's resets.
    ASSERT_LT(sent, kRate * Seconds() + 60) << Seconds();
  }
  EndScan();
  EXPECT_EQ(Written(), world_->Live());
  EXPECT_GT(static_cast<double>(scan_->progress().packets_sent), 0.5 * kRate * Seconds());
}

TEST_F(LimitedScan, ExclusionsThatComeLateHoldForHostsInFlightToo) {
  Start({"10.2.0.0/20"}, 0.2, [](ScanInputs& inputs) { inputs.rate = {3000, 0}; });
  RunFor(1.2);
  ASSERT_GT(Sum(*scan_, C::kHostsAdmitted), Finished(*scan_) + 10);
  ExclusionSetBuilder builder;
  ASSERT_TRUE(builder.AddList("10.2.0.0/16").ok());
  scan_->controls().SetExclusions(std::make_shared<const ExclusionSet>(builder.Build()));
  world_->Turn(*scan_);
  const uint64_t sent = scan_->progress().packets_sent;
  const uint64_t matched = Sum(*scan_, C::kHostsMatched);
  Run();
  // What a matcher held at that moment is finished; nothing else is sent or written.
  EXPECT_LE(scan_->progress().packets_sent, sent + 256);  // the turn under way
  EXPECT_LE(Sum(*scan_, C::kHostsMatched), matched + 64);
  EXPECT_GT(Sum(*scan_, C::kHostsExcluded), 10u);
}

TEST_F(LimitedScan, WhileClosedNothingBeginsAndAfterwardsNothingIsMissing) {
  Start({"10.2.0.0/20"}, 0.2, [](ScanInputs& inputs) { inputs.rate = {5000, 0}; });
  RunFor(0.7);
  scan_->controls().SetAdmitting(false);
  RunFor(20);
  EXPECT_FALSE(scan_->finished());
  EXPECT_FALSE(scan_->progress().admitting);
  const uint64_t position = scan_->progress().position;
  const uint64_t sent = scan_->progress().packets_sent;
  const uint64_t finished = Finished(*scan_);
  EXPECT_GT(finished, 0u);
  RunFor(600);
  EXPECT_EQ(scan_->progress().position, position);
  EXPECT_EQ(scan_->progress().packets_sent, sent);
  EXPECT_EQ(Finished(*scan_), finished);
  scan_->controls().SetAdmitting(true);
  Run();
  EXPECT_EQ(Written(), world_->Live());
}

TEST_F(LimitedScan, ANewRateHoldsFromTheNextTurn) {
  Start({"10.2.0.0/16"}, 0, [](ScanInputs& inputs) { inputs.rate = {1000, 0}; });
  RunFor(2);
  const uint64_t before = scan_->progress().packets_sent;
  EXPECT_NEAR(static_cast<double>(before), 2000, 50);
  scan_->controls().SetRate(10'000);
  RunFor(2);
  EXPECT_NEAR(static_cast<double>(scan_->progress().packets_sent - before), 20'000, 300);
  EXPECT_EQ(scan_->progress().rate, 10'000);
  scan_->Abandon();
  Run();
}

TEST_F(LimitedScan, AutomaticRateGrowsOnAFreeWayAndKeepsToItsHighest) {
  Start({"10.2.0.0/15"}, 0,
        [](ScanInputs& inputs) { inputs.auto_rate = RateControlOptions{.highest = 20'000}; });
  RunFor(6);
  EXPECT_EQ(scan_->progress().rate, 20'000);
  const uint64_t before = scan_->progress().packets_sent;
  RunFor(1);
  EXPECT_NEAR(static_cast<double>(scan_->progress().packets_sent - before), 20'000, 400);
  scan_->Abandon();
  Run();
}

TEST_F(LimitedScan, KnownPortsSaveProbesAndWrongOnesCostNoHost) {
  const auto ports = [](ScanInputs& inputs) { inputs.ports = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 80}; };
  Start({"10.2.3.0/24"}, 0.5, ports);
  Run();
  const uint64_t without = Sum(*scan_, C::kSentPorts);
  const std::set<uint32_t> live = world_->Live();
  EXPECT_EQ(Written(), live);
  for (const int known : {80, 7}) {  // open on most hosts, and on none
    std::vector<std::string> targets = {"10.2.3.0/24"};
    for (const uint32_t address : live) {
      targets.push_back(Ipv4Addr{address}.ToString() + ":" + std::to_string(known));
    }
    file_ = {};
    Start(targets, 0.5, ports);
    Run();
    EXPECT_EQ(Written(), live) << known;
    if (known == 80) {
      EXPECT_LT(Sum(*scan_, C::kSentPorts), without);
    }
  }
}

}  // namespace
}  // namespace osprey::engine
