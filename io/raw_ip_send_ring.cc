// SPDX-License-Identifier: Apache-2.0
#include "io/raw_ip_send_ring.h"

#include <utility>

#include "base/status_macros.h"
#include "io/mmsg_send_ring.h"

namespace osprey::io {

absl::StatusOr<std::unique_ptr<SendRing>> OpenRawIpSendRing(const std::string& link_name,
                                                            FrameSlab slab,
                                                            const SocketOptions& options) {
  OSPREY_ASSIGN_OR_RETURN(FileDescriptor socket, OpenRawIpSender(link_name, options));
  return std::make_unique<MmsgSendRing>(MmsgSendRing::Destination::kIpHeader, LinkLayer::kNone,
                                        std::move(socket), std::move(slab));
}

}  // namespace osprey::io
