// SPDX-License-Identifier: Apache-2.0
// Live capture on a veth pair, a tun device and loopback in namespaces of our own.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "io/link.h"
#include "io/packet_socket.h"
#include "io/pcap_capture_ring.h"
#include "io/ring_selector.h"
#include "tests/testing/frame_builder.h"
#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

using osprey::testing::Addr;
using osprey::testing::Bytes;
using osprey::testing::FrameBuilder;
using osprey::testing::Mac;
using std::chrono::milliseconds;

constexpr char kOurs[] = "10.99.0.1";
constexpr char kTheirs[] = "10.99.0.2";

Link LinkNamed(const std::string& name) {
  const auto links = LinkTable::Load();
  EXPECT_TRUE(links.ok()) << links.status();
  const auto link = links->Find(name);
  EXPECT_TRUE(link.ok()) << link.status();
  return **link;
}

CaptureFilter ScanFilter() {
  return {.destinations = {Addr(kOurs)},
          .tcp_ports = {{40000, 40009}, {50000, 50000}},
          .udp_ports = {},
          .icmp = true,
          .arp = true};
}

// Sends frames out of one link as they are.
class Injector {
 public:
  explicit Injector(const std::string& link) {
    auto fd = OpenPacketSender(link, static_cast<int>(if_nametoindex(link.c_str())));
    EXPECT_TRUE(fd.ok()) << fd.status();
    if (fd.ok()) fd_ = *std::move(fd);
  }
  void Send(const Bytes& frame) const {
    EXPECT_EQ(send(fd_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }

 private:
  FileDescriptor fd_;
};

struct Frame {
  Bytes bytes;
  uint32_t wire_length;
  int64_t realtime_ns;
};

// Polls until `count` frames have come or 1 s has passed without one.
std::vector<Frame> Read(CaptureRing& ring, size_t count) {
  std::vector<Frame> frames;
  while (frames.size() < count) {
    if (ring.Poll(1'000, 64, [&](const FrameView& frame) {
          frames.push_back({Bytes(frame.bytes.begin(), frame.bytes.end()), frame.wire_length,
                            frame.realtime_ns});
        }) == 0) {
      break;
    }
  }
  return frames;
}

Bytes TcpFrame(uint16_t destination_port, const char* destination = kOurs, size_t data = 0) {
  return FrameBuilder()
      .Eth(Mac("02:00:00:00:00:02"), Mac("FF:FF:FF:FF:FF:FF"))
      .Ipv4(kTheirs, destination)
      .Tcp(80, destination_port, {})
      .Data(Bytes(data, std::byte{0x5A}))
      .Build();
}

class PcapCapture : public ::testing::TestWithParam<bool> {
 protected:
  static CaptureOptions Options() { return {.buffer_bytes = 4 << 20, .immediate = GetParam()}; }
};

TEST_P(PcapCapture, HandsOutWhatTheFilterWantsAndNothingElse) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::unique_ptr<Injector> theirs;
  netns->Far([&] { theirs = std::make_unique<Injector>("osp1"); });
  netns->Near([&] {
    auto ring = OpenPcapCapture(LinkNamed("osp0"), ScanFilter(), Options());
    ASSERT_TRUE(ring.ok()) << ring.status();
    EXPECT_EQ((*ring)->link_layer(), LinkLayer::kEthernet);
    const auto eth = [] {
      return FrameBuilder().Eth(Mac("02:00:00:00:00:02"), Mac("FF:FF:FF:FF:FF:FF"));
    };
    const Bytes icmp = eth().Ipv4(kTheirs, kOurs).Icmp(0, 0, 7).Build();
    const Bytes arp = eth().Arp({}).Build();
    const Injector ours("osp0");
    const int64_t before_ns = Clock::Real().RealtimeNs();
    theirs->Send(TcpFrame(39999));
    theirs->Send(TcpFrame(40000));
    theirs->Send(TcpFrame(40009, kOurs, 100));
    theirs->Send(TcpFrame(40010));
    theirs->Send(TcpFrame(50000));
    theirs->Send(TcpFrame(40000, "10.99.0.3"));
    theirs->Send(eth().Ipv4(kTheirs, kOurs).Udp(53, 40000).Build());
    ours.Send(TcpFrame(40000));  // outgoing
    theirs->Send(icmp);
    theirs->Send(arp);
    std::vector<Bytes> got;
    for (const Frame& frame : Read(**ring, 6)) {
      got.push_back(frame.bytes);
      EXPECT_EQ(frame.wire_length, frame.bytes.size());
      EXPECT_GE(frame.realtime_ns, before_ns);
      EXPECT_LE(frame.realtime_ns, Clock::Real().RealtimeNs());
    }
    EXPECT_EQ(got, (std::vector<Bytes>{TcpFrame(40000), TcpFrame(40009, kOurs, 100),
                                       TcpFrame(50000), icmp, arp}));
    EXPECT_EQ((*ring)->Counters().received, 5u);
    EXPECT_EQ((*ring)->Counters().dropped_kernel, 0u);
  });
}

TEST_P(PcapCapture, PollIsBoundedAndKeepsOrder) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::unique_ptr<Injector> theirs;
  netns->Far([&] { theirs = std::make_unique<Injector>("osp1"); });
  netns->Near([&] {
    auto ring = OpenPcapCapture(LinkNamed("osp0"), ScanFilter(), Options());
    ASSERT_TRUE(ring.ok()) << ring.status();
    for (uint16_t i = 0; i < 100; ++i) theirs->Send(TcpFrame(40000, kOurs, i));
    size_t next = 0;
    while (next < 100) {
      size_t calls = 0;
      const size_t count = (*ring)->Poll(1'000, 7, [&](const FrameView& frame) {
        EXPECT_EQ(frame.bytes.size(), TcpFrame(40000, kOurs, next).size());
        ++next;
        ++calls;
      });
      EXPECT_EQ(count, calls);
      ASSERT_LE(count, 7u);
      ASSERT_GT(count, 0u);
    }
    EXPECT_EQ((*ring)->Poll(0, 7, [](const FrameView&) {}), 0u);
    EXPECT_EQ((*ring)->Poll(0, 0, [](const FrameView&) {}), 0u);
  });
}

TEST_P(PcapCapture, LongFramesAreCutAndSaySo) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::unique_ptr<Injector> theirs;
  netns->Far([&] { theirs = std::make_unique<Injector>("osp1"); });
  netns->Near([&] {
    CaptureOptions options = Options();
    options.snap_bytes = 128;
    auto ring = OpenPcapCapture(LinkNamed("osp0"), ScanFilter(), options);
    ASSERT_TRUE(ring.ok()) << ring.status();
    theirs->Send(TcpFrame(40000, kOurs, 500));
    const auto frames = Read(**ring, 1);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].bytes.size(), 128u);
    EXPECT_EQ(frames[0].wire_length, 554u);
  });
}

TEST_P(PcapCapture, BreakEndsAWaitFromAnotherThread) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    auto ring = OpenPcapCapture(LinkNamed("osp0"), ScanFilter(), Options());
    ASSERT_TRUE(ring.ok()) << ring.status();
    std::atomic<bool> broken = false;
    std::thread breaker([&] {
      std::this_thread::sleep_for(milliseconds(50));
      broken = true;
      (*ring)->Break();
    });
    // An hour: if nothing broke it, the test would run into its time limit.
    EXPECT_EQ((*ring)->Poll(3'600'000, 7, [](const FrameView&) {}), 0u);
    EXPECT_TRUE(broken);
    breaker.join();
    // The bell rang once: the next wait lasts its time.
    const auto second = std::chrono::steady_clock::now();
    (*ring)->Poll(40, 7, [](const FrameView&) {});
    EXPECT_GE(std::chrono::steady_clock::now() - second, milliseconds(39));
  });
}

TEST_P(PcapCapture, DropsAreCountedAndNothingElseIsLost) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::unique_ptr<Injector> theirs;
  netns->Far([&] { theirs = std::make_unique<Injector>("osp1"); });
  netns->Near([&] {
    CaptureOptions options = Options();
    options.buffer_bytes = 1 << 20;
    auto ring = OpenPcapCapture(LinkNamed("osp0"), ScanFilter(), options);
    ASSERT_TRUE(ring.ok()) << ring.status();
    constexpr size_t kFrames = 4'000;
    // The receiving side's backlog holds 1,000 frames: leave it time to hand them on.
    for (size_t i = 0; i < kFrames; ++i) {
      theirs->Send(TcpFrame(40000, kOurs, 1'000));
      if (i % 256 == 255) std::this_thread::sleep_for(milliseconds(2));
    }
    size_t seen = 0;
    while ((*ring)->Poll(200, 512, [&](const FrameView&) { ++seen; }) > 0) {
    }
    const CaptureCounters counters = (*ring)->Counters();
    EXPECT_EQ(counters.received, seen);
    EXPECT_GT(counters.dropped_kernel, 0u);
    EXPECT_EQ(seen + counters.dropped_kernel, kFrames);
    EXPECT_EQ((*ring)->Counters().dropped_kernel, counters.dropped_kernel) << "read twice";
  });
}

TEST_P(PcapCapture, LoopbackShowsEachPacketOnce) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    CaptureFilter filter = ScanFilter();
    filter.destinations = {Addr("127.0.0.1")};
    auto ring = OpenPcapCapture(LinkNamed("lo"), filter, Options());
    ASSERT_TRUE(ring.ok()) << ring.status();
    auto sender = OpenSendRing(LinkNamed("lo"), {.name = "raw-ip", .slots = 16});
    ASSERT_TRUE(sender.ok()) << sender.status();
    const Bytes packet =
        FrameBuilder().Ipv4("127.0.0.1", "127.0.0.1").Tcp(9, 40001, {.flags = kTcpRst}).Build();
    for (int i = 0; i < 10; ++i) {
      FrameSlot slot;
      ASSERT_TRUE(sender->ring->Lease(slot));
      std::memcpy(slot.data, packet.data(), packet.size());
      const SendEntry entry{
          .slot = slot.index, .length = static_cast<uint32_t>(packet.size()), .tag = 0};
      ASSERT_EQ(sender->ring->Submit({&entry, 1}), 1u);
    }
    const auto frames = Read(**ring, 11);
    ASSERT_EQ(frames.size(), 10u);
    EXPECT_EQ((*ring)->link_layer(), LinkLayer::kEthernet);
    EXPECT_EQ(frames[0].bytes.size(), packet.size() + 14);
  });
}

TEST_P(PcapCapture, PointToPointDeviceHasNoHeader) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    const FileDescriptor tun(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    std::strncpy(request.ifr_name, "tun7", sizeof request.ifr_name - 1);
    if (!tun.valid() || ioctl(tun.get(), TUNSETIFF, &request) != 0) {
      std::fprintf(stderr, "no tun device here: %s\n", std::strerror(errno));
      return;
    }
    ASSERT_EQ(netns->NearCommand("ip link set tun7 up").exit_status, 0);
    auto ring = OpenPcapCapture(LinkNamed("tun7"), ScanFilter(), Options());
    ASSERT_TRUE(ring.ok()) << ring.status();
    EXPECT_EQ((*ring)->link_layer(), LinkLayer::kNone);
    const Bytes packet = FrameBuilder().Ipv4(kTheirs, kOurs).Tcp(80, 40003, {}).Build();
    ASSERT_EQ(write(tun.get(), packet.data(), packet.size()), static_cast<ssize_t>(packet.size()));
    const auto frames = Read(**ring, 1);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].bytes, packet);
  });
}

TEST_P(PcapCapture, VanishedInterfaceEndsWithAReason) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    auto ring = OpenPcapCapture(LinkNamed("osp0"), ScanFilter(), Options());
    ASSERT_TRUE(ring.ok()) << ring.status();
    EXPECT_TRUE((*ring)->status().ok());
    ASSERT_EQ(netns->NearCommand("ip link del osp0").exit_status, 0);
    for (int i = 0; i < 20 && (*ring)->status().ok(); ++i) {
      (*ring)->Poll(50, 8, [](const FrameView&) {});
    }
    EXPECT_TRUE(absl::IsUnavailable((*ring)->status())) << (*ring)->status();
    EXPECT_THAT(std::string((*ring)->status().message()), ::testing::HasSubstr("osp0"));
    // It must not spin afterwards.
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ((*ring)->Poll(30, 8, [](const FrameView&) {}), 0u);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(29));
  });
}

// Each packet comes to one ring of the group, all of a host to the same one, and each ring has
// some.
TEST_P(PcapCapture, AGroupSharesPacketsByHost) {
  constexpr uint32_t kMembers = 3;
  constexpr uint16_t kHosts = 120, kPackets = 5;
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::unique_ptr<Injector> theirs;
  netns->Far([&] { theirs = std::make_unique<Injector>("osp1"); });
  netns->Near([&] {
    CaptureFanout fanout{.members = kMembers};
    CaptureOptions options = Options();
    options.fanout = &fanout;
    std::vector<std::unique_ptr<CaptureRing>> rings;
    for (uint32_t i = 0; i < kMembers; ++i) {
      auto ring = OpenPcapCapture(LinkNamed("osp0"), ScanFilter(), options);
      ASSERT_TRUE(ring.ok()) << ring.status();
      rings.push_back(*std::move(ring));
    }
    for (uint16_t packet = 0; packet < kPackets; ++packet) {
      for (uint16_t host = 0; host < kHosts; ++host) {
        const std::string source = absl::StrFormat("10.7.%d.9", host);
        theirs->Send(FrameBuilder()
                         .Eth(Mac("02:00:00:00:00:02"), Mac("FF:FF:FF:FF:FF:FF"))
                         .Ipv4(source, kOurs)
                         .Tcp(80, static_cast<uint16_t>(40000 + packet), {})
                         .Build());
      }
    }
    std::map<int, std::set<size_t>> rings_of;  // by the byte of the source that says which host
    std::vector<size_t> frames(kMembers);
    size_t all = 0;
    // A busy machine may take longer to hand a block over than one wait lasts.
    for (int round = 0; round < 5 && all < kHosts * kPackets; ++round) {
      for (size_t i = 0; i < rings.size(); ++i) {
        for (const Frame& frame : Read(*rings[i], kHosts * kPackets - all)) {
          ++all;
          ++frames[i];
          rings_of[std::to_integer<int>(frame.bytes[28])].insert(i);
        }
      }
    }
    EXPECT_EQ(all, kHosts * kPackets);
    EXPECT_EQ(rings_of.size(), kHosts);
    for (const auto& [host, by] : rings_of) EXPECT_EQ(by.size(), 1u) << host;
    for (const size_t count : frames) EXPECT_GT(count, kHosts * kPackets / kMembers / 4);
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, PcapCapture, ::testing::Bool(), [](const auto& param) {
  return std::string(param.param ? "Immediate" : "Blocks");
});

TEST(PcapCaptureErrors, MissingAndDownInterfacesAreNamed) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(netns->NearCommand("ip link set osp0 down").exit_status, 0);
  netns->Near([] {
    Link link;
    link.name = "nosuch0";
    const auto missing = OpenPcapCapture(link, ScanFilter());
    EXPECT_TRUE(absl::IsNotFound(missing.status())) << missing.status();
    EXPECT_THAT(std::string(missing.status().message()), ::testing::HasSubstr("nosuch0"));
    const auto down = OpenPcapCapture(LinkNamed("osp0"), ScanFilter());
    EXPECT_TRUE(absl::IsFailedPrecondition(down.status())) << down.status();
  });
}

}  // namespace
}  // namespace osprey::io
