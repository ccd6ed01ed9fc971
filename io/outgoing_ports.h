// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which source ports the kernel gives to connections of this machine: net.ipv4.ip_local_port_range
// without net.ipv4.ip_local_reserved_ports. Read from /proc at the moment of the call; what cannot
// be read is taken for none.

#include <bitset>
#include <string>

namespace osprey::io {

using PortSet = std::bitset<65536>;

// `proc` is another folder in tests.
PortSet OutgoingPorts(const std::string& proc = "/proc");

}  // namespace osprey::io
