// SPDX-License-Identifier: Apache-2.0
#pragma once
// Name → send ring, with the reason when the one wished for cannot be used. Set-up only.
//
//   "auto"      what fits the link: io_uring, else sendmmsg; raw-ip on loopback and on links
//               whose header we do not write
//   "io_uring"  packet socket, batches through io_uring; an error if it is refused
//   "sendmmsg"  packet socket, batches through sendmmsg
//   "af_xdp"    AF_XDP: zero copy if the driver has it, else copy mode, with a note
//   "af_xdp-copy"
//   "raw-ip"    raw IP socket through the kernel's routing
//   "null"      sends nothing

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "io/link.h"
#include "io/packet_socket.h"
#include "io/send_ring.h"

namespace osprey::io {

struct SendRingOptions {
  std::string name = "auto";
  size_t slots = 4096;  // frames in flight, 1..FrameSlab::kMaxSlots
  SocketOptions socket{};
  // AF_XDP only: the device's queue, which no other ring has.
  uint32_t queue = 0;
  // raw-ip only: leave through this link alone. Own addresses need false.
  bool bind_raw_ip = false;
};

struct SelectedRing {
  std::unique_ptr<SendRing> ring;
  // Why the ring is not the first choice of "auto", in words for the user; empty if it is.
  std::string note;
};

// InvalidArgument for an unknown name (lists the known ones), or for a packet ring on a link it
// cannot serve. Otherwise the error of the ring wished for.
absl::StatusOr<SelectedRing> OpenSendRing(const Link& link, const SendRingOptions& options = {});

// All names, "auto" first.
std::span<const std::string_view> SendRingNames();

// Whether frames for this link can leave through a packet socket; else the kernel routes them.
bool TakesPacketSocket(const Link& link);

// What stands before the IP header in frames of a packet ring on this link.
LinkLayer LinkLayerOf(const Link& link);

}  // namespace osprey::io
