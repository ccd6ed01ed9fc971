// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, parsing a frame neither reads outside it nor yields a reply that breaks its
// own promises. The first byte chooses the link layer and how the checksums are treated.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "base/check.h"
#include "base/tcp_options.h"
#include "io/wire/parse.h"

namespace wire = osprey::io::wire;

namespace {

void CheckReply(const wire::Reply& reply, size_t frame_bytes) {
  switch (reply.kind) {
    case wire::ReplyKind::kTcp: {
      const osprey::TcpAnswer& answer = reply.tcp.answer;
      OSPREY_CHECK(answer.options_length <= osprey::kMaxTcpOptionBytes);
      OSPREY_CHECK(osprey::AcceptOptions({answer.options.data(), answer.options_length}));
      OSPREY_CHECK(answer.data_bytes < frame_bytes && answer.data_bytes < reply.total_length);
      break;
    }
    case wire::ReplyKind::kUdp:
      OSPREY_CHECK(reply.udp.data_bytes < frame_bytes);
      break;
    case wire::ReplyKind::kIcmpError:
      OSPREY_CHECK(reply.icmp.has_quoted_ports || !reply.icmp.quotes_udp_header);
      break;
    case wire::ReplyKind::kEcho:
    case wire::ReplyKind::kArp:
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto layer =
      (data[0] & 1) != 0 ? osprey::io::LinkLayer::kNone : osprey::io::LinkLayer::kEthernet;
  const auto policy =
      (data[0] & 2) != 0 ? wire::ChecksumPolicy::kDropBad : wire::ChecksumPolicy::kAccept;
  // A block of exactly the frame's size, so that a sanitizer sees any read beyond it.
  const size_t length = size - 1;
  const auto block = std::make_unique<std::byte[]>(length);
  if (length > 0) std::memcpy(block.get(), data + 1, length);
  const std::span<const std::byte> frame(block.get(), length);
  wire::Reply reply;
  const wire::ParseOutcome outcome = wire::Parse(frame, layer, reply, policy);
  OSPREY_CHECK(wire::ParseOutcomeName(outcome) != "unknown");
  if (outcome == wire::ParseOutcome::kAccepted) CheckReply(reply, length);
  (void)wire::TransportChecksum(frame, layer);
  return 0;
}
