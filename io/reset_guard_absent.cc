// SPDX-License-Identifier: Apache-2.0
// Stands in for reset_guard.cc where libnftables is not there (OSPREY_WITH_NFTABLES).

#include "absl/status/status.h"
#include "io/reset_guard.h"

namespace osprey::io {

absl::StatusOr<std::unique_ptr<ResetGuard>> ResetGuard::Install(
    std::span<const GuardedLink> /*links*/, PortRange /*ports*/, GuardHook /*hook*/) {
  return absl::UnimplementedError(
      "this program was built without nftables, which keeps the kernel from resetting "
      "connections: build it where libnftables-dev is installed");
}

}  // namespace osprey::io
