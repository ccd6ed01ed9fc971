// SPDX-License-Identifier: Apache-2.0
#pragma once
// The packet that an ICMP error quotes, reduced to what OS detection asks of it
// (docs/os-detection.md, 1.6 and 3.8). Pure and bounded.

#include <cstddef>
#include <span>

#include "io/wire/reply.h"

namespace osprey::io::wire {

// The byte that fills the UDP probe.
inline constexpr std::byte kUdpProbePattern{0x43};

// Reads `quote`, everything behind the ICMP header, into the quoted_* fields of `out` and of
// out.answer. False if it does not hold a whole IP header, whose length field is at least 20.
// A quote that ends behind the IP header leaves the fields of what is missing at zero.
[[nodiscard]] bool LoadQuote(std::span<const std::byte> quote, IcmpError& out) noexcept;

}  // namespace osprey::io::wire
