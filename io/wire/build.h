// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whole packets from header values: lengths, data offset and checksums are filled in. Used to make
// the templates of probes once, and by tests and emulated hosts to make replies. Pure functions,
// no allocation.

#include <cstddef>
#include <span>

#include "io/wire/arp.h"
#include "io/wire/ethernet.h"
#include "io/wire/icmp.h"
#include "io/wire/ipv4.h"
#include "io/wire/tcp.h"
#include "io/wire/udp.h"

namespace osprey::io::wire {

// Each writes an IP packet to the start of `out` and returns its length in bytes, or 0 if it does
// not fit into `out` or into an IP packet, or if `options` cannot stand in a TCP header (over 40
// bytes or no multiple of four). Ignored in the headers: lengths, protocol, checksums.
[[nodiscard]] size_t BuildTcp(Ipv4Header ip, TcpHeader tcp, ConstBytes options, ConstBytes data,
                              std::span<std::byte> out) noexcept;
[[nodiscard]] size_t BuildUdp(Ipv4Header ip, UdpHeader udp, ConstBytes data,
                              std::span<std::byte> out) noexcept;
// `data` is what follows the first eight bytes: echo data, or the quoted packet.
[[nodiscard]] size_t BuildIcmp(Ipv4Header ip, IcmpHeader icmp, ConstBytes data,
                               std::span<std::byte> out) noexcept;

}  // namespace osprey::io::wire
