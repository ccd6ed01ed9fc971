// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "io/wire/build.h"
#include "io/wire/frame_template.h"
#include "io/wire/parse.h"
#include "tests/testing/frame_builder.h"

namespace osprey::io::wire {
namespace {

using osprey::testing::Addr;
using osprey::testing::Bytes;
using osprey::testing::ToHex;

constexpr Ipv4Header kIp{.source = {0x0A4D0001}, .destination = {0x0A4D0002}};

TEST(Build, RefusesWhatDoesNotFit) {
  std::array<std::byte, 60> out;
  EXPECT_EQ(BuildTcp(kIp, {}, Bytes(20), {}, out), 60u);
  EXPECT_EQ(BuildTcp(kIp, {}, Bytes(20), Bytes(1), out), 0u);
  EXPECT_EQ(BuildUdp(kIp, {}, Bytes(32), out), 60u);
  EXPECT_EQ(BuildUdp(kIp, {}, Bytes(33), out), 0u);
  EXPECT_EQ(BuildIcmp(kIp, {}, Bytes(33), out), 0u);
  EXPECT_EQ(BuildIcmp(kIp, {}, {}, std::span(out).first(27)), 0u);
}

TEST(Build, RefusesOptionsThatNoHeaderCanHold) {
  Bytes out(200);
  EXPECT_EQ(BuildTcp(kIp, {}, Bytes(3), {}, out), 0u);
  EXPECT_EQ(BuildTcp(kIp, {}, Bytes(44), {}, out), 0u);
  EXPECT_EQ(BuildTcp(kIp, {}, Bytes(40), {}, out), 80u);
}

TEST(Build, RefusesPacketsBeyondTheLargestTotalLength) {
  Bytes out(70000);
  EXPECT_EQ(BuildUdp(kIp, {}, Bytes(65535 - 28), out), 65535u);
  EXPECT_EQ(BuildUdp(kIp, {}, Bytes(65535 - 27), out), 0u);
}

TEST(Build, ChecksumsAreGoodForOddLengthsToo) {
  Bytes out(200);
  for (size_t data = 0; data < 9; ++data) {
    const Bytes payload(data, std::byte{0xA5});
    const size_t length = BuildTcp(kIp, {.seq = 1}, {}, payload, out);
    EXPECT_EQ(TransportChecksum(std::span(out).first(length), LinkLayer::kNone),
              ChecksumState::kGood);
    const size_t udp_length = BuildUdp(kIp, {.source_port = 9}, payload, out);
    EXPECT_EQ(TransportChecksum(std::span(out).first(udp_length), LinkLayer::kNone),
              ChecksumState::kGood);
    const size_t icmp_length = BuildIcmp(kIp, {.type = 8}, payload, out);
    EXPECT_EQ(TransportChecksum(std::span(out).first(icmp_length), LinkLayer::kNone),
              ChecksumState::kGood);
  }
}

// Whatever is patched in, the frame equals the one that is built from the same numbers.
TEST(FrameTemplate, PatchedEqualsBuiltForRandomNumbers) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const SendPath path{.layer = LinkLayer::kNone, .source = Addr("192.0.2.1")};
  Bytes zero(FrameTemplate::kMaxBytes);
  const size_t length =
      BuildTcp({.ttl = 0, .source = path.source}, {.flags = 0x12, .window = 7}, Bytes(8), {}, zero);
  const FrameTemplate prepared(path, std::span(zero).first(length));
  // The edges are where a folded sum goes wrong.
  const auto number = [&] {
    const uint32_t values[] = {0, 0xFFFFFFFF, 0xFFFF0000, 0xFFFF,
                               static_cast<uint32_t>(random() & 0xFFFFFFFF)};
    return values[random() % 5];
  };
  for (int round = 0; round < 20'000; ++round) {
    const FrameTemplate::TcpPatch patch{
        .source_port = static_cast<uint16_t>(number() & 0xFFFF),
        .destination_port = static_cast<uint16_t>(number() & 0xFFFF),
        .seq = number(),
        .ack = number()};
    const Ipv4Addr to{number()};
    const auto ip_id = static_cast<uint16_t>(number() & 0xFFFF);
    const auto ttl = static_cast<uint8_t>(number() & 0xFF);
    Bytes frame(FrameTemplate::kMaxBytes);
    prepared.PatchTcp(patch, to, prepared.Write({.address = to}, ip_id, ttl, frame.data()));
    Bytes built(FrameTemplate::kMaxBytes);
    const size_t built_length =
        BuildTcp({.id = ip_id, .ttl = ttl, .source = path.source, .destination = to},
                 {.source_port = patch.source_port,
                  .destination_port = patch.destination_port,
                  .seq = patch.seq,
                  .ack = patch.ack,
                  .flags = 0x12,
                  .window = 7},
                 Bytes(8), {}, built);
    ASSERT_EQ(ToHex(std::span(frame).first(prepared.length())),
              ToHex(std::span(built).first(built_length)));
  }
}

}  // namespace
}  // namespace osprey::io::wire
