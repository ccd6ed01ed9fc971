// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/world_spec.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace osprey::lab {

absl::StatusOr<Prefix> Prefix::Parse(std::string_view text) {
  Prefix prefix;
  const size_t slash = text.find('/');
  OSPREY_ASSIGN_OR_RETURN(prefix.first, Ipv4Addr::Parse(text.substr(0, slash)));
  if (slash != std::string_view::npos) {
    const std::string digits(text.substr(slash + 1));
    if (!absl::SimpleAtoi(digits, &prefix.length) || prefix.length < 0 || prefix.length > 32) {
      return absl::InvalidArgumentError(
          absl::StrFormat("\"%s\": a prefix is ADDRESS/LENGTH, LENGTH from 0 to 32", text));
    }
  }
  const uint64_t inside = prefix.size() - 1;
  if ((prefix.first.host_order & inside) != 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\": bits are set behind the prefix's length", text));
  }
  return prefix;
}

std::string Prefix::ToString() const { return absl::StrFormat("%s/%d", first.ToString(), length); }

std::string_view BoxName(BoxKind kind) {
  switch (kind) {
    case BoxKind::kDrop:
      return "drop";
    case BoxKind::kReject:
      return "reject";
    case BoxKind::kResetPort:
      return "reset-port";
    case BoxKind::kProxy:
      return "proxy";
    case BoxKind::kPortForward:
      return "port-forward";
    case BoxKind::kLoadBalancer:
      return "load-balancer";
    case BoxKind::kScrub:
      return "scrub";
    case BoxKind::kUdpChecksum:
      return "udp-checksum";
    case BoxKind::kSynProxy:
      return "syn-proxy";
    case BoxKind::kTarpit:
      return "tarpit";
  }
  return "?";
}

}  // namespace osprey::lab
