// SPDX-License-Identifier: Apache-2.0
#include "engine/port_plan.h"

#include "absl/strings/str_format.h"

namespace osprey {

absl::Status PortPlan::Validate() const {
  if (first < 1024 || last < first) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "source ports %d-%d: want two ports from 1024 up, the lower one first", first, last));
  }
  if (discovery_ports < 2 || discovery_ports > 256) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%d source ports for discovery: want 2 to 256", discovery_ports));
  }
  const uint32_t have = uint32_t{last} - first + 1;
  const uint32_t need = 2 * kRoundStep + kOsBlockPorts - 1 + discovery_ports;
  if (have < need) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "source ports %d-%d: %d ports are too few, want at least %d", first, last, have, need));
  }
  return absl::OkStatus();
}

}  // namespace osprey
