// SPDX-License-Identifier: Apache-2.0
// Every reply of the golden captures through the parser.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "io/wire/parse.h"
#include "tests/testing/capture.h"
#include "tests/testing/frame_builder.h"

namespace osprey::io::wire {
namespace {

using osprey::testing::Bytes;
using osprey::testing::Capture;

// Calls visit(capture, probe, packet) for every reply.
template <typename Visit>
void ForEachReply(Visit visit) {
  for (const auto& path : osprey::testing::CaptureFiles()) {
    const Capture capture = osprey::testing::ReadCapture(path);
    for (const auto& probe : capture.probes) {
      for (const auto& reply : probe.replies) {
        visit(capture, probe, std::as_bytes(std::span(reply.ip)));
      }
    }
  }
}

TEST(CapturedReplies, AreAcceptedButForThoseWithBadOptions) {
  std::map<ParseOutcome, int> outcomes;
  ForEachReply([&](const Capture& capture, const auto& probe, ConstBytes packet) {
    Reply reply;
    const ParseOutcome outcome = Parse(packet, LinkLayer::kNone, reply);
    ++outcomes[outcome];
    if (outcome == ParseOutcome::kBadTcpOptions) {
      EXPECT_TRUE(capture.id.starts_with("crafted-opt-invalid")) << capture.id;
      return;
    }
    ASSERT_EQ(outcome, ParseOutcome::kAccepted) << capture.id << " " << probe.name;
    EXPECT_EQ(reply.source, capture.target);
    EXPECT_EQ(reply.total_length, packet.size());
  });
  EXPECT_GT(outcomes[ParseOutcome::kBadTcpOptions], 0);
  EXPECT_GT(outcomes[ParseOutcome::kAccepted], 1000);
}

TEST(CapturedReplies, SayTheSameBehindAnEthernetHeaderAndPadding) {
  ForEachReply([](const Capture& capture, const auto& probe, ConstBytes packet) {
    Bytes frame(kEthernetBytes);
    StoreEthernet({.type = kEtherTypeIpv4}, frame.data());
    frame.insert(frame.end(), packet.begin(), packet.end());
    frame.resize(frame.size() + 6, std::byte{0xAA});
    Reply plain;
    Reply framed;
    ASSERT_EQ(Parse(packet, LinkLayer::kNone, plain), Parse(frame, LinkLayer::kEthernet, framed));
    if (plain.kind == ReplyKind::kTcp) {
      EXPECT_EQ(plain.tcp.answer.data_bytes, framed.tcp.answer.data_bytes);
      EXPECT_EQ(plain.tcp.answer.data_crc32, framed.tcp.answer.data_crc32);
    } else if (plain.kind == ReplyKind::kIcmpError) {
      EXPECT_EQ(plain.icmp.answer.quoted_data_intact, framed.icmp.answer.quoted_data_intact)
          << capture.id << " " << probe.name;
    }
  });
}

TEST(CapturedReplies, PortUnreachablesQuoteTheProbe) {
  int quotes = 0;
  ForEachReply([&](const Capture& capture, const auto& probe, ConstBytes packet) {
    Reply reply;
    if (Parse(packet, LinkLayer::kNone, reply) != ParseOutcome::kAccepted) return;
    if (probe.name != "U1" || reply.kind != ReplyKind::kIcmpError) return;
    ++quotes;
    EXPECT_TRUE(reply.icmp.quotes_udp_header) << capture.id;
    EXPECT_EQ(reply.icmp.quoted_source_port, capture.u1_source_port) << capture.id;
    EXPECT_EQ(reply.icmp.quoted_destination_port, capture.u1_destination_port) << capture.id;
  });
  EXPECT_GT(quotes, 50);
}

}  // namespace
}  // namespace osprey::io::wire
