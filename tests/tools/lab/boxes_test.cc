// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/boxes.h"

#include <gtest/gtest.h>

#include <set>

#include "base/answers.h"
#include "io/wire/ethernet.h"
#include "tests/tools/lab/small_world.h"
#include "tools/lab/options.h"
#include "tools/lab/responder.h"

namespace osprey::lab {
namespace {

constexpr Ipv4Addr kHost{0x0A000001};
constexpr Ipv4Addr kGateway{0xC6120002};

// A world with one box and no or all hosts, asked through whole frames.
class Asked {
 public:
  Asked(const std::string& box, double up) {
    WorldSpec spec = SmallSpec();
    spec.groups[0].up = up;
    spec.boxes.push_back(*ParseBox(box));
    world_ = MakeWorld(spec);
    responder_ = std::make_unique<Responder>(*world_, kGateway, kStartNs);
  }

  // False if there is no answer.
  bool Ask(const Packet& packet) {
    Packet frame(wire::kEthernetBytes);
    wire::StoreEthernet({{}, {}, wire::kEtherTypeIpv4}, frame.data());
    frame.insert(frame.end(), packet.begin(), packet.end());
    const size_t size = responder_->Handle(frame, kStartNs, out_);
    if (size == 0) return false;
    EXPECT_EQ(ReadProbe(std::span(out_).subspan(wire::kEthernetBytes, size - wire::kEthernetBytes),
                        kStartNs, reply),
              ReadResult::kOk);
    return true;
  }

  Probe reply;  // as a packet

 private:
  std::unique_ptr<World> world_;
  std::unique_ptr<Responder> responder_;
  std::array<std::byte, 1536> out_{};
};

TEST(Boxes, DropSwallowsItsPortsOnly) {
  Asked asked("drop;10.0.0.0/24;ports=81", 1);
  EXPECT_FALSE(asked.Ask(MakeTcp(kHost, 81, kTcpSyn)));
  EXPECT_TRUE(asked.Ask(MakeTcp(kHost, 80, kTcpSyn)));
  EXPECT_TRUE(asked.Ask(MakeUdp(kHost)));
}

TEST(Boxes, RejectIsSignedByTheGateway) {
  Asked asked("reject;10.0.0.0/24;ports=81", 1);
  ASSERT_TRUE(asked.Ask(MakeTcp(kHost, 81, kTcpSyn)));
  EXPECT_EQ(asked.reply.ip.protocol, wire::kProtocolIcmp);
  EXPECT_EQ(asked.reply.ip.source, kGateway);
  EXPECT_EQ(asked.reply.icmp.code, 13);
}

TEST(Boxes, ResetsAreForgedForAddressesWithoutHosts) {
  Asked asked("reset-port;10.0.0.0/24;ports=113", 0);
  ASSERT_TRUE(asked.Ask(MakeTcp(kHost, 113, kTcpSyn)));
  EXPECT_EQ(asked.reply.tcp.flags, kTcpRst | kTcpAck);
  EXPECT_EQ(asked.reply.ip.source, kHost);
  EXPECT_FALSE(asked.Ask(MakeTcp(kHost, 80, kTcpSyn)));
}

TEST(Boxes, ProxyAcceptsForAddressesWithoutHosts) {
  Asked asked("proxy;10.0.0.0/24;ports=25,80;stacks=Small", 0);
  ASSERT_TRUE(asked.Ask(MakeTcp(kHost, 25, kTcpSyn)));
  EXPECT_EQ(asked.reply.tcp.flags, kTcpSyn | kTcpAck);
  EXPECT_FALSE(asked.Ask(MakeTcp(kHost, 22, kTcpSyn)));
}

TEST(Boxes, PortForwardNeedsAHost) {
  Asked up("port-forward;10.0.0.0/24;ports=8080;stacks=Small", 1);
  ASSERT_TRUE(up.Ask(MakeTcp(kHost, 8080, kTcpSyn)));
  EXPECT_EQ(up.reply.tcp.flags, kTcpSyn | kTcpAck);  // closed on the host itself
  Asked down("port-forward;10.0.0.0/24;ports=8080;stacks=Small", 0);
  EXPECT_FALSE(down.Ask(MakeTcp(kHost, 8080, kTcpSyn)));
}

TEST(Boxes, ScrubRewritesOptionsTtlAndIpId) {
  Asked asked("scrub;10.0.0.0/24;strip-timestamps;mss=1400;ttl=55;ip-id=zero", 1);
  ASSERT_TRUE(asked.Ask(MakeSyn(kHost, 80, 0)));
  EXPECT_FALSE(asked.reply.options.offered.timestamp);
  EXPECT_TRUE(asked.reply.options.offered.mss);
  EXPECT_EQ(asked.reply.ip.ttl, 55);
  EXPECT_EQ(asked.reply.ip.id, 0);
  EXPECT_EQ(wire::Load16(asked.reply.transport.data() + wire::kTcpBytes + 2), 1400);
}

TEST(Boxes, UdpChecksumInsideQuotesIsAltered) {
  Asked asked("udp-checksum;10.0.0.0/24", 1);
  const Packet packet = MakeUdp(kHost);
  ASSERT_TRUE(asked.Ask(packet));
  const size_t in_quote = wire::kIcmpBytes + wire::kIpv4Bytes + wire::kUdpChecksumAt;
  EXPECT_NE(wire::Load16(asked.reply.transport.data() + in_quote),
            wire::Load16(packet.data() + wire::kIpv4Bytes + wire::kUdpChecksumAt));
}

TEST(Boxes, SynProxyAnswersEveryPortBarely) {
  Asked asked("syn-proxy;10.0.0.0/24", 1);
  ASSERT_TRUE(asked.Ask(MakeSyn(kHost, 81, 0)));
  EXPECT_EQ(asked.reply.tcp.flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(asked.reply.tcp.window, 0);
  EXPECT_EQ(asked.reply.tcp.header_bytes, wire::kTcpBytes);
}

TEST(Boxes, TarpitAcceptsAndSwallowsAllElse) {
  Asked asked("tarpit;10.0.0.0/24", 0);
  EXPECT_TRUE(asked.Ask(MakeTcp(kHost, 12'345, kTcpSyn)));
  EXPECT_FALSE(asked.Ask(MakeTcp(kHost, 12'345, kTcpAck)));
  EXPECT_FALSE(asked.Ask(MakeUdp(kHost)));
}

TEST(Boxes, LoadBalancerKeepsAConnectionOnOneStack) {
  Asked asked("load-balancer;10.0.0.0/24;stacks=Small", 1);
  ASSERT_TRUE(asked.Ask(MakeTcp(kHost, 80, kTcpSyn, 40'001)));
  const uint32_t first = asked.reply.tcp.seq;
  ASSERT_TRUE(asked.Ask(MakeTcp(kHost, 80, kTcpSyn, 40'001)));
  EXPECT_EQ(asked.reply.tcp.seq, first);
}

}  // namespace
}  // namespace osprey::lab
