// SPDX-License-Identifier: Apache-2.0
#include "io/pcap_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/capture_filter.h"

namespace osprey::io {
namespace {

using ::testing::HasSubstr;

class PcapFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ =
        (std::filesystem::temp_directory_path() / (std::string("osprey_") + info->name())).string();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void WriteText(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  std::string ReadText() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // `count` frames of 10, 11, 12, ... bytes, one microsecond and one nanosecond apart.
  void WriteFrames(size_t count, LinkLayer layer) const {
    auto writer = PcapWriter::Create(path_, layer);
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (size_t i = 0; i < count; ++i) {
      const std::vector<std::byte> frame(10 + i, static_cast<std::byte>(i));
      (*writer)->Write(frame, static_cast<uint32_t>(1'000 + i), StampOf(i));
    }
    ASSERT_TRUE((*writer)->Flush().ok());
  }
  static int64_t StampOf(size_t i) {
    return 1'700'000'000 * kNsPerSecond + 999'999'990 + static_cast<int64_t>(i) * 1'001;
  }

  std::string path_;
};

TEST_F(PcapFileTest, WrittenFramesComeBackWithNanoseconds) {
  for (const LinkLayer layer : {LinkLayer::kEthernet, LinkLayer::kNone}) {
    WriteFrames(50, layer);
    auto ring = OpenPcapFile(path_);
    ASSERT_TRUE(ring.ok()) << ring.status();
    EXPECT_EQ((*ring)->link_layer(), layer);
    size_t i = 0;
    const auto check = [&](const FrameView& frame) {
      EXPECT_EQ(frame.bytes.size(), 10 + i);
      EXPECT_EQ(frame.bytes[0], static_cast<std::byte>(i));
      EXPECT_EQ(frame.wire_length, 1'000 + i);
      EXPECT_EQ(frame.realtime_ns, StampOf(i));
      ++i;
    };
    EXPECT_EQ((*ring)->Poll(0, 20, check), 20u);
    EXPECT_TRUE((*ring)->status().ok());
    EXPECT_EQ((*ring)->Poll(0, 1'000, check), 30u);
    EXPECT_EQ((*ring)->Poll(0, 1'000, check), 0u);
    EXPECT_TRUE(absl::IsOutOfRange((*ring)->status()));
    EXPECT_EQ((*ring)->Counters().received, 50u);
  }
}

TEST_F(PcapFileTest, TruncatedFileGivesWhatIsWholeAndThenSaysSo) {
  WriteFrames(3, LinkLayer::kEthernet);
  const std::string whole = ReadText();
  WriteText(whole.substr(0, whole.size() - 5));
  auto ring = OpenPcapFile(path_);
  ASSERT_TRUE(ring.ok()) << ring.status();
  size_t count = 0;
  while ((*ring)->status().ok()) count += (*ring)->Poll(0, 10, [](const FrameView&) {});
  EXPECT_EQ(count, 2u);
  EXPECT_EQ((*ring)->Counters().received, 2u);
  EXPECT_TRUE(absl::IsDataLoss((*ring)->status())) << (*ring)->status();
  EXPECT_THAT(std::string((*ring)->status().message()), HasSubstr(path_));
}

TEST_F(PcapFileTest, EveryCutOfAFileEndsCleanly) {
  WriteFrames(3, LinkLayer::kEthernet);
  const std::string whole = ReadText();
  for (size_t size = 0; size < whole.size(); ++size) {
    WriteText(whole.substr(0, size));
    auto ring = OpenPcapFile(path_);
    if (!ring.ok()) continue;
    for (int i = 0; i < 10 && (*ring)->status().ok(); ++i) {
      (*ring)->Poll(0, 10, [](const FrameView&) {});
    }
    EXPECT_FALSE((*ring)->status().ok()) << size;
  }
}

TEST_F(PcapFileTest, OtherFilesAreRefusedByName) {
  WriteText("this is not a capture file, whatever its name says, and it is long enough");
  const auto ring = OpenPcapFile(path_);
  EXPECT_TRUE(absl::IsInvalidArgument(ring.status())) << ring.status();
  EXPECT_THAT(std::string(ring.status().message()), HasSubstr(path_));
  EXPECT_TRUE(absl::IsNotFound(OpenPcapFile(path_ + ".missing").status()));
}

TEST_F(PcapFileTest, UnknownLinkTypeIsRefused) {
  WriteFrames(1, LinkLayer::kEthernet);
  std::string bytes = ReadText();
  bytes[20] = 105;  // IEEE 802.11
  WriteText(bytes);
  EXPECT_TRUE(absl::IsUnimplemented(OpenPcapFile(path_).status()));
}

TEST_F(PcapFileTest, CookedFramesLoseTheirPseudoHeader) {
  WriteFrames(12, LinkLayer::kNone);
  std::string bytes = ReadText();
  bytes[20] = 113;  // LINUX_SLL
  WriteText(bytes);
  auto ring = OpenPcapFile(path_);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ((*ring)->link_layer(), LinkLayer::kNone);
  size_t i = 0;
  (*ring)->Poll(0, 100, [&](const FrameView& frame) {
    EXPECT_EQ(frame.bytes.size(), 10 + i > 16 ? 10 + i - 16 : 0);
    EXPECT_EQ(frame.wire_length, 1'000 + i - 16);
    ++i;
  });
  EXPECT_EQ(i, 12u);
}

TEST_F(PcapFileTest, UnwritablePlaceAndFullDiskAreNamed) {
  const auto writer = PcapWriter::Create("/nonexistent-folder/x.pcap", LinkLayer::kNone);
  EXPECT_TRUE(absl::IsNotFound(writer.status())) << writer.status();
  if (!std::filesystem::exists("/dev/full")) return;
  auto full = PcapWriter::Create("/dev/full", LinkLayer::kNone);
  ASSERT_TRUE(full.ok()) << full.status();
  const std::vector<std::byte> frame(300);
  for (int i = 0; i < 100; ++i) (*full)->Write(frame, 300, 0);
  const absl::Status status = (*full)->Flush();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("/dev/full"));
}

TEST(CaptureFilter, ExpressionSaysEachPart) {
  const CaptureFilter filter{.destinations = {{0x0A000001}, {0x0A000002}},
                             .tcp_ports = {{33000, 65535}},
                             .udp_ports = {{53, 53}},
                             .icmp = true,
                             .arp = true};
  EXPECT_EQ(ToPcapExpression(filter, LinkLayer::kEthernet),
            "(arp) or (ip and (dst host 10.0.0.1 or dst host 10.0.0.2) and (icmp or tcp dst "
            "portrange 33000-65535 or udp dst portrange 53-53))");
  EXPECT_EQ(ToPcapExpression({}, LinkLayer::kNone), "(ip and (icmp))");
}

TEST(CaptureFilter, AddressesAreWholeBlocksWhereTheyCan) {
  const auto expression = [](std::vector<Ipv4Addr> addresses) {
    return ToPcapExpression(
        {.destinations = std::move(addresses), .tcp_ports = {}, .udp_ports = {}}, LinkLayer::kNone);
  };
  std::vector<Ipv4Addr> pool;
  for (uint32_t a = 0x0A000007; a <= 0x0A000014; ++a) pool.insert(pool.begin(), Ipv4Addr{a});
  pool.push_back({0x0A000014});
  EXPECT_EQ(expression(pool),
            "(ip and (dst host 10.0.0.7 or dst net 10.0.0.8/29 or dst net 10.0.0.16/30 or dst host "
            "10.0.0.20) and (icmp))");
  pool.clear();
  for (uint32_t a = 0; a < 256; ++a) pool.push_back({0x0A000000 + a});
  EXPECT_EQ(expression(pool), "(ip and (dst net 10.0.0.0/24) and (icmp))");
  EXPECT_EQ(expression({{0xFFFFFFFF}, {0}}),
            "(ip and (dst host 0.0.0.0 or dst host 255.255.255.255) and (icmp))");
  // Too scattered: the capture thread looks instead.
  pool.clear();
  for (uint32_t a = 0; a < 17; ++a) pool.push_back({0x0A000000 + 2 * a});
  EXPECT_EQ(expression(pool), "(ip and (icmp))");
}

TEST(CaptureFilter, AVlanIsAskedForOnEthernetOnly) {
  const CaptureFilter filter{
      .destinations = {}, .tcp_ports = {}, .udp_ports = {}, .arp = true, .vlan = 5};
  EXPECT_EQ(ToPcapExpression(filter, LinkLayer::kEthernet),
            "vlan 5 and ((arp) or (ip and (icmp)))");
  EXPECT_EQ(ToPcapExpression(filter, LinkLayer::kNone), "(ip and (icmp))");
}

}  // namespace
}  // namespace osprey::io
