// SPDX-License-Identifier: Apache-2.0
#include "io/ring_selector.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "io/frame_slab.h"
#include "io/mmsg_send_ring.h"
#include "io/null_send_ring.h"
#include "io/raw_ip_send_ring.h"
#include "io/uring_send_ring.h"
#include "io/xdp_send_ring.h"

namespace osprey::io {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"auto",        "io_uring", "sendmmsg", "af_xdp",
                                                    "af_xdp-copy", "raw-ip",   "null"};

absl::StatusOr<FileDescriptor> OpenSocket(const Link& link, SocketOptions options) {
  options.opaque_frames = link.kind == LinkKind::kEthernet && link.plain;
  return OpenPacketSender(link.name, link.index, options);
}

absl::StatusOr<SelectedRing> OpenUring(const Link& link, const SendRingOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(FileDescriptor socket, OpenSocket(link, options.socket));
  OSPREY_ASSIGN_OR_RETURN(FrameSlab slab, FrameSlab::Create(options.slots));
  OSPREY_ASSIGN_OR_RETURN(
      auto ring, UringSendRing::Create(LinkLayerOf(link), std::move(socket), std::move(slab)));
  return SelectedRing{.ring = std::move(ring), .note = ""};
}

absl::StatusOr<SelectedRing> OpenMmsg(const Link& link, const SendRingOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(FileDescriptor socket, OpenSocket(link, options.socket));
  OSPREY_ASSIGN_OR_RETURN(FrameSlab slab, FrameSlab::Create(options.slots));
  return SelectedRing{
      .ring = std::make_unique<MmsgSendRing>(MmsgSendRing::Destination::kBoundLink,
                                             LinkLayerOf(link), std::move(socket), std::move(slab)),
      .note = ""};
}

absl::StatusOr<SelectedRing> OpenRawIp(const Link& link, const SendRingOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(FrameSlab slab, FrameSlab::Create(options.slots));
  OSPREY_ASSIGN_OR_RETURN(
      auto ring, OpenRawIpSendRing(options.bind_raw_ip ? link.name : std::string(), std::move(slab),
                                   options.socket));
  return SelectedRing{.ring = std::move(ring), .note = ""};
}

absl::StatusOr<SelectedRing> OpenXdp(const Link& link, const SendRingOptions& options) {
  const XdpMode mode = options.name == "af_xdp" ? XdpMode::kBest : XdpMode::kCopy;
  OSPREY_ASSIGN_OR_RETURN(auto ring,
                          OpenXdpSendRing(link, mode,
                                          {.slots = options.slots,
                                           .queue = options.queue,
                                           .send_buffer_bytes = options.socket.send_buffer_bytes}));
  SelectedRing selected{.ring = std::move(ring), .note = ""};
  if (selected.ring->name() != options.name) {
    selected.note = absl::StrFormat(
        "%s: copy mode, since the driver has no zero copy for sockets "
        "without an XDP program",
        link.name);
  }
  return selected;
}

absl::StatusOr<SelectedRing> OpenNull(const Link& link, const SendRingOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(FrameSlab slab, FrameSlab::Create(options.slots));
  return SelectedRing{.ring = std::make_unique<NullSendRing>(LinkLayerOf(link), std::move(slab)),
                      .note = ""};
}

absl::StatusOr<SelectedRing> OpenAuto(const Link& link, const SendRingOptions& options) {
  if (!TakesPacketSocket(link)) {
    OSPREY_ASSIGN_OR_RETURN(SelectedRing selected, OpenRawIp(link, options));
    selected.note = absl::StrFormat("%s: raw IP sockets, since this is a %s interface", link.name,
                                    std::string(LinkKindName(link.kind)));
    return selected;
  }
  absl::StatusOr<SelectedRing> uring = OpenUring(link, options);
  // Only a refusal of io_uring itself has another way round.
  if (uring.ok() || uring.status().code() != absl::StatusCode::kUnavailable) return uring;
  OSPREY_ASSIGN_OR_RETURN(SelectedRing selected, OpenMmsg(link, options));
  selected.note =
      absl::StrFormat("%s: sendmmsg, since %s", link.name, std::string(uring.status().message()));
  return selected;
}

}  // namespace

std::span<const std::string_view> SendRingNames() { return kNames; }

bool TakesPacketSocket(const Link& link) {
  return link.kind == LinkKind::kEthernet || link.kind == LinkKind::kLayer3;
}

LinkLayer LinkLayerOf(const Link& link) {
  return link.kind == LinkKind::kEthernet ? LinkLayer::kEthernet : LinkLayer::kNone;
}

absl::StatusOr<SelectedRing> OpenSendRing(const Link& link, const SendRingOptions& options) {
  const std::string& name = options.name;
  if (name == "auto") return OpenAuto(link, options);
  if (name == "raw-ip") return OpenRawIp(link, options);
  if (name == "af_xdp" || name == "af_xdp-copy") return OpenXdp(link, options);
  if (name == "null") return OpenNull(link, options);
  if (name != "io_uring" && name != "sendmmsg") {
    return absl::InvalidArgumentError(absl::StrFormat(
        "\"%s\": no such send ring; there are: %s", name,
        absl::StrJoin(kNames, ", ",
                      [](std::string* out, std::string_view known) { out->append(known); })));
  }
  if (!TakesPacketSocket(link)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: the %s ring cannot serve a %s interface; use raw-ip", link.name, name,
                        std::string(LinkKindName(link.kind))));
  }
  return name == "io_uring" ? OpenUring(link, options) : OpenMmsg(link, options);
}

}  // namespace osprey::io
