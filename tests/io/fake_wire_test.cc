// SPDX-License-Identifier: Apache-2.0
#include "io/fake_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/clock.h"

namespace osprey::io {
namespace {

using Bytes = std::vector<std::byte>;

Bytes ToBytes(const std::string& text) {
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::string ToText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Answers every frame with "re:" and the frame, after `delay_ns`.
struct Echo : Responder {
  int64_t delay_ns = 0;
  std::vector<std::pair<std::string, int64_t>> seen;
  void OnFrame(std::span<const std::byte> frame, int64_t now_ns, ReplySink& sink) override {
    seen.emplace_back(ToText(frame), now_ns);
    sink.Reply(ToBytes("re:" + ToText(frame)), delay_ns);
  }
};

struct Received {
  std::string text;
  int64_t realtime_ns;
  bool operator==(const Received&) const = default;
};

class FakeWireTest : public testing::Test {
 protected:
  // Sends `text`; returns false if no slot was free.
  static bool Send(SendRing& ring, const std::string& text, uint64_t tag = 0) {
    FrameSlot slot;
    if (!ring.Lease(slot)) return false;
    std::memcpy(slot.data, text.data(), text.size());
    const SendEntry entry{
        .slot = slot.index, .length = static_cast<uint32_t>(text.size()), .tag = tag};
    return ring.Submit({&entry, 1}) == 1;
  }

  static std::vector<Received> Drain(FakeWire& wire) {
    std::vector<Received> out;
    wire.capture().Poll(0, 1'000'000, [&](const FrameView& frame) {
      out.push_back({ToText(frame.bytes), frame.realtime_ns});
    });
    return out;
  }

  static void ExpectBalanced(const FakePathCounters& c) {
    EXPECT_EQ(c.entered + c.duplicated, c.lost + c.overflowed + c.delivered + c.in_flight);
  }

  FakeClock clock_{0, 1'000 * kNsPerSecond};
  Echo echo_;
};

TEST_F(FakeWireTest, AnswerComesAfterBothDelaysWithItsStamp) {
  FakeWireOptions options;
  options.outbound.delay_ns = 3 * kNsPerMs;
  options.inbound.delay_ns = 4 * kNsPerMs;
  echo_.delay_ns = 2 * kNsPerMs;
  FakeWire wire(options, clock_, echo_);
  auto ring = wire.NewSendRing(4);
  ASSERT_TRUE(Send(*ring, "a"));
  EXPECT_EQ(wire.NextDeliveryNs(), 3 * kNsPerMs);

  clock_.SetMonotonic(9 * kNsPerMs - 1);
  EXPECT_THAT(Drain(wire), testing::IsEmpty());
  ASSERT_EQ(echo_.seen.size(), 1u);
  EXPECT_EQ(echo_.seen[0].second, 3 * kNsPerMs) << "the arrival's own time, not the clock's";
  EXPECT_EQ(wire.NextDeliveryNs(), 9 * kNsPerMs);

  clock_.SetMonotonic(20 * kNsPerMs);
  EXPECT_THAT(Drain(wire),
              testing::ElementsAre(Received{"re:a", 1'000 * kNsPerSecond + 9 * kNsPerMs}));
  EXPECT_EQ(wire.NextDeliveryNs(), FakeWire::kNever);
}

TEST_F(FakeWireTest, EqualDelaysKeepOrder) {
  FakeWire wire({}, clock_, echo_);
  auto ring = wire.NewSendRing(64);
  std::vector<std::string> want;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Send(*ring, std::to_string(i)));
    want.push_back("re:" + std::to_string(i));
  }
  clock_.Advance(kNsPerSecond);
  std::vector<std::string> got;
  for (const Received& r : Drain(wire)) got.push_back(r.text);
  EXPECT_EQ(got, want);
}

// 1,000 frames a second fit, and 20 may wait.
TEST_F(FakeWireTest, ABottleneckDelaysThenLosesAndForgets) {
  Echo echo;
  FakePath bottleneck{.delay_ns = 0, .bits_per_second = 56'000, .queue_ns = 20 * kNsPerMs};
  FakeWire wire({.outbound = {.delay_ns = 0}, .inbound = bottleneck}, clock_, echo);
  const auto ring = wire.NewSendRing(64);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(Send(*ring, "abcd"));  // answers have 7 bytes
  const int64_t start = clock_.MonotonicNs();
  clock_.SetMonotonic(start + kNsPerSecond);
  const std::vector<Received> received = Drain(wire);
  ASSERT_EQ(received.size(), 21u);
  EXPECT_EQ(received[1].realtime_ns - received[0].realtime_ns, kNsPerMs);
  EXPECT_EQ(received[20].realtime_ns - received[0].realtime_ns, 20 * kNsPerMs);
  EXPECT_EQ(wire.inbound_counters().lost, 9u);
  ExpectBalanced(wire.inbound_counters());
  bottleneck.bits_per_second = 0;
  wire.SetInbound(bottleneck);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(Send(*ring, "abcd"));
  clock_.SetMonotonic(start + 2 * kNsPerSecond);
  EXPECT_EQ(Drain(wire).size(), 30u);
}

TEST_F(FakeWireTest, PollIsBoundedAndTheRestWaits) {
  FakeWire wire({}, clock_, echo_);
  for (int i = 0; i < 5; ++i) wire.Inject(ToBytes(std::to_string(i)));
  clock_.Advance(kNsPerSecond);
  size_t calls = 0;
  EXPECT_EQ(wire.capture().Poll(0, 3, [&](const FrameView&) { ++calls; }), 3u);
  EXPECT_EQ(calls, 3u);
  EXPECT_LE(wire.NextDeliveryNs(), clock_.MonotonicNs());
  EXPECT_EQ(Drain(wire).size(), 2u);
  ExpectBalanced(wire.inbound_counters());
}

TEST_F(FakeWireTest, FullCaptureRingDropsAndCounts) {
  FakeWireOptions options;
  options.capture_capacity = 3;
  FakeWire wire(options, clock_, echo_);
  for (int i = 0; i < 10; ++i) wire.Inject(ToBytes("x"));
  clock_.Advance(kNsPerSecond);
  EXPECT_EQ(Drain(wire).size(), 3u);
  EXPECT_EQ(wire.capture().Counters().dropped_kernel, 7u);
  ExpectBalanced(wire.inbound_counters());
}

TEST_F(FakeWireTest, CompletionsComeOnceForTaggedFramesOnly) {
  FakeWireOptions options;
  options.send_failure = 0.5;
  FakeWire wire(options, clock_, echo_);
  auto ring = wire.NewSendRing(128);
  for (uint64_t i = 0; i < 128; ++i) ASSERT_TRUE(Send(*ring, "x", i % 2 == 0 ? i + 1 : 0));
  EXPECT_EQ(ring->free_slots(), 64u) << "tagged frames hold their slot until they are reaped";
  std::array<SendCompletion, 100> done;
  ASSERT_EQ(ring->Reap(std::span(done).first(10)), 10u);
  ASSERT_EQ(ring->Reap(std::span(done).subspan(10)), 54u);
  size_t failures = 0;
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_EQ(done[i].tag, 2 * i + 1);
    failures += done[i].error == ENOBUFS ? 1u : 0u;
  }
  EXPECT_GT(failures, 10u);
  EXPECT_LT(failures, 54u);
  EXPECT_EQ(ring->free_slots(), 128u);
  const SendCounters& c = ring->counters();
  EXPECT_EQ(c.submitted, c.sent + c.no_buffers + c.failed);
  EXPECT_EQ(wire.outbound_counters().entered, c.sent);
}

TEST_F(FakeWireTest, LeaseFailsWhenEverySlotIsTaken) {
  FakeWire wire({}, clock_, echo_);
  auto ring = wire.NewSendRing(2);
  FrameSlot slot;
  EXPECT_TRUE(ring->Lease(slot));
  EXPECT_TRUE(ring->Lease(slot));
  FrameSlot third;
  EXPECT_FALSE(ring->Lease(third));
  ring->Release(slot.index);
  EXPECT_TRUE(ring->Lease(third));
}

FakeWireOptions BadNetwork(uint64_t seed) {
  FakeWireOptions options;
  options.seed = seed;
  options.outbound = {
      .jitter_ns = kNsPerMs, .loss = 0.1, .duplication = 0.05, .reordering = 0.05, .late = 0.01};
  options.inbound = options.outbound;
  return options;
}

std::vector<Received> RunBadNetwork(uint64_t seed, FakePathCounters* out, FakePathCounters* in) {
  FakeClock clock(0);
  Echo echo;
  FakeWire wire(BadNetwork(seed), clock, echo);
  auto ring = wire.NewSendRing(16);
  std::vector<Received> received;
  for (int i = 0; i < 20'000; ++i) {
    FrameSlot slot;
    EXPECT_TRUE(ring->Lease(slot));
    std::memcpy(slot.data, &i, sizeof i);
    const SendEntry entry{.slot = slot.index, .length = sizeof i, .tag = 0};
    EXPECT_EQ(ring->Submit({&entry, 1}), 1u);
    clock.Advance(10 * kNsPerUs);
    wire.capture().Poll(0, 64, [&](const FrameView& frame) {
      received.push_back({ToText(frame.bytes), frame.realtime_ns});
    });
  }
  *out = wire.outbound_counters();
  *in = wire.inbound_counters();
  return received;
}

TEST_F(FakeWireTest, SameSeedSamePacketsOtherSeedOthers) {
  FakePathCounters out;
  FakePathCounters in;
  const auto first = RunBadNetwork(7, &out, &in);
  EXPECT_GT(first.size(), 10'000u);
  EXPECT_EQ(RunBadNetwork(7, &out, &in), first);
  EXPECT_NE(RunBadNetwork(8, &out, &in), first);
}

TEST_F(FakeWireTest, EveryFrameIsAccountedForAndRatesHold) {
  FakePathCounters out;
  FakePathCounters in;
  const auto received = RunBadNetwork(3, &out, &in);
  ExpectBalanced(out);
  ExpectBalanced(in);
  EXPECT_EQ(out.entered, 20'000u);
  EXPECT_EQ(in.entered, out.delivered) << "the echo answers each arrival once";
  EXPECT_EQ(in.delivered, received.size());
  EXPECT_NEAR(static_cast<double>(out.lost), 2'000, 200);
  EXPECT_NEAR(static_cast<double>(out.duplicated), 1'000, 150);
  EXPECT_GT(out.in_flight, 0u) << "late ones are still on their way";
}

TEST_F(FakeWireTest, ArrivalsNeverGoBackInTime) {
  FakePathCounters out;
  FakePathCounters in;
  const auto received = RunBadNetwork(5, &out, &in);
  for (size_t i = 1; i < received.size(); ++i) {
    ASSERT_LE(received[i - 1].realtime_ns, received[i].realtime_ns);
  }
}

TEST_F(FakeWireTest, FourHundredThousandPacketsDrainCompletely) {
  struct Silent : Responder {
    Bytes answer = ToBytes(std::string(60, 'r'));
    void OnFrame(std::span<const std::byte>, int64_t, ReplySink& sink) override {
      sink.Reply(answer);
    }
  } responder;
  FakeWireOptions options = BadNetwork(1);
  options.outbound.delay_ns = 20 * kNsPerMs;
  FakeWire wire(options, clock_, responder);
  auto ring = wire.NewSendRing(64);
  constexpr size_t kPackets = 400'000;
  for (size_t i = 0; i < kPackets; i += 64) {
    std::array<SendEntry, 64> batch;
    for (SendEntry& entry : batch) {
      FrameSlot slot;
      ASSERT_TRUE(ring->Lease(slot));
      entry = {.slot = slot.index, .length = 74, .tag = 0};
    }
    ASSERT_EQ(ring->Submit(batch), batch.size());
    clock_.Advance(64 * kNsPerUs);
    wire.capture().Poll(0, 1'000, [](const FrameView&) {});
  }
  clock_.Advance(60 * kNsPerSecond);
  wire.capture().Poll(0, kPackets, [](const FrameView&) {});
  EXPECT_EQ(wire.outbound_counters().in_flight, 0u);
  EXPECT_EQ(wire.inbound_counters().in_flight, 0u);
  ExpectBalanced(wire.inbound_counters());
}

}  // namespace
}  // namespace osprey::io
