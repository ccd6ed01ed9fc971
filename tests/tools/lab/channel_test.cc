// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "base/clock.h"

namespace osprey::lab {
namespace {

// A channel whose frames can be read again at the other end; each frame is one number. Time is the
// test's.
class Line {
 public:
  explicit Line(const NetworkSpec& spec, std::vector<NetworkChange> changes = {})
      : channel(spec, 5, std::move(changes)) {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends.data()), 0);
    transmitter_ = std::make_unique<Transmitter>(io::FileDescriptor(ends[0]));
    far_end_ = io::FileDescriptor(ends[1]);
    channel.Begin(0);
  }

  void Send(uint32_t number, int64_t now_ns) {
    channel.Send(std::as_bytes(std::span(&number, 1)), now_ns, *transmitter_);
  }

  // What has arrived by then.
  std::vector<uint32_t> ArrivedBy(int64_t now_ns) {
    channel.Release(now_ns, *transmitter_);
    transmitter_->Flush();
    std::vector<uint32_t> numbers;
    uint32_t number = 0;
    while (recv(far_end_.get(), &number, sizeof number, 0) == sizeof number) {
      numbers.push_back(number);
    }
    return numbers;
  }

  Channel channel;

 private:
  std::unique_ptr<Transmitter> transmitter_;
  io::FileDescriptor far_end_;
};

using Numbers = std::vector<uint32_t>;

TEST(Channel, WithoutImpairmentsIsTransparent) {
  Line line({});
  EXPECT_TRUE(line.channel.transparent());
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(line.channel.LosesProbe());
  line.Send(7, 0);
  EXPECT_EQ(line.ArrivedBy(0), Numbers{7});
}

TEST(Channel, LosesTheShareAskedForBothWays) {
  Line line({.loss = 0.1});
  EXPECT_FALSE(line.channel.transparent());
  int lost = 0;
  for (int i = 0; i < 10'000; ++i) lost += line.channel.LosesProbe() ? 1 : 0;
  EXPECT_NEAR(lost, 1000, 150);
  EXPECT_EQ(line.channel.counters().probes_lost, static_cast<uint64_t>(lost));
  size_t arrived = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    line.Send(i, 0);
    arrived += line.ArrivedBy(0).size();
  }
  EXPECT_NEAR(static_cast<double>(arrived), 9000, 150);
  EXPECT_EQ(line.channel.counters().replies_lost, 10'000 - arrived);
}

TEST(Channel, TheSameSeedLosesTheSamePackets) {
  Channel a({.loss = 0.3}, 9);
  Channel b({.loss = 0.3}, 9);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(a.LosesProbe(), b.LosesProbe());
}

TEST(Channel, DelaysTheRoundTripByBothWays) {
  Line line({.delay_ms = 20});
  EXPECT_EQ(line.channel.NsUntilDue(0, 100 * kNsPerMs), 100 * kNsPerMs);
  line.Send(1, 0);
  line.Send(2, 5 * kNsPerMs);
  EXPECT_EQ(line.channel.NsUntilDue(0, 100 * kNsPerMs), 40 * kNsPerMs);
  EXPECT_EQ(line.ArrivedBy(40 * kNsPerMs - 1), Numbers{});
  EXPECT_EQ(line.ArrivedBy(40 * kNsPerMs), Numbers{1});
  EXPECT_EQ(line.ArrivedBy(45 * kNsPerMs), Numbers{2});
}

TEST(Channel, JitterSpreadsTheDelayAroundItsMean) {
  Line line({.delay_ms = 50, .jitter_ms = 5});
  constexpr int kFrames = 2'000;
  for (uint32_t i = 0; i < kFrames; ++i) line.Send(i, 0);
  std::vector<double> arrival_ms;
  for (int64_t ms = 0; ms < 200; ++ms) {
    const size_t count = line.ArrivedBy(ms * kNsPerMs).size();
    arrival_ms.insert(arrival_ms.end(), count, static_cast<double>(ms) - 0.5);
  }
  ASSERT_EQ(arrival_ms.size(), kFrames);
  const double mean = std::accumulate(arrival_ms.begin(), arrival_ms.end(), 0.) / kFrames;
  double squares = 0;
  for (const double ms : arrival_ms) squares += (ms - mean) * (ms - mean);
  EXPECT_NEAR(mean, 100, 1);
  EXPECT_NEAR(std::sqrt(squares / kFrames), 5 * std::sqrt(2.), 0.5);
}

TEST(Channel, DuplicatesComeTwice) {
  Line line({.duplicate = 0.25});
  size_t arrived = 0;
  for (uint32_t i = 0; i < 4'000; ++i) {
    line.Send(i, 0);
    const Numbers copies = line.ArrivedBy(0);
    ASSERT_GE(copies.size(), 1u);
    for (const uint32_t copy : copies) EXPECT_EQ(copy, i);
    arrived += copies.size();
  }
  EXPECT_NEAR(static_cast<double>(arrived), 5'000, 120);
  EXPECT_EQ(line.channel.counters().duplicated, arrived - 4'000);
}

TEST(Channel, ReorderedFramesAreOvertaken) {
  Line line({.reorder = 0.5, .reorder_ms = 5});
  constexpr uint32_t kFrames = 100;
  for (uint32_t i = 0; i < kFrames; ++i) line.Send(i, i);
  const Numbers early = line.ArrivedBy(kFrames);
  const Numbers late = line.ArrivedBy(kFrames + 5 * kNsPerMs);
  EXPECT_EQ(early.size() + late.size(), kFrames);
  EXPECT_NEAR(static_cast<double>(late.size()), 50, 25);
  ASSERT_FALSE(late.empty());
  EXPECT_LT(late.front(), early.back());
  EXPECT_EQ(line.channel.counters().reordered, late.size());
}

TEST(Channel, BandwidthSpacesFramesAndItsQueueIsShort) {
  // Four bytes a frame: one in 1 ms.
  Line line({.bandwidth_bps = 32'000});
  for (uint32_t i = 0; i < 200; ++i) line.Send(i, 0);
  EXPECT_EQ(line.ArrivedBy(10 * kNsPerMs).size(), 10u);
  EXPECT_EQ(line.ArrivedBy(kNsPerSecond).size(), 91u);  // 101 in all: the queue holds 100 ms
  EXPECT_EQ(line.channel.counters().queue_full, 99u);
}

TEST(Channel, ConditionsChangeAtTheirTime) {
  Line line({}, {{.after_s = 1, .network = {.delay_ms = 10}},
                 {.after_s = 2, .network = {.loss = 1}},
                 {.after_s = 3, .network = {}}});
  line.channel.Advance(kNsPerSecond - 1);
  EXPECT_TRUE(line.channel.transparent());
  line.channel.Advance(kNsPerSecond);
  EXPECT_FALSE(line.channel.transparent());
  line.Send(1, kNsPerSecond);
  EXPECT_EQ(line.ArrivedBy(kNsPerSecond), Numbers{});
  line.channel.Advance(2 * kNsPerSecond);
  EXPECT_TRUE(line.channel.delays());  // one is still on its way
  EXPECT_TRUE(line.channel.LosesProbe());
  EXPECT_EQ(line.ArrivedBy(2 * kNsPerSecond), Numbers{1});
  line.channel.Advance(9 * kNsPerSecond);
  EXPECT_TRUE(line.channel.transparent());
  EXPECT_FALSE(line.channel.delays());
}

}  // namespace
}  // namespace osprey::lab
