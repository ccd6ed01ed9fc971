// SPDX-License-Identifier: Apache-2.0
// The AF_XDP ring in copy mode over a veth pair: what it shares with the other rings, and what is
// its own. Zero copy needs a driver that has it; veth has not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "io/ring_selector.h"
#include "tests/io/send_ring_testing.h"
#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

using osprey::testing::ScopedNetns;
using ::testing::HasSubstr;

class XdpSendRingNetns : public ::testing::Test {
 protected:
  void SetUp() override {
    auto netns = ScopedNetns::Create();
    if (absl::IsPermissionDenied(netns.status())) GTEST_SKIP() << netns.status();
    ASSERT_TRUE(netns.ok()) << netns.status();
    netns_ = *std::move(netns);
    netns_->Far([&] { receiver_ = std::make_unique<Receiver>("osp1", kTestProtocol); });
    const auto ring = Open({.name = "af_xdp-copy", .slots = 8});
    if (absl::IsUnimplemented(ring.status())) GTEST_SKIP() << ring.status();
    ASSERT_TRUE(ring.ok()) << ring.status();
  }

  absl::StatusOr<SelectedRing> Open(const SendRingOptions& options, const char* link = "osp0") {
    absl::StatusOr<SelectedRing> ring;
    netns_->Near([&] { ring = OpenSendRing(LinkNamed(link), options); });
    return ring;
  }
  std::unique_ptr<SendRing> OpenOrDie(size_t slots) {
    auto selected = Open({.name = "af_xdp-copy", .slots = slots});
    EXPECT_TRUE(selected.ok()) << selected.status();
    EXPECT_EQ(selected->note, "");
    return std::move(selected->ring);
  }
  // Frames `first` to `last`, both included, each tagged with its number + 1.
  static std::vector<SendEntry> Batch(SendRing& ring, uint32_t first, uint32_t last) {
    std::vector<SendEntry> batch;
    for (uint32_t i = first; i <= last; ++i) {
      batch.push_back(LeaseFrame(ring, EthernetFrame(i, 60), i + 1));
    }
    return batch;
  }
  static std::vector<Bytes> Frames(uint32_t first, uint32_t last) {
    std::vector<Bytes> frames;
    for (uint32_t i = first; i <= last; ++i) frames.push_back(EthernetFrame(i, 60));
    return frames;
  }
  // By tag: frames that the kernel never took are reported before those it did.
  static std::vector<int> ReapErrors(SendRing& ring, size_t count) {
    std::vector<int> errors(count, -1);
    for (const SendCompletion& done : ReapAll(ring)) {
      EXPECT_EQ(errors.at(done.tag - 1), -1) << "finished twice";
      errors[done.tag - 1] = done.error;
    }
    return errors;
  }

  std::unique_ptr<ScopedNetns> netns_;
  std::unique_ptr<Receiver> receiver_;
};

TEST_F(XdpSendRingNetns, FramesArriveByteExactAndInOrder) {
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < 5'000; ++i) {
    frames.push_back(EthernetFrame(i, 60 + i % (SendRing::kFrameBytes - 59)));
  }
  const auto ring = OpenOrDie(300);
  EXPECT_EQ(ring->name(), "af_xdp-copy");
  EXPECT_EQ(ring->link_layer(), LinkLayer::kEthernet);
  ExpectAllCompleted(SendAll(*ring, frames), frames.size());
  const SendCounters& c = ring->counters();
  EXPECT_EQ(c.submitted, frames.size());
  EXPECT_EQ(c.sent, frames.size());
  EXPECT_EQ(c.no_buffers + c.failed, 0u);
  EXPECT_LT(c.system_calls, frames.size() / 10) << "batches share system calls";
  EXPECT_EQ(receiver_->Read(frames.size()), frames);
}

TEST_F(XdpSendRingNetns, FullRingPushesBackAndLosesNothing) {
  const auto ring = OpenOrDie(8);
  for (uint32_t round = 0; round < 40; ++round) {
    const auto batch = Batch(*ring, 0, 7);
    FrameSlot none;
    EXPECT_FALSE(ring->Lease(none));
    ASSERT_EQ(ring->Submit(batch), 8u);
    EXPECT_FALSE(ring->Lease(none)) << "frames hold their slots until reaped";
    std::array<SendCompletion, 3> some;
    size_t seen = 0;
    for (size_t count = 0; (count = ring->Reap(some)) > 0; seen += count) EXPECT_LE(count, 3u);
    EXPECT_EQ(seen, 8u);
    EXPECT_EQ(ring->free_slots(), 8u);
  }
  EXPECT_EQ(receiver_->Read(320).size(), 320u);
}

TEST_F(XdpSendRingNetns, LinkWithoutCarrierCountsNoBuffers) {
  ASSERT_EQ(netns_->FarCommand("ip link set osp1 down").exit_status, 0);
  const auto ring = OpenOrDie(200);
  ASSERT_EQ(ring->Submit(Batch(*ring, 0, 99)), 100u);
  EXPECT_EQ(ReapErrors(*ring, 100), std::vector<int>(100, ENOBUFS));
  EXPECT_EQ(ring->counters().no_buffers, 100u);
  EXPECT_EQ(ring->counters().last_error, ENOBUFS);
  EXPECT_EQ(ring->counters().sent, 0u);
  // And works again when the carrier is back.
  ASSERT_EQ(netns_->FarCommand("ip link set osp1 up").exit_status, 0);
  netns_->Far([&] { receiver_ = std::make_unique<Receiver>("osp1", kTestProtocol); });
  ASSERT_EQ(ring->Submit(Batch(*ring, 0, 49)), 50u);
  EXPECT_EQ(ReapErrors(*ring, 50), std::vector<int>(50, 0));
  EXPECT_EQ(receiver_->Read(50), Frames(0, 49));
}

TEST_F(XdpSendRingNetns, FramesOfALinkThatWasDownNeverLeaveLate) {
  const auto ring = OpenOrDie(64);
  ASSERT_EQ(netns_->NearCommand("ip link set osp0 down").exit_status, 0);
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(ring->Submit(Batch(*ring, 0, 39)), 40u);
    EXPECT_EQ(ReapErrors(*ring, 40), std::vector<int>(40, ENETDOWN));
    EXPECT_EQ(ring->free_slots(), 64u);
  }
  EXPECT_EQ(ring->counters().failed, 120u);
  ASSERT_EQ(netns_->NearCommand("ip link set osp0 up").exit_status, 0);
  // Fewer than were refused: what is left of those in the ring must stay void.
  ASSERT_EQ(ring->Submit(Batch(*ring, 100, 104)), 5u);
  EXPECT_EQ(ReapErrors(*ring, 105), [] {
    std::vector<int> errors(105, -1);
    std::fill(errors.end() - 5, errors.end(), 0);
    return errors;
  }());
  std::vector<Bytes> want = Frames(100, 104);
  for (uint32_t i = 0; i < 10; ++i) {
    ASSERT_EQ(ring->Submit(Batch(*ring, 0, 63)), 64u);
    EXPECT_EQ(ReapErrors(*ring, 64), std::vector<int>(64, 0));
    for (Bytes& frame : Frames(0, 63)) want.push_back(std::move(frame));
  }
  EXPECT_EQ(receiver_->Read(want.size() + 1), want);
  EXPECT_EQ(ring->counters().sent, 645u);
}

TEST_F(XdpSendRingNetns, OneBadFrameDoesNotStopTheBatch) {
  ASSERT_EQ(netns_->NearCommand("ip link set osp0 mtu 200").exit_status, 0);
  const auto ring = OpenOrDie(64);
  std::vector<SendEntry> batch;
  std::vector<int> want;
  for (uint32_t i = 0; i < 10; ++i) {
    const bool bad = i == 0 || i == 4 || i == 9;
    batch.push_back(LeaseFrame(*ring, EthernetFrame(i, bad ? 300 : 60), i + 1));
    want.push_back(bad ? EMSGSIZE : 0);
  }
  ASSERT_EQ(ring->Submit(batch), 10u);
  EXPECT_EQ(ReapErrors(*ring, 10), want);
  EXPECT_EQ(ring->counters().failed, 3u);
  EXPECT_EQ(ring->counters().sent, 7u);
  EXPECT_EQ(receiver_->Read(8).size(), 7u);
}

// The far end's queue takes what it takes: whatever is refused is told, frame by frame.
TEST_F(XdpSendRingNetns, EachFrameThatTheLinkDropsIsTold) {
  ASSERT_EQ(netns_->FarCommand("ip link set osp1 mtu 100").exit_status, 0);
  const auto ring = OpenOrDie(64);
  std::vector<SendEntry> batch;
  std::vector<int> want;
  std::vector<Bytes> arriving;
  for (uint32_t i = 0; i < 40; ++i) {
    const bool refused = i % 7 == 3 || i == 0 || i == 39;  // too long for the far end alone
    const Bytes frame = EthernetFrame(i, refused ? 400 : 60);
    batch.push_back(LeaseFrame(*ring, frame, i + 1));
    want.push_back(refused ? ENOBUFS : 0);
    if (!refused) arriving.push_back(frame);
  }
  ASSERT_EQ(ring->Submit(batch), 40u);
  EXPECT_EQ(ReapErrors(*ring, 40), want);
  EXPECT_EQ(receiver_->Read(arriving.size() + 1), arriving);
}

TEST_F(XdpSendRingNetns, WhatComesInStaysWithTheKernel) {
  const auto ring = OpenOrDie(64);
  std::unique_ptr<Receiver> here;
  netns_->Near([&] { here = std::make_unique<Receiver>("osp0", kTestProtocol); });
  netns_->Far([&] {
    auto answering = OpenSendRing(LinkNamed("osp1"), {.name = "sendmmsg", .slots = 64});
    ASSERT_TRUE(answering.ok()) << answering.status();
    ExpectAllCompleted(SendAll(*answering->ring, Frames(0, 199)), 200);
  });
  EXPECT_EQ(here->Read(200), Frames(0, 199));
}

TEST_F(XdpSendRingNetns, BestModeFallsBackToCopyAndSaysSo) {
  auto selected = Open({.name = "af_xdp", .slots = 64});
  ASSERT_TRUE(selected.ok()) << selected.status();
  EXPECT_EQ(selected->ring->name(), "af_xdp-copy");
  EXPECT_THAT(selected->note, HasSubstr("osp0: copy mode"));
  ExpectAllCompleted(SendAll(*selected->ring, {EthernetFrame(5, 60)}), 1);
  EXPECT_EQ(receiver_->Read(1), std::vector<Bytes>{EthernetFrame(5, 60)});
}

TEST_F(XdpSendRingNetns, AQueueServesOneRing) {
  const auto ring = OpenOrDie(8);
  const auto second = Open({.name = "af_xdp-copy", .slots = 8});
  EXPECT_TRUE(absl::IsAlreadyExists(second.status())) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("osp0: AF_XDP on queue 0"));
  const auto third = Open({.name = "af_xdp-copy", .slots = 8, .queue = 7});
  EXPECT_TRUE(absl::IsInvalidArgument(third.status())) << third.status();
  EXPECT_THAT(std::string(third.status().message()), HasSubstr("queue 7"));
}

TEST_F(XdpSendRingNetns, RingsOnSeveralQueuesSendSideBySide) {
  ASSERT_EQ(netns_
                ->NearCommand("ip link add osp4 numtxqueues 2 numrxqueues 2 type veth peer name "
                              "osp5 numtxqueues 2 numrxqueues 2 netns " +
                              netns_->far_path() + "; ip link set osp4 up")
                .exit_status,
            0);
  ASSERT_EQ(netns_->FarCommand("ip link set osp5 up").exit_status, 0);
  netns_->Far([&] { receiver_ = std::make_unique<Receiver>("osp5", kTestProtocol); });
  for (uint32_t queue = 0; queue < 2; ++queue) {
    auto selected = Open({.name = "af_xdp-copy", .slots = 8, .queue = queue}, "osp4");
    ASSERT_TRUE(selected.ok()) << selected.status();
    ExpectAllCompleted(SendAll(*selected->ring, {EthernetFrame(queue, 60)}), 1);
    EXPECT_EQ(receiver_->Read(1), std::vector<Bytes>{EthernetFrame(queue, 60)});
  }
}

TEST_F(XdpSendRingNetns, OtherKindsOfLinkAreRefused) {
  const auto loopback = Open({.name = "af_xdp", .slots = 8}, "lo");
  EXPECT_TRUE(absl::IsInvalidArgument(loopback.status())) << loopback.status();
  EXPECT_THAT(std::string(loopback.status().message()), HasSubstr("lo: AF_XDP"));
}

}  // namespace
}  // namespace osprey::io
