// SPDX-License-Identifier: Apache-2.0
// Stands in for xdp_send_ring.cc where libxdp is not there (OSPREY_WITH_XDP).

#include "absl/status/status.h"
#include "io/xdp_send_ring.h"

namespace osprey::io {

absl::StatusOr<std::unique_ptr<SendRing>> OpenXdpSendRing(const Link& /*link*/, XdpMode /*mode*/,
                                                          const XdpOptions& /*options*/) {
  return absl::UnimplementedError(
      "this program was built without AF_XDP: build it where libxdp-dev and libbpf-dev are "
      "installed, or use the io_uring ring");
}

}  // namespace osprey::io
