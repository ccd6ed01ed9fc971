// SPDX-License-Identifier: Apache-2.0
// Frames sent through every ring arrive at the other end of a veth pair, byte-exact and in order.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "io/file_descriptor.h"
#include "io/link.h"
#include "io/packet_socket.h"
#include "io/ring_selector.h"
#include "tests/io/send_ring_testing.h"
#include "tests/testing/netns.h"

namespace osprey::io {
namespace {

using osprey::testing::ScopedNetns;
using ::testing::HasSubstr;

constexpr uint8_t kTestIpProtocol = 253;  // RFC 3692: experimentation

Bytes IpPacket(uint32_t number, size_t size, const char* source, const char* destination) {
  Bytes packet(size);
  packet[0] = 0x45;
  packet[2] = static_cast<uint8_t>(size >> 8);
  packet[3] = static_cast<uint8_t>(size & 0xFF);
  packet[4] = 0x12;
  packet[5] = static_cast<uint8_t>(number % 255 + 1);
  packet[8] = static_cast<uint8_t>(37 + number % 23);
  packet[9] = kTestIpProtocol;
  inet_pton(AF_INET, source, &packet[12]);
  inet_pton(AF_INET, destination, &packet[16]);
  std::memcpy(&packet[20], &number, sizeof number);
  for (size_t i = 24; i < size; ++i) packet[i] = static_cast<uint8_t>(i * 5 + number);
  return packet;
}

class EveryPacketRing : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryPacketRing, FramesArriveByteExactAndInOrder) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < 5'000; ++i) {
    frames.push_back(EthernetFrame(i, 60 + i % (SendRing::kFrameBytes - 59)));
  }
  std::unique_ptr<Receiver> receiver;
  netns->Far([&] { receiver = std::make_unique<Receiver>("osp1", kTestProtocol); });
  netns->Near([&] {
    auto selected = OpenSendRing(LinkNamed("osp0"), {.name = GetParam(), .slots = 300});
    ASSERT_TRUE(selected.ok()) << selected.status();
    EXPECT_EQ(selected->note, "");
    SendRing& ring = *selected->ring;
    EXPECT_EQ(ring.name(), GetParam());
    EXPECT_EQ(ring.link_layer(), LinkLayer::kEthernet);
    ExpectAllCompleted(SendAll(ring, frames), frames.size());
    const SendCounters& c = ring.counters();
    EXPECT_EQ(c.submitted, frames.size());
    EXPECT_EQ(c.sent, frames.size());
    EXPECT_EQ(c.no_buffers + c.failed, 0u);
    EXPECT_LT(c.system_calls, frames.size() / 10) << "batches share system calls";
  });
  EXPECT_EQ(receiver->Read(frames.size()), frames);
}

TEST_P(EveryPacketRing, FullRingPushesBackAndLosesNothing) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    auto selected = OpenSendRing(LinkNamed("osp0"), {.name = GetParam(), .slots = 8});
    ASSERT_TRUE(selected.ok()) << selected.status();
    SendRing& ring = *selected->ring;
    std::vector<SendEntry> batch;
    for (uint32_t i = 0; i < 8; ++i) batch.push_back(LeaseFrame(ring, EthernetFrame(i, 60), i + 1));
    FrameSlot none;
    EXPECT_FALSE(ring.Lease(none));
    ASSERT_EQ(ring.Submit(batch), 8u);
    EXPECT_FALSE(ring.Lease(none)) << "tagged frames hold their slots until reaped";
    std::array<SendCompletion, 3> some;
    size_t seen = 0;
    for (size_t count = 0; (count = ring.Reap(some)) > 0; seen += count) EXPECT_LE(count, 3u);
    EXPECT_EQ(seen, 8u);
    EXPECT_EQ(ring.free_slots(), 8u);
  });
}

TEST_P(EveryPacketRing, LinkWithoutCarrierCountsNoBuffers) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  ASSERT_EQ(netns->FarCommand("ip link set osp1 down").exit_status, 0);
  netns->Near([&] {
    auto selected = OpenSendRing(LinkNamed("osp0"), {.name = GetParam(), .slots = 16});
    ASSERT_TRUE(selected.ok()) << selected.status();
    SendRing& ring = *selected->ring;
    std::vector<SendEntry> batch;
    for (uint32_t i = 0; i < 16; ++i) {
      batch.push_back(LeaseFrame(ring, EthernetFrame(i, 60), i + 1));
    }
    ASSERT_EQ(ring.Submit(batch), 16u);
    const auto done = ReapAll(ring);
    ASSERT_EQ(done.size(), 16u);
    for (size_t i = 0; i < 16; ++i) {
      EXPECT_EQ(done[i].tag, i + 1);
      EXPECT_EQ(done[i].error, ENOBUFS) << std::strerror(done[i].error);
    }
    EXPECT_EQ(ring.counters().no_buffers, 16u);
    EXPECT_EQ(ring.counters().last_error, ENOBUFS);
    EXPECT_EQ(ring.counters().submitted, 16u);
  });
}

TEST_P(EveryPacketRing, LinkThatGoesDownFailsEachFrameOnce) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    auto selected = OpenSendRing(LinkNamed("osp0"), {.name = GetParam(), .slots = 16});
    ASSERT_TRUE(selected.ok()) << selected.status();
    SendRing& ring = *selected->ring;
    ASSERT_EQ(netns->NearCommand("ip link set osp0 down").exit_status, 0);
    std::vector<SendEntry> batch;
    for (uint32_t i = 0; i < 5; ++i) batch.push_back(LeaseFrame(ring, EthernetFrame(i, 60), i + 1));
    ASSERT_EQ(ring.Submit(batch), 5u);
    const auto done = ReapAll(ring);
    ASSERT_EQ(done.size(), 5u);
    EXPECT_EQ(done[0].error, ENETDOWN) << std::strerror(done[0].error);
    EXPECT_EQ(ring.counters().failed, 5u);
    EXPECT_EQ(ring.free_slots(), 16u);
  });
}

// A frame the link refuses in the middle of a batch neither stops nor repeats the others.
TEST_P(EveryPacketRing, OneBadFrameDoesNotStopTheBatch) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::unique_ptr<Receiver> receiver;
  netns->Far([&] { receiver = std::make_unique<Receiver>("osp1", kTestProtocol); });
  netns->Near([&] {
    ASSERT_EQ(netns->NearCommand("ip link set osp0 mtu 200").exit_status, 0);
    auto selected = OpenSendRing(LinkNamed("osp0"), {.name = GetParam(), .slots = 64});
    ASSERT_TRUE(selected.ok()) << selected.status();
    std::vector<SendEntry> batch;
    for (uint32_t i = 0; i < 10; ++i) {
      const size_t size = i == 0 || i == 4 || i == 9 ? 300 : 60;
      batch.push_back(LeaseFrame(*selected->ring, EthernetFrame(i, size), i + 1));
    }
    ASSERT_EQ(selected->ring->Submit(batch), 10u);
    const auto done = ReapAll(*selected->ring);
    ASSERT_EQ(done.size(), 10u);
    for (size_t i = 0; i < 10; ++i) {
      EXPECT_EQ(done[i].tag, i + 1);
      EXPECT_EQ(done[i].error, i == 0 || i == 4 || i == 9 ? EMSGSIZE : 0) << i;
    }
    EXPECT_EQ(selected->ring->counters().failed, 3u);
    EXPECT_EQ(selected->ring->counters().sent, 7u);
  });
  const std::vector<Bytes> want = {EthernetFrame(1, 60), EthernetFrame(2, 60), EthernetFrame(3, 60),
                                   EthernetFrame(5, 60), EthernetFrame(6, 60), EthernetFrame(7, 60),
                                   EthernetFrame(8, 60)};
  EXPECT_EQ(receiver->Read(8), want);
}

// A tun device made in this namespace; what is sent on it can be read here.
FileDescriptor OpenTun(const char* name) {
  FileDescriptor fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return fd;
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) return FileDescriptor();
  return fd;
}

TEST_P(EveryPacketRing, PacketsLeaveAPointToPointDeviceWithoutEthernetHeader) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    const FileDescriptor tun = OpenTun("tun7");
    if (!tun.valid()) {
      std::fprintf(stderr, "no tun device here: %s\n", std::strerror(errno));
      return;
    }
    ASSERT_EQ(netns->NearCommand("ip link set tun7 up").exit_status, 0);
    auto selected = OpenSendRing(LinkNamed("tun7"), {.name = GetParam(), .slots = 64});
    ASSERT_TRUE(selected.ok()) << selected.status();
    EXPECT_EQ(selected->ring->link_layer(), LinkLayer::kNone);
    std::vector<Bytes> packets;
    for (uint32_t i = 0; i < 40; ++i)
      packets.push_back(IpPacket(i, 40 + i, "10.77.0.1", "10.77.0.2"));
    ExpectAllCompleted(SendAll(*selected->ring, packets), packets.size());
    std::vector<Bytes> got;
    std::array<uint8_t, 2048> buffer;
    for (ssize_t size = 0; (size = read(tun.get(), buffer.data(), buffer.size())) > 0;) {
      got.emplace_back(buffer.begin(), buffer.begin() + size);
    }
    EXPECT_EQ(got, packets);
  });
}

INSTANTIATE_TEST_SUITE_P(Rings, EveryPacketRing, ::testing::Values("io_uring", "sendmmsg"),
                         [](const auto& param) { return std::string(param.param); });

// Ones' complement sum over the IP header: 0xFFFF if its checksum is right.
uint32_t HeaderSum(const Bytes& packet) {
  uint32_t sum = 0;
  for (size_t i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(packet[i] << 8 | packet[i + 1]);
  return (sum & 0xFFFF) + (sum >> 16);
}

TEST(RawIpSendRing, KernelRoutesPacketsAndCompletesTheHeaderOnly) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::vector<Bytes> packets;
  for (uint32_t i = 0; i < 500; ++i) {
    packets.push_back(IpPacket(i, 60 + i % 200, "10.99.0.1", "10.99.0.2"));
  }
  std::unique_ptr<Receiver> receiver;
  // A known neighbour: the kernel must not hold the first packets back for ARP.
  netns->Far([&] { receiver = std::make_unique<Receiver>("osp1", ETH_P_IP); });
  ASSERT_EQ(netns->FarCommand("ip link set osp1 address 02:00:00:00:00:bb").exit_status, 0);
  ASSERT_EQ(netns->NearCommand("ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:bb dev osp0")
                .exit_status,
            0);
  netns->Near([&] {
    for (const bool bind : {false, true}) {
      auto selected =
          OpenSendRing(LinkNamed("osp0"), {.name = "raw-ip", .slots = 600, .bind_raw_ip = bind});
      ASSERT_TRUE(selected.ok()) << selected.status();
      EXPECT_EQ(selected->ring->name(), "raw-ip");
      EXPECT_EQ(selected->ring->link_layer(), LinkLayer::kNone);
      ExpectAllCompleted(SendAll(*selected->ring, packets), packets.size());
    }
  });
  const std::vector<Bytes> got = receiver->Read(2 * packets.size());
  ASSERT_EQ(got.size(), 2 * packets.size());
  for (size_t i = 0; i < got.size(); ++i) {
    Bytes packet(got[i].begin() + 14, got[i].end());
    EXPECT_EQ(HeaderSum(packet), 0xFFFFu);
    packet[10] = packet[11] = 0;
    ASSERT_EQ(packet, packets[i % packets.size()]) << i;
  }
}

TEST(RawIpSendRing, ReachesLoopbackAndOwnAddresses) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    auto selected = OpenSendRing(LinkNamed("lo"), {.name = "auto", .slots = 64});
    ASSERT_TRUE(selected.ok()) << selected.status();
    EXPECT_EQ(selected->ring->name(), "raw-ip");
    EXPECT_THAT(selected->note, HasSubstr("lo"));
    FileDescriptor sink(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, kTestIpProtocol));
    ASSERT_TRUE(sink.valid());
    for (const char* address : {"127.0.0.1", "10.99.0.1"}) {
      const Bytes packet = IpPacket(1, 60, address, address);
      ExpectAllCompleted(SendAll(*selected->ring, {packet}), 1);
      pollfd waiting{.fd = sink.get(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(poll(&waiting, 1, 1000), 1) << address;
      std::array<uint8_t, 256> buffer;
      ASSERT_EQ(recv(sink.get(), buffer.data(), buffer.size(), 0), 60);
      EXPECT_EQ(std::memcmp(&buffer[20], &packet[20], 40), 0);
    }
  });
}

// Refuses io_uring_setup with `error` for the calling thread, as hardened hosts do.
bool RefuseIoUring(uint32_t error, uint32_t call) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = 4, .filter = code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct Refusal {
  const char* name;
  uint32_t error;
  uint32_t call;
};

class IoUringRefused : public ::testing::TestWithParam<Refusal> {};

TEST_P(IoUringRefused, AutoFallsBackToSendmmsgAndSaysWhy) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  const std::vector<Bytes> frames = {EthernetFrame(1, 60), EthernetFrame(2, 90)};
  std::unique_ptr<Receiver> receiver;
  netns->Far([&] { receiver = std::make_unique<Receiver>("osp1", kTestProtocol); });
  netns->Near([&] {  // the filter binds this thread only, and ends with it
    const Link link = LinkNamed("osp0");
    ASSERT_TRUE(RefuseIoUring(GetParam().error, GetParam().call)) << std::strerror(errno);
    const auto refused = OpenSendRing(link, {.name = "io_uring", .slots = 16});
    EXPECT_TRUE(absl::IsUnavailable(refused.status())) << refused.status();
    auto selected = OpenSendRing(link, {.name = "auto", .slots = 16});
    ASSERT_TRUE(selected.ok()) << selected.status();
    EXPECT_EQ(selected->ring->name(), "sendmmsg");
    EXPECT_THAT(selected->note, ::testing::AllOf(HasSubstr("io_uring"), HasSubstr("seccomp")));
    ExpectAllCompleted(SendAll(*selected->ring, frames), frames.size());
  });
  EXPECT_EQ(receiver->Read(2), frames);
}

INSTANTIATE_TEST_SUITE_P(Errors, IoUringRefused,
                         ::testing::Values(Refusal{"SetupEperm", EPERM, SYS_io_uring_setup},
                                           Refusal{"SetupEnosys", ENOSYS, SYS_io_uring_setup},
                                           Refusal{"EnterEperm", EPERM, SYS_io_uring_enter}),
                         [](const auto& param) { return std::string(param.param.name); });

// Its frames arrive as what they are, and what others send of the type it goes by does not reach
// it.
TEST(PacketSenderNetns, OpaqueFramesAreSentAsTheyAreAndNothingIsReceived) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  const auto open = [](const char* name, bool opaque) {
    auto fd =
        OpenPacketSender(name, static_cast<int>(if_nametoindex(name)), {.opaque_frames = opaque});
    EXPECT_TRUE(fd.ok()) << fd.status();
    return *std::move(fd);
  };
  std::array<uint8_t, 60> frame{};
  std::fill_n(frame.begin(), 6, uint8_t{0xFF});
  frame[6] = 2;
  frame[12] = 0x88;
  frame[13] = 0xB5;
  FileDescriptor opaque;
  netns->Near([&] { opaque = open("osp0", true); });
  netns->Far([&] {
    const FileDescriptor sender = open("osp1", false);
    const int got = socket(AF_PACKET, SOCK_RAW, htons(0x88B5));
    ASSERT_GE(got, 0);
    const FileDescriptor receiver(got);
    ASSERT_EQ(send(sender.get(), frame.data(), frame.size(), 0), 60);
    ASSERT_EQ(send(opaque.get(), frame.data(), frame.size(), 0), 60);
    std::array<uint8_t, 100> back{};
    pollfd ready{.fd = receiver.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&ready, 1, 1000), 1);
    EXPECT_EQ(recv(receiver.get(), back.data(), back.size(), MSG_DONTWAIT), 60);
  });
  EXPECT_EQ(recv(opaque.get(), frame.data(), frame.size(), MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST(RingSelectorNetns, AutoTakesIoUringOnAnEthernetLink) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  netns->Near([&] {
    auto selected = OpenSendRing(LinkNamed("osp0"));
    ASSERT_TRUE(selected.ok()) << selected.status();
    if (selected->ring->name() != "io_uring") {
      EXPECT_THAT(selected->note, HasSubstr("io_uring")) << "refused on this machine";
    }
  });
}

// A ring is made by one thread and used by another: its lane.
TEST(RingSelectorNetns, RingMovesToAnotherThread) {
  OSPREY_NETNS_OR_SKIP(netns, {});
  std::unique_ptr<Receiver> receiver;
  netns->Far([&] { receiver = std::make_unique<Receiver>("osp1", kTestProtocol); });
  std::unique_ptr<SendRing> ring;
  netns->Near([&] {
    auto selected = OpenSendRing(LinkNamed("osp0"), {.name = "auto", .slots = 16});
    ASSERT_TRUE(selected.ok()) << selected.status();
    ring = std::move(selected->ring);
  });
  ASSERT_NE(ring, nullptr);
  ExpectAllCompleted(SendAll(*ring, {EthernetFrame(5, 60)}), 1);
  EXPECT_EQ(receiver->Read(1), std::vector<Bytes>{EthernetFrame(5, 60)});
}

}  // namespace
}  // namespace osprey::io
