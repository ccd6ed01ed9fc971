// SPDX-License-Identifier: Apache-2.0
#pragma once
// Addresses as values. Host byte order inside the program, network byte order on the wire only
// (io/wire converts). Distinct types for things that mix up.

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace osprey {

struct Ipv4Addr {
  uint32_t host_order = 0;

  // Strict dotted quad: four decimal numbers 0..255 without leading zeros or blanks.
  // InvalidArgument names the text.
  static absl::StatusOr<Ipv4Addr> Parse(std::string_view text);
  std::string ToString() const;

  // The /24 that holds this address: lanes and rate limits are keyed by it.
  constexpr uint32_t slash24() const { return host_order >> 8; }
  constexpr bool is_loopback() const { return (host_order >> 24) == 127; }

  friend constexpr auto operator<=>(const Ipv4Addr&, const Ipv4Addr&) = default;
};

struct MacAddr {
  std::array<uint8_t, 6> bytes{};

  // "aa:bb:cc:dd:ee:ff", either case. InvalidArgument names the text.
  static absl::StatusOr<MacAddr> Parse(std::string_view text);
  std::string ToString() const;
  constexpr bool is_zero() const { return bytes == std::array<uint8_t, 6>{}; }

  friend constexpr auto operator<=>(const MacAddr&, const MacAddr&) = default;
};

// A TCP or UDP port in host byte order.
using HostOrderPort = uint16_t;

}  // namespace osprey
