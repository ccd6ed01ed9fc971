// SPDX-License-Identifier: Apache-2.0
#pragma once
// Raw IP ring: frames start with the IP header and the kernel routes each by its destination.
//
// It serves loopback and the machine's own addresses, which packet sockets cannot reach (packets
// injected on `lo` are never answered), and links whose header we do not know. The kernel walks
// its output path for each packet (netfilter, routing), fills in the IP checksum and total
// length, and replaces an IP ID of 0: everything else leaves as written.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "io/frame_slab.h"
#include "io/packet_socket.h"
#include "io/send_ring.h"

namespace osprey::io {

// `link_name` binds the ring to one interface; empty lets the kernel's routes choose, which own
// addresses need. Errors as OpenRawIpSender.
absl::StatusOr<std::unique_ptr<SendRing>> OpenRawIpSendRing(const std::string& link_name,
                                                            FrameSlab slab,
                                                            const SocketOptions& options = {});

}  // namespace osprey::io
