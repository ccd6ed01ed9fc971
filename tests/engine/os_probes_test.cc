// SPDX-License-Identifier: Apache-2.0
#include "engine/os_probes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "io/wire/parse.h"
#include "tests/testing/capture.h"
#include "tests/testing/frame_builder.h"

namespace osprey::engine {
namespace {

using matcher::ProbeId;
using osprey::testing::Addr;
using osprey::testing::Capture;
using osprey::testing::CapturedProbe;
using osprey::testing::Mac;
using osprey::testing::SeenProbe;
using osprey::testing::ToHex;

using FrameBuffer = std::array<std::byte, io::wire::FrameTemplate::kMaxBytes>;

OsIdentity IdentityOf(const Capture& capture) {
  return {.seq0 = capture.seq0,
          .ack0 = capture.ack0,
          .icmpid = capture.icmp_id,
          .tcp_base = capture.tcp_base_port,
          .udp_base = capture.u1_source_port,
          .u1_ttl = capture.u1_ttl};
}

// The port that a captured TCP probe went to stands for both: a guessed closed port is not in the
// capture's context.
ProbePorts PortsOf(const Capture& capture, const SeenProbe& seen) {
  return {.open = seen.tcp.destination_port,
          .closed = seen.tcp.destination_port,
          .udp = capture.u1_destination_port};
}

ProbeId ProbeNamed(std::string_view name) {
  const auto* found =
      std::find(std::begin(matcher::kProbeNames), std::end(matcher::kProbeNames), name);
  return static_cast<ProbeId>(found - std::begin(matcher::kProbeNames));
}

class CapturedProbes : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(CapturedProbes, AreWrittenToTheByte) {
  const Capture capture = osprey::testing::ReadCapture(GetParam());
  ASSERT_FALSE(capture.probes.empty());
  for (const CapturedProbe& captured : capture.probes) {
    const auto packet = std::as_bytes(std::span(captured.ip));
    const SeenProbe seen(packet, io::LinkLayer::kNone);
    const ProbeId probe = ProbeNamed(captured.name);
    const OsProbes probes({.layer = io::LinkLayer::kNone, .source = seen.ip.source});
    // U1 must not use this noise.
    const bool is_u1 = probe == ProbeId::kU1;
    const PacketNoise noise{.ip_id = is_u1 ? uint16_t{0x5555} : seen.ip.id,
                            .ttl = is_u1 ? uint8_t{1} : seen.ip.ttl};
    FrameBuffer frame;
    const ProbeFrame written = probes.Write(probe, {.address = capture.target}, IdentityOf(capture),
                                            PortsOf(capture, seen), noise, frame.data());
    ASSERT_EQ(ToHex(std::span(frame).first(written.length)), ToHex(packet)) << captured.name;
    EXPECT_EQ(written.udp_checksum, is_u1 ? capture.u1_udp_checksum : 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, CapturedProbes,
                         ::testing::ValuesIn(osprey::testing::CaptureFiles()),
                         [](const auto& test) {
                           std::string name = test.param.stem().string();
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

// What the test above leaves out: no host of the captures made OPS6 necessary.
TEST(OsProbes, AllButOps6OccurInTheCaptures) {
  std::set<ProbeId> seen;
  for (const auto& path : osprey::testing::CaptureFiles()) {
    for (const CapturedProbe& probe : osprey::testing::ReadCapture(path).probes) {
      seen.insert(ProbeNamed(probe.name));
    }
  }
  EXPECT_FALSE(seen.contains(ProbeId::kOps6));
  EXPECT_EQ(seen.size(), matcher::kProbeCount - 1);
}

struct Sent {
  FrameBuffer buffer;
  ProbeFrame frame;
  std::span<const std::byte> bytes() const { return std::span(buffer).first(frame.length); }
};

constexpr OsIdentity kIdentity{.seq0 = 0xFFFFFFFE,
                               .ack0 = 0x01020304,
                               .icmpid = 0xEFFE,
                               .tcp_base = 65500,
                               .udp_base = 40000,
                               .u1_ttl = 64};
constexpr ProbePorts kPorts{.open = 443, .closed = 1, .udp = 31000};

Sent SendOnEthernet(ProbeId probe) {
  const OsProbes probes({.layer = io::LinkLayer::kEthernet,
                         .source_mac = Mac("02:00:00:00:00:01"),
                         .source = Addr("192.0.2.1")});
  Sent sent;
  sent.frame =
      probes.Write(probe, {.address = Addr("198.51.100.7"), .next_hop = Mac("02:00:00:00:00:02")},
                   kIdentity, kPorts, {.ip_id = 7, .ttl = 40}, sent.buffer.data());
  return sent;
}

TEST(OsProbes, CarryTheLinkHeaderAndGoodChecksums) {
  for (size_t i = 0; i < matcher::kProbeCount; ++i) {
    const Sent sent = SendOnEthernet(static_cast<ProbeId>(i));
    const SeenProbe seen(sent.bytes(), io::LinkLayer::kEthernet);
    EXPECT_EQ(seen.ethernet->source, Mac("02:00:00:00:00:01"));
    EXPECT_EQ(seen.ethernet->destination, Mac("02:00:00:00:00:02"));
    EXPECT_EQ(seen.ip.destination, Addr("198.51.100.7"));
    EXPECT_EQ(sent.frame.length, io::wire::kEthernetBytes + seen.ip.total_length);
    EXPECT_EQ(io::wire::TransportChecksum(sent.bytes(), io::LinkLayer::kEthernet),
              io::wire::ChecksumState::kGood)
        << matcher::kProbeNames[i];
    EXPECT_EQ(
        io::wire::FoldSum(io::wire::SumBytes(std::span(seen.packet).first(io::wire::kIpv4Bytes))),
        0xFFFF);
  }
}

TEST(OsProbes, UseSourcePortsFromTheBaseInOrder) {
  for (size_t i = 0; i < matcher::kTcpProbeCount; ++i) {
    const Sent sent = SendOnEthernet(static_cast<ProbeId>(i));
    const SeenProbe seen(sent.bytes(), io::LinkLayer::kEthernet);
    EXPECT_EQ(seen.tcp.source_port, kIdentity.tcp_base + i);
    const bool to_closed = i >= Index(ProbeId::kT5);
    EXPECT_EQ(seen.tcp.destination_port, to_closed ? kPorts.closed : kPorts.open);
  }
}

TEST(OsProbes, OnlySeqProbesCountUpAndTheSequenceNumberWraps) {
  const auto seq_of = [](ProbeId probe) {
    const Sent sent = SendOnEthernet(probe);
    return SeenProbe(sent.bytes(), io::LinkLayer::kEthernet).tcp.seq;
  };
  EXPECT_EQ(seq_of(ProbeId::kSeq1), 0xFFFFFFFEu);
  EXPECT_EQ(seq_of(ProbeId::kSeq2), 0xFFFFFFFFu);
  EXPECT_EQ(seq_of(ProbeId::kSeq3), 0u);
  EXPECT_EQ(seq_of(ProbeId::kSeq6), 3u);
  EXPECT_EQ(seq_of(ProbeId::kOps6), 0xFFFFFFFEu);
  EXPECT_EQ(seq_of(ProbeId::kT1), 0xFFFFFFFEu);
  EXPECT_EQ(seq_of(ProbeId::kT7), 0xFFFFFFFEu);
}

// OPSn and T1 are SEQn and SEQ1 from another port, without the counted sequence number.
TEST(OsProbes, RepeatsDifferFromTheirOriginalsInPortAndSequenceNumberOnly) {
  const auto repeat = [](ProbeId original, ProbeId repeated) {
    const Sent first = SendOnEthernet(original);
    Sent second = SendOnEthernet(repeated);
    ASSERT_EQ(first.frame.length, second.frame.length);
    constexpr size_t kTcpAt = io::wire::kEthernetBytes + io::wire::kIpv4Bytes;
    for (const auto& [at, size] : {std::pair{kTcpAt, 2}, std::pair{kTcpAt + 4, 4},
                                   std::pair{kTcpAt + io::wire::kTcpChecksumAt, 2}}) {
      std::copy_n(first.buffer.begin() + at, size, second.buffer.begin() + at);
    }
    EXPECT_EQ(ToHex(first.bytes()), ToHex(second.bytes()));
  };
  for (size_t n = 0; n < 6; ++n) repeat(static_cast<ProbeId>(n), static_cast<ProbeId>(n + 6));
  repeat(ProbeId::kSeq1, ProbeId::kT1);
}

// A UDP checksum of 0 would say "none": it goes out as FFFF, and RUCK compares with that.
TEST(OsProbes, U1NeverHasAChecksumOfZero) {
  const OsProbes probes({.layer = io::LinkLayer::kNone, .source = Addr("192.0.2.1")});
  size_t all_ones = 0;
  for (uint32_t port = 0; port <= 0xFFFF; ++port) {
    FrameBuffer frame;
    const ProbeFrame written =
        probes.Write(ProbeId::kU1, {.address = Addr("198.51.100.7")}, kIdentity,
                     {.udp = static_cast<HostOrderPort>(port)}, {}, frame.data());
    ASSERT_NE(written.udp_checksum, 0);
    all_ones += written.udp_checksum == 0xFFFF ? 1u : 0u;
  }
  EXPECT_GE(all_ones, 1u);
}

// A slot that held a longer frame before must not show through, and nothing behind the buffer's
// 384 bytes is touched.
TEST(OsProbes, OverwriteWhatTheBufferHeldAndStayInside) {
  struct {
    FrameBuffer frame;
    std::array<std::byte, 64> guard;
  } slot;
  slot.frame.fill(std::byte{0xAA});
  slot.guard.fill(std::byte{0xAA});
  const OsProbes probes({.layer = io::LinkLayer::kEthernet, .source = Addr("192.0.2.1")});
  for (size_t i = 0; i < matcher::kProbeCount; ++i) {
    const auto probe = static_cast<ProbeId>(i);
    FrameBuffer fresh{};
    probes.Write(probe, {.address = Addr("198.51.100.7")}, kIdentity, kPorts, {}, fresh.data());
    const ProbeFrame written = probes.Write(probe, {.address = Addr("198.51.100.7")}, kIdentity,
                                            kPorts, {}, slot.frame.data());
    EXPECT_EQ(ToHex(std::span(slot.frame).first(written.length)),
              ToHex(std::span(fresh).first(written.length)));
  }
  EXPECT_TRUE(std::all_of(slot.guard.begin(), slot.guard.end(),
                          [](std::byte byte) { return byte == std::byte{0xAA}; }));
}

}  // namespace
}  // namespace osprey::engine
