// SPDX-License-Identifier: Apache-2.0
// What a lane puts on the wire, frame by frame: its rate, its classes, its spacing, and what it
// does when the ring is full or the kernel refuses frames.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "tests/engine/simulation.h"

namespace osprey::engine {
namespace {

using testing::MemoryJournal;
using testing::MemorySink;
using testing::SeenProbe;

// A frame as it was handed to the ring.
struct Handed {
  int64_t at = 0;
  Ipv4Addr to;
  bool os_tcp = false;  // a TCP probe of an OS round
  HostOrderPort from = 0;
  bool sequence = false;
};

using testing::Bytes;

// The SYN-ACK of a connection, as its host would send it.
Bytes SynAck(const testing::SimulatedNetwork::Connection& connection, uint32_t ack) {
  const auto& [host, from, to] = connection;
  return testing::FrameBuilder()
      .Eth({}, testing::Mac("02:00:00:00:00:02"))
      .Ipv4(Ipv4Addr{host}.ToString(), testing::SimulatedNetwork::kScanner.ToString())
      .Tcp(from, to, {.seq = 77, .ack = ack, .flags = kTcpSyn | kTcpAck})
      .Build();
}

// A base of its own, so that the buffers are there before the ring.
struct Slab {
  explicit Slab(size_t bytes) : slab_bytes(bytes) {}
  std::vector<std::byte> slab_bytes;
};

// Notes every frame on its way to the simulated network, and may take fewer than it is given.
class SpyRing final : private Slab, public io::SendRing {
 public:
  static constexpr size_t kSlots = 256;

  SpyRing(std::unique_ptr<io::SendRing> inner, const Clock& clock, bool reluctant,
          std::vector<Handed>& log)
      : Slab(kSlots * kFrameBytes),
        SendRing(io::LinkLayer::kEthernet, slab_bytes.data(), kSlots),
        inner_(std::move(inner)),
        clock_(clock),
        reluctant_(reluctant),
        log_(log) {}

  std::string_view name() const override { return "spy"; }
  size_t Submit(std::span<const io::SendEntry> frames) override {
    const size_t most = reluctant_ ? random_() % (frames.size() + 1) : frames.size();
    size_t taken = 0;
    io::FrameSlot slot;
    for (; taken < most && inner_->Lease(slot); ++taken) {
      const io::SendEntry& frame = frames[taken];
      const std::span bytes(slab_ + size_t{frame.slot} * kFrameBytes, frame.length);
      std::memcpy(slot.data, bytes.data(), bytes.size());
      Note(bytes);
      const io::SendEntry copy{.slot = slot.index, .length = frame.length, .tag = frame.tag};
      EXPECT_EQ(inner_->Submit({&copy, 1}), 1U);
      Release(frame.slot);
    }
    return taken;
  }
  size_t Reap(std::span<io::SendCompletion> out) override { return inner_->Reap(out); }

 private:
  void Note(std::span<const std::byte> bytes) {
    Handed handed;
    handed.at = clock_.MonotonicNs();
    if (io::wire::Load16(bytes.data() + 12) == io::wire::kEtherTypeIpv4) {
      const SeenProbe probe(bytes, io::LinkLayer::kEthernet);
      handed.to = probe.ip.destination;
      handed.from = probe.tcp.source_port;
      window_ = probe.tcp.window;
      handed.os_tcp =
          probe.ip.protocol == io::wire::kProtocolTcp && PortPlan{}.IsOsPort(handed.from);
    }
    if (handed.os_tcp) handed.sequence = IsSequence(handed);
    log_.push_back(handed);
  }
  // SEQ1, the first of a host's round with window 1, comes from the base port. Hosts without an
  // open port get none.
  bool IsSequence(const Handed& handed) {
    if (window_ == 1) base_.emplace(handed.to.host_order, handed.from);
    const auto base = base_.find(handed.to.host_order);
    return base != base_.end() && static_cast<uint16_t>(handed.from - base->second) < 6;
  }

  std::unique_ptr<io::SendRing> inner_;
  const Clock& clock_;
  bool reluctant_;
  uint16_t window_ = 0;  // of the frame in hand
  std::vector<Handed>& log_;
  std::map<uint32_t, HostOrderPort> base_;
  std::mt19937_64 random_{5};
};

class SpyNetwork final : public Network {
 public:
  SpyNetwork(testing::SimulatedNetwork& inner, const Clock& clock, bool reluctant)
      : inner_(inner), clock_(clock), reluctant_(reluctant) {}

  size_t link_count() const override { return 1; }
  const LinkInfo& link(size_t i) const override { return inner_.link(i); }
  Path PathTo(Ipv4Addr address) const noexcept override { return inner_.PathTo(address); }
  absl::StatusOr<std::unique_ptr<io::SendRing>> MakeSendRing(size_t link, size_t lane) override {
    auto ring = inner_.MakeSendRing(link, lane);
    return std::make_unique<SpyRing>(*std::move(ring), clock_, reluctant_, log);
  }
  absl::StatusOr<std::unique_ptr<io::CaptureRing>> MakeCaptureRing(size_t link) override {
    return inner_.MakeCaptureRing(link);
  }

  std::vector<Handed> log;

 private:
  testing::SimulatedNetwork& inner_;
  const Clock& clock_;
  bool reluctant_;
};

class LaneTest : public ::testing::Test {
 protected:
  void Prepare(const testing::SimulatedNetworkOptions& options, double rate,
               bool reluctant = false) {
    world_ = std::make_unique<World>(std::vector<std::string>{"10.1.0.0/22"}, options);
    spy_ = std::make_unique<SpyNetwork>(world_->network, world_->clock, reluctant);
    sink_ = std::make_unique<MemorySink>(disk_, SimulatedMatcher().image());
    ScanInputs inputs = world_->Inputs();
    inputs.network = spy_.get();
    inputs.sink = sink_.get();
    inputs.rate.packets_per_second = rate;
    scan_ = MakeScan(inputs);
  }
  void Finish() {
    while (!scan_->finished()) world_->Turn(*scan_);
    ASSERT_TRUE(scan_->Finish().ok());
  }
  // The most frames in any `window_ns`.
  size_t Busiest(int64_t window_ns) const {
    const auto& log = spy_->log;
    size_t most = 0;
    for (size_t first = 0, last = 0; last < log.size(); ++last) {
      while (log[last].at - log[first].at >= window_ns) ++first;
      most = std::max(most, last - first + 1);
    }
    return most;
  }
  void ExpectEveryHostNamed() {
    std::vector<uint32_t> written = JournalAddresses(disk_);
    std::sort(written.begin(), written.end());
    const std::set<uint32_t> live = world_->Live();
    EXPECT_EQ(written, std::vector<uint32_t>(live.begin(), live.end()));
    for (const auto& [address, verdict] : sink_->verdicts()) {
      EXPECT_EQ(verdict.perfect, 1U) << verdict.fingerprint;
      EXPECT_THAT(verdict.names, ::testing::ElementsAre(testing::PersonalityName(
                                     world_->network.Nature({address}).personality)));
    }
  }

  MemoryJournal disk_;
  std::unique_ptr<World> world_;
  std::unique_ptr<SpyNetwork> spy_;
  std::unique_ptr<MemorySink> sink_;
  std::unique_ptr<Scan> scan_;
};

TEST_F(LaneTest, NeverSendsMoreThanItsRateInAnySecond) {
  for (const double rate : {300.0, 3000.0}) {
    spy_.reset();
    disk_ = {};
    Prepare({.alive_share = 0.3}, rate);
    Finish();
    ExpectEveryHostNamed();
    EXPECT_LE(static_cast<double>(Busiest(kNsPerSecond)), rate * 1.01 + 1);
    // And uses it while there is something to send. The kernel's resets have their part.
    EXPECT_GE(static_cast<double>(Busiest(kNsPerSecond)), rate * 0.75);
  }
}

TEST_F(LaneTest, NoBurstFollowsAStall) {
  Prepare({.alive_share = 0.3}, 1000);
  for (int i = 0; i < 500; ++i) world_->Turn(*scan_);
  world_->clock.Advance(5 * kNsPerSecond);
  const size_t before = spy_->log.size();
  const int64_t woke = world_->clock.MonotonicNs();
  while (!scan_->finished() && world_->clock.MonotonicNs() < woke + 100 * kNsPerMs) {
    world_->Turn(*scan_);
  }
  // 100 in 100 ms, a thirty-second more since time is owed, and what a millisecond of catching up
  // allows.
  EXPECT_LE(spy_->log.size() - before, 107U);
  Finish();
}

TEST_F(LaneTest, SequenceProbesGoFirstAndKeepTheirDistance) {
  Prepare({.alive_share = 0.5}, 5000);
  Finish();
  ExpectEveryHostNamed();
  size_t sequence = 0;
  std::map<std::pair<uint32_t, HostOrderPort>, int64_t> sent;
  int64_t group = -1;
  bool others = false;
  size_t begun_behind = 0;
  for (const Handed& handed : spy_->log) {
    if (handed.at != group) {
      group = handed.at;
      others = false;
    }
    if (!handed.sequence) {
      others = true;
      continue;
    }
    ++sequence;
    begun_behind += others ? 1 : 0;
    sent[{handed.to.host_order, handed.from}] = handed.at;
    const auto previous =
        sent.find({handed.to.host_order, static_cast<HostOrderPort>(handed.from - 1)});
    if (previous == sent.end()) continue;
    EXPECT_GE(handed.at - previous->second, 100 * kNsPerMs);
    EXPECT_LE(handed.at - previous->second, 140 * kNsPerMs);
  }
  EXPECT_EQ(begun_behind, 0U);
  EXPECT_EQ(scan_->lanes()[0]->counters()[LaneCounter::kSentSequence], sequence);
  EXPECT_GT(sequence, 1000U);
}

TEST_F(LaneTest, ARingThatTakesWhatItLikesIsBackPressureOnly) {
  Prepare({.alive_share = 0.3, .ring_slots = 5}, 0, true);
  Finish();
  ExpectEveryHostNamed();
  const LaneCounters& c = scan_->lanes()[0]->counters();
  EXPECT_EQ(spy_->log.size(), c[LaneCounter::kSentDiscovery] + c[LaneCounter::kSentPorts] +
                                  c[LaneCounter::kSentSequence] + c[LaneCounter::kSentTests]);
}

TEST_F(LaneTest, OwnResetsEndEveryHandshakeWithinTheRate) {
  constexpr double kRate = 5000;
  Prepare({.alive_share = 0.3, .own_resets = true}, kRate);
  Finish();
  ExpectEveryHostNamed();
  const LaneCounters& c = scan_->lanes()[0]->counters();
  EXPECT_GT(world_->network.resets_seen(), 8 * 200U);
  EXPECT_EQ(world_->network.resets_seen(), c[LaneCounter::kSentResets]);
  EXPECT_EQ(c[LaneCounter::kResetsOverflowed], 0U);
  // The last of them may still be under way.
  while (world_->network.wire().DeliverDue() > 0 ||
         world_->network.wire().NextDeliveryNs() != io::FakeWire::kNever) {
    world_->clock.SetMonotonic(world_->network.wire().NextDeliveryNs());
  }
  EXPECT_THAT(world_->network.half_open(), ::testing::IsEmpty());
  EXPECT_LE(static_cast<double>(Busiest(kNsPerSecond)), kRate * 1.01 + 1);
}

// The simulated kernel sends none, so each connection stays open and can be counted.
TEST_F(LaneTest, WhereTheKernelResetsTheLaneSendsNoneAndCountsThem) {
  Prepare({.alive_share = 0.3}, 5000);
  Finish();
  EXPECT_EQ(world_->network.resets_seen(), 0U);
  const LaneCounters& c = scan_->lanes()[0]->counters();
  EXPECT_EQ(c[LaneCounter::kSentResets], 0U);
  EXPECT_GT(c[LaneCounter::kKernelResets], 8 * 200U);
  EXPECT_EQ(c[LaneCounter::kKernelResets], world_->network.half_open().size());
}

TEST_F(LaneTest, TheKernelsResetsArePartOfTheRate) {
  constexpr double kRate = 3000;
  Prepare({.alive_share = 0.3}, kRate);
  std::vector<std::pair<int64_t, double>> sent;  // when, and how many until then
  double most = 0;
  size_t first = 0;
  while (!scan_->finished()) {
    world_->Turn(*scan_);
    const LaneCounters& c = scan_->lanes()[0]->counters();
    const int64_t now = world_->clock.MonotonicNs();
    const auto all = static_cast<double>(spy_->log.size() + c[LaneCounter::kKernelResets]);
    sent.emplace_back(now, all);
    while (sent[first].first < now - kNsPerSecond) ++first;
    most = std::max(most, all - sent[first].second);
  }
  ExpectEveryHostNamed();
  // Those for what was sent last come after it.
  EXPECT_LE(most, kRate * 1.02);
  EXPECT_GE(most, kRate * 0.98);
}

TEST_F(LaneTest, ResetsTakenOverDuringTheScanEndWhatIsRepeated) {
  Prepare({.alive_share = 0.3}, 5000);
  for (int i = 0; i < 3000; ++i) world_->Turn(*scan_);
  const LaneCounters& c = scan_->lanes()[0]->counters();
  const uint64_t kernels = c[LaneCounter::kKernelResets];
  ASSERT_GT(kernels, 10U);
  scan_->controls().TakeOverResets();
  // What is open by then is repeated; a neighbour would not be known by a forged frame's sender.
  const auto open = world_->network.half_open();
  const auto on_link = [&](const auto& connection) {
    return world_->network.PathTo({std::get<0>(connection)}).on_link;
  };
  for (const auto& [connection, ack] : open) {
    if (!on_link(connection)) world_->network.Forge(SynAck(connection, ack), 1, 0);
  }
  Finish();
  EXPECT_EQ(c[LaneCounter::kKernelResets], kernels);
  EXPECT_GT(c[LaneCounter::kSentResets], 8 * 100U);
  while (world_->network.wire().DeliverDue() > 0 ||
         world_->network.wire().NextDeliveryNs() != io::FakeWire::kNever) {
    world_->clock.SetMonotonic(world_->network.wire().NextDeliveryNs());
  }
  for (const auto& [connection, ack] : world_->network.half_open()) {
    EXPECT_TRUE(on_link(connection) && open.contains(connection));
  }
}

TEST_F(LaneTest, LostResetsAreSentAgainForRepeatedSynAcksAFewTimes) {
  Prepare({.alive_share = 0.3, .own_resets = true}, 5000);
  // A host repeats one SYN-ACK many times, while it is measured and afterwards.
  Bytes synack;
  while (!scan_->finished()) {
    world_->Turn(*scan_);
    const auto& open = world_->network.half_open();
    if (synack.empty() && !open.empty() && PortPlan{}.IsOsPort(std::get<2>(open.begin()->first))) {
      const auto& [connection, ack] = *open.begin();
      synack = SynAck(connection, ack);
      for (int i = 0; i < 20; ++i) {
        world_->network.Forge(synack, 1, i * 200 * kNsPerMs);
      }
    }
  }
  ASSERT_FALSE(synack.empty());
  const LaneCounters& c = scan_->lanes()[0]->counters();
  EXPECT_GT(c[LaneCounter::kResetsWithheld], 5U);
  EXPECT_LE(c[LaneCounter::kResetsWithheld], 20U);
}

TEST_F(LaneTest, ForgedSynAcksHaveFewAnswersAndCostNobodyHis) {
  Prepare({.alive_share = 0.3, .own_resets = true}, 5000);
  size_t forged = 0;
  while (!scan_->finished()) {
    world_->Turn(*scan_);
    for (const uint32_t host : world_->network.heard()) {
      const HostOrderPort port = world_->network.LastOsPort({host});
      if (port == 0 || forged >= 2000) continue;
      // The right ports, but it cannot know the number.
      world_->network.Forge(SynAck({host, 80, port}, 0x12345678), 2, 0);
      ++forged;
    }
  }
  ASSERT_EQ(forged, 2000U);
  EXPECT_GT(world_->network.forged_taken(2), 1900U);
  while (world_->network.wire().DeliverDue() > 0 ||
         world_->network.wire().NextDeliveryNs() != io::FakeWire::kNever) {
    world_->clock.SetMonotonic(world_->network.wire().NextDeliveryNs());
  }
  EXPECT_THAT(world_->network.half_open(), ::testing::IsEmpty());
  // A port of the round under way is answered a few times whatever the number, no other one is.
  EXPECT_LT(world_->network.resets_wrong(), forged / 4);
  EXPECT_GT(scan_->lanes()[0]->counters()[LaneCounter::kResetsWithheld], 0U);
}

TEST_F(LaneTest, RefusedFramesAreSentAgainAndCostNobody) {
  testing::SimulatedNetworkOptions options;
  options.alive_share = 0.3;
  options.wire.send_failure = 0.05;
  Prepare(options, 20'000);
  Finish();
  const LaneCounters& c = scan_->lanes()[0]->counters();
  EXPECT_GT(c[LaneCounter::kUnsent], 200U);
  EXPECT_GT(c[LaneCounter::kRoundsRemeasured], 10U);
  EXPECT_EQ(c[LaneCounter::kTargetsLost], 0U);
  std::vector<uint32_t> written = JournalAddresses(disk_);
  EXPECT_EQ(std::set<uint32_t>(written.begin(), written.end()), world_->Live());
  EXPECT_EQ(written.size(), world_->Live().size());
  for (const auto& [address, verdict] : sink_->verdicts()) EXPECT_EQ(verdict.perfect, 1U);
}

TEST_F(LaneTest, ALinkThatRefusesEverythingEndsTheScanAndSaysSo) {
  testing::SimulatedNetworkOptions options;
  options.wire.send_failure = 1;
  Prepare(options, 0);
  Finish();
  const LaneCounters& c = scan_->lanes()[0]->counters();
  EXPECT_GT(c[LaneCounter::kTargetsLost], 0U);
  EXPECT_EQ(c[LaneCounter::kUnsent], c[LaneCounter::kSentDiscovery]);
  EXPECT_TRUE(sink_->verdicts().empty());
}

}  // namespace
}  // namespace osprey::engine
