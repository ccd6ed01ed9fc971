// SPDX-License-Identifier: Apache-2.0
#pragma once
// Address ranges with a special meaning (RFC 6890 and its registry), and what a scan does with
// them. A wide range such as 0.0.0.0/0 loses all of them; whoever means one names it, by an
// expression that lies inside.
//
// A constant table; any thread.

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/interval_set.h"

namespace osprey {

enum class SpecialClass : uint8_t {
  kNotUnicast,  // never a host: 0/8, multicast, reserved, broadcast. Naming it is an error.
  kLocal,       // this machine or this link: loopback, link-local. Only if named.
  kTesting,     // documentation, benchmarking, protocol assignments, 6to4 relays. Only if named.
  kPrivate,     // RFC 1918 and shared address space. Only if named.
};

struct SpecialRange {
  AddressInterval range;
  SpecialClass kind;
  std::string_view cidr;  // "10.0.0.0/8"
  std::string_view name;  // "private use"
};

// Sorted by address, disjoint.
std::span<const SpecialRange> SpecialRanges();

// The range that holds `addr`, or nullptr for an ordinary address. The result lives for ever.
const SpecialRange* FindSpecial(Ipv4Addr addr) noexcept;

}  // namespace osprey
