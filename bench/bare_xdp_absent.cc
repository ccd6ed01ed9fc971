// SPDX-License-Identifier: Apache-2.0
// Stands in for bare_xdp.cc where libxdp is not there (OSPREY_WITH_XDP).

#include "bench/bare_sends.h"

namespace osprey::io {

std::optional<BareLoop> BareXdpLoop(const Link& /*link*/) { return std::nullopt; }

}  // namespace osprey::io
