// SPDX-License-Identifier: Apache-2.0
#pragma once
// Link addresses of neighbours: the kernel's own table, and asking by ARP.
//
// NeighbourTable is an immutable snapshot of the calling thread's network namespace. ResolveMac
// is a set-up helper for gateways: it blocks. Hosts of an on-link range are asked by the engine,
// which sends ARP through its rings.

#include <chrono>
#include <optional>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "io/link.h"

namespace osprey::io {

class NeighbourTable {
 public:
  // Unavailable if netlink does not answer.
  static absl::StatusOr<NeighbourTable> Load();

  // Only entries whose address the kernel holds for good (permanent, reachable, stale, delay,
  // probe, no-ARP).
  std::optional<MacAddr> Find(int link_index, Ipv4Addr address) const;
  size_t size() const { return entries_.size(); }

 private:
  absl::flat_hash_map<uint64_t, MacAddr> entries_;  // key: link index, address
};

// Asks on `link` who has `target`, three times within `timeout`. `source` is the address given as
// ours; 0 asks without giving one (an ARP probe). NotFound if nobody answers, FailedPrecondition
// if the link has no ARP, and the errors of opening a packet socket.
// `vlan` is the 802.1Q tag of question and answer; 0: none, or the kernel's own.
absl::StatusOr<MacAddr> ResolveMac(const Link& link, Ipv4Addr source, Ipv4Addr target,
                                   std::chrono::milliseconds timeout, uint16_t vlan = 0);

// Which of `addresses` somebody on `link` has: asks for all of them at once, without giving an
// address as ours, and again until all have answered or `timeout` is over. Errors as above.
absl::StatusOr<absl::flat_hash_map<uint32_t, MacAddr>> WhoHas(const Link& link,
                                                              std::span<const Ipv4Addr> addresses,
                                                              std::chrono::milliseconds timeout,
                                                              uint16_t vlan = 0);

}  // namespace osprey::io
