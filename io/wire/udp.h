// SPDX-License-Identifier: Apache-2.0
#pragma once
// The UDP header (RFC 768).

#include <cstdint>

#include "base/address.h"
#include "io/wire/bytes.h"

namespace osprey::io::wire {

inline constexpr size_t kUdpBytes = 8;
inline constexpr size_t kUdpChecksumAt = 6;

struct UdpHeader {
  HostOrderPort source_port = 0;
  HostOrderPort destination_port = 0;
  uint16_t length = kUdpBytes;  // of header and data
  uint16_t checksum = 0;        // 0: none
};

// False if the eight bytes are not there.
[[nodiscard]] inline bool LoadUdp(ConstBytes bytes, UdpHeader& out) {
  if (bytes.size() < kUdpBytes) return false;
  const std::byte* at = bytes.data();
  out.source_port = Load16(at);
  out.destination_port = Load16(at + 2);
  out.length = Load16(at + 4);
  out.checksum = Load16(at + kUdpChecksumAt);
  return true;
}

// Writes kUdpBytes bytes, the checksum as given.
inline void StoreUdp(const UdpHeader& header, std::byte* to) {
  Store16(to, header.source_port);
  Store16(to + 2, header.destination_port);
  Store16(to + 4, header.length);
  Store16(to + kUdpChecksumAt, header.checksum);
}

}  // namespace osprey::io::wire
