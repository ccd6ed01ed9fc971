// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which ports to probe, in which order. Every list is kept twice: in probing order, likely open
// ports first, so that discovery's ladder ends early; and ascending, because OS detection takes the
// lowest open and the lowest closed port (docs/os-detection.md 2.1).
//
// Values; any thread.

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/address.h"
#include "engine/service_table.h"

namespace osprey {

class PortList {
 public:
  PortList() = default;
  // `probing_order` without repeats.
  explicit PortList(std::vector<HostOrderPort> probing_order);
  // A set of ports (any order, repeats allowed) in the best probing order: those of
  // CommonTcpPorts first, in its order, then the others ascending.
  static PortList FromSet(std::vector<HostOrderPort> ports);

  size_t size() const { return ascending_.size(); }
  bool empty() const { return ascending_.empty(); }
  std::span<const HostOrderPort> probing_order() const { return probing_order_; }
  std::span<const HostOrderPort> ascending() const { return ascending_; }
  bool Contains(HostOrderPort port) const;

  PortList Minus(const PortList& other) const;

 private:
  std::vector<HostOrderPort> probing_order_;
  std::vector<HostOrderPort> ascending_;
};

// Ports for both protocols, as -p and --exclude-ports give them. UDP ones count only in a scan
// that probes UDP.
struct PortSelection {
  PortList tcp;
  PortList udp;

  PortSelection Minus(const PortSelection& other) const {
    return {tcp.Minus(other.tcp), udp.Minus(other.udp)};
  }
};

// Nmap's -p: "22", "1-100", "-100" (from 1), "60000-", "-" (1-65535), service names, commas;
// "T:" and "U:" hold for all that follows, entries before them for both protocols. Port 0 only if
// it is written. A name stands for all its ports in `services`. InvalidArgument names the part.
absl::StatusOr<PortSelection> ParsePorts(std::string_view text, const ServiceTable& services);

// --top-ports and -F (100). InvalidArgument if `count` is 0, more than 65535, or more than is
// known; the message then says what to install.
absl::StatusOr<PortList> TopPorts(uint32_t count, IpProtocol protocol,
                                  const ServiceTable& services);

// The project's own order of common TCP ports, likely ones first, with no numbers behind it but
// this reasoning: the web; remote administration; mail and file transfer; what Windows and
// routers open by default; databases and appliances; services that are mostly on inner networks.
std::span<const HostOrderPort> CommonTcpPorts();

// What a scan probes if nobody says otherwise: the first ports of CommonTcpPorts. Long enough to
// meet an open port on most hosts that have one and, with it, nearly always a closed one.
PortList DefaultTcpPorts();

}  // namespace osprey
