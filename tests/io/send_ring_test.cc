// SPDX-License-Identifier: Apache-2.0
// What every ring promises, without a network: selection, slots, completions, recording.

#include "io/send_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/frame_slab.h"
#include "io/null_send_ring.h"
#include "io/pcap_file.h"
#include "io/recording_send_ring.h"
#include "io/ring_selector.h"

namespace osprey::io {
namespace {

using testing::HasSubstr;

Link EthernetLink(std::string name) {
  Link link;
  link.name = std::move(name);
  link.index = 9'999'999;
  link.kind = LinkKind::kEthernet;
  return link;
}

SendEntry LeaseText(SendRing& ring, const std::string& text, uint64_t tag) {
  FrameSlot slot;
  EXPECT_TRUE(ring.Lease(slot));
  std::memcpy(slot.data, text.data(), text.size());
  return {.slot = slot.index, .length = static_cast<uint32_t>(text.size()), .tag = tag};
}

TEST(FrameSlab, RefusesNoneAndTooMany) {
  EXPECT_TRUE(absl::IsInvalidArgument(FrameSlab::Create(0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FrameSlab::Create(FrameSlab::kMaxSlots + 1).status()));
  EXPECT_TRUE(FrameSlab::Create(FrameSlab::kMaxSlots).ok());
}

TEST(FrameSlab, MovingKeepsTheBytesInPlace) {
  auto slab = FrameSlab::Create(3);
  ASSERT_TRUE(slab.ok());
  std::byte* const data = slab->data();
  data[3 * SendRing::kFrameBytes - 1] = std::byte{7};
  const FrameSlab moved = *std::move(slab);
  EXPECT_EQ(moved.data(), data);
  EXPECT_EQ(moved.data()[3 * SendRing::kFrameBytes - 1], std::byte{7});
}

TEST(RingSelector, UnknownNameListsTheKnownOnes) {
  const auto ring = OpenSendRing(EthernetLink("x"), {.name = "dpdk"});
  ASSERT_TRUE(absl::IsInvalidArgument(ring.status()));
  for (const std::string_view name : SendRingNames()) {
    EXPECT_THAT(std::string(ring.status().message()), HasSubstr(std::string(name)));
  }
}

TEST(RingSelector, PacketRingOnLoopbackIsRefusedWithAdvice) {
  Link lo = EthernetLink("lo");
  lo.kind = LinkKind::kLoopback;
  for (const char* name : {"io_uring", "sendmmsg"}) {
    const auto ring = OpenSendRing(lo, {.name = name});
    ASSERT_TRUE(absl::IsInvalidArgument(ring.status()));
    EXPECT_THAT(std::string(ring.status().message()), HasSubstr("raw-ip"));
  }
}

TEST(RingSelector, MissingInterfaceIsNamedByEveryPacketRing) {
  for (const char* name : {"auto", "io_uring", "sendmmsg"}) {
    const auto ring = OpenSendRing(EthernetLink("nosuch0"), {.name = name});
    if (absl::IsPermissionDenied(ring.status())) GTEST_SKIP() << ring.status();
    EXPECT_TRUE(absl::IsNotFound(ring.status())) << ring.status();
    EXPECT_THAT(std::string(ring.status().message()), HasSubstr("nosuch0"));
  }
}

TEST(RingSelector, SlotCountIsChecked) {
  const auto ring = OpenSendRing(EthernetLink("x"), {.name = "null", .slots = 0});
  EXPECT_TRUE(absl::IsInvalidArgument(ring.status()));
}

TEST(NullSendRing, SlotsComeBackAndTagsAreReportedInOrder) {
  const auto selected = OpenSendRing(EthernetLink("x"), {.name = "null", .slots = 6});
  ASSERT_TRUE(selected.ok()) << selected.status();
  SendRing& ring = *selected->ring;
  for (uint64_t round = 0; round < 10; ++round) {
    std::array<SendEntry, 6> batch;
    for (uint64_t i = 0; i < 6; ++i)
      batch[i] = LeaseText(ring, "x", i < 4 ? round * 10 + i + 1 : 0);
    ASSERT_EQ(ring.Submit(batch), 6u);
    EXPECT_EQ(ring.free_slots(), 2u);
    std::array<SendCompletion, 8> done;
    ASSERT_EQ(ring.Reap(std::span(done).first(3)), 3u);
    ASSERT_EQ(ring.Reap(std::span(done).subspan(3)), 1u);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(done[i].tag, round * 10 + i + 1);
    EXPECT_EQ(ring.free_slots(), 6u);
  }
  EXPECT_EQ(ring.counters().sent, 60u);
}

TEST(RecordingSendRing, FileHoldsEveryFrameWithItsStamp) {
  const std::string path =
      (std::filesystem::temp_directory_path() / "osprey_recording_test.pcap").string();
  FakeClock clock(kNsPerSecond, 1'600'000'000 * kNsPerSecond + 123'456'789);
  {
    auto slab = FrameSlab::Create(4);
    ASSERT_TRUE(slab.ok());
    auto writer = PcapWriter::Create(path, LinkLayer::kEthernet);
    ASSERT_TRUE(writer.ok()) << writer.status();
    const std::shared_ptr<PcapWriter> shared = *std::move(writer);
    RecordingSendRing ring(std::make_unique<NullSendRing>(LinkLayer::kEthernet, *std::move(slab)),
                           shared, clock);
    EXPECT_EQ(ring.slots(), 4u);
    EXPECT_EQ(ring.free_slots(), 4u);
    for (uint64_t i = 0; i < 20; ++i) {
      const SendEntry entry = LeaseText(ring, "frame " + std::to_string(i), i % 3);
      ASSERT_EQ(ring.Submit({&entry, 1}), 1u);
      std::array<SendCompletion, 4> done;
      EXPECT_EQ(ring.Reap(done), i % 3 == 0 ? 0u : 1u);
      EXPECT_EQ(ring.free_slots(), 4u);
      clock.Advance(1'001);
    }
    EXPECT_EQ(ring.counters().sent, 20u);
    ASSERT_TRUE(shared->Flush().ok());
    EXPECT_EQ(shared->frames_written(), 20u);
  }
  auto replay = OpenPcapFile(path);
  ASSERT_TRUE(replay.ok()) << replay.status();
  int64_t i = 0;
  while ((*replay)->Poll(0, 7, [&](const FrameView& frame) {
    const std::string want = "frame " + std::to_string(i);
    ASSERT_EQ(frame.bytes.size(), want.size());
    EXPECT_EQ(std::memcmp(frame.bytes.data(), want.data(), want.size()), 0);
    EXPECT_EQ(frame.realtime_ns, 1'600'000'000 * kNsPerSecond + 123'456'789 + 1'001 * i);
    ++i;
  }) > 0) {
  }
  EXPECT_EQ(i, 20);
  EXPECT_TRUE(absl::IsOutOfRange((*replay)->status()));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace osprey::io
