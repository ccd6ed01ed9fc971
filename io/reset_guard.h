// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps the kernel from answering the SYN-ACKs of a scan. It knows nothing of the SYNs, which went
// out through a packet socket, and would send a reset for each; a program that sends its own resets
// at its own rate wants it silent.
//
// Model: nftables rules in a table of our own with the `owner` flag. Such a table belongs to the
// netlink socket it was made through: nobody else can change it, and the kernel removes it when the
// socket is closed, also if the program is killed. Two forms, which differ in cost and in what else
// they touch:
//
//   kIngress   SYN-ACKs to our addresses and ports are dropped on arrival, before the kernel's IP
//              code and its firewall (the capture ring sees them all the same). The cheapest; but
//              connections of this machine that use such a port would not come up.
//   kOutput    Resets from our addresses and ports are dropped where they would leave, unless they
//              have the ACK flag: the kernel aborts connections of its own with it, and answers
//              what belongs to none without. Other connections work as before. Frames of packet
//              sockets do not pass there.
//
// Set-up only; immutable. Needs CAP_NET_ADMIN. One object for all links of a scan.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/address.h"
#include "io/capture_filter.h"

namespace osprey::io {

enum class GuardHook : uint8_t { kIngress, kOutput };

struct GuardedLink {
  std::string name;
  std::vector<Ipv4Addr> addresses;  // our source addresses that the kernel owns
  // Others of ours that it does not own, if it forwards packets: then it would send their answers
  // on, or say that they are unreachable. All to them is dropped on arrival.
  std::vector<Ipv4Addr> foreign{};
};

class ResetGuard {
 public:
  virtual ~ResetGuard() = default;

  // PermissionDenied: CAP_NET_ADMIN is missing. Unavailable: the kernel has no nftables, or none
  // with table owners (Linux 5.12). Unimplemented: this program was built without libnftables.
  // InvalidArgument: a link's name cannot stand in a rule. The messages say what to do.
  static absl::StatusOr<std::unique_ptr<ResetGuard>> Install(std::span<const GuardedLink> links,
                                                             PortRange ports, GuardHook hook);
};

// The rules in nft's own language, none for a link that has no addresses, for tests and for people:
// `table` is the table's name.
std::string GuardRules(std::span<const GuardedLink> links, PortRange ports, GuardHook hook,
                       const std::string& table);

}  // namespace osprey::io
