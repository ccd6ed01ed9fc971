// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sockets that frames leave through. Set-up only: opening blocks and allocates, and fails with a
// message that names the interface and says what to do.
//
// A packet socket is bound to one interface with protocol 0, so that it receives nothing, and
// bypasses the queueing discipline (PACKET_QDISC_BYPASS). It is SOCK_RAW on layer-3 devices
// too: Linux 5.9 and later then derive the protocol from the IP version of each packet, so plain
// send() is enough and no address is needed per frame.

#include <string>

#include "absl/status/statusor.h"
#include "io/file_descriptor.h"

namespace osprey::io {

struct SocketOptions {
  // SO_SNDBUF (forced past net.core.wmem_max where permitted): what may wait in the driver.
  int send_buffer_bytes = 8 << 20;
  // The kernel need not find out what the frames are, which it does only to tell the device: 5 % of
  // all that a frame costs. For plain Ethernet links (Link::plain): a bond, say, wants to know.
  bool opaque_frames = false;
};

// Packet socket for frames that start with the link's own header (none on layer-3 devices).
// NotFound: no such interface. PermissionDenied: CAP_NET_RAW is missing. FailedPrecondition: the
// interface is down.
absl::StatusOr<FileDescriptor> OpenPacketSender(const std::string& link_name, int link_index,
                                                const SocketOptions& options = {});

// Raw IP socket with IP_HDRINCL: the kernel routes each packet, fills in the IP checksum and
// length, and an IP ID of 0. Bound to `link_name` unless empty (the kernel's routes choose).
absl::StatusOr<FileDescriptor> OpenRawIpSender(const std::string& link_name,
                                               const SocketOptions& options = {});

}  // namespace osprey::io
