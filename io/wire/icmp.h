// SPDX-License-Identifier: Apache-2.0
#pragma once
// The eight bytes in front of every ICMP message that we send or read (RFC 792).

#include <cstdint>

#include "io/wire/bytes.h"

namespace osprey::io::wire {

inline constexpr size_t kIcmpBytes = 8;
inline constexpr size_t kIcmpChecksumAt = 2;
inline constexpr size_t kIcmpIdAt = 4;
inline constexpr size_t kIcmpSequenceAt = 6;

inline constexpr uint8_t kIcmpEchoReply = 0;
inline constexpr uint8_t kIcmpUnreachable = 3;
inline constexpr uint8_t kIcmpSourceQuench = 4;
inline constexpr uint8_t kIcmpEchoRequest = 8;
inline constexpr uint8_t kIcmpTimeExceeded = 11;
inline constexpr uint8_t kIcmpParameterProblem = 12;

inline constexpr uint8_t kIcmpPortUnreachable = 3;  // code of kIcmpUnreachable

struct IcmpHeader {
  uint8_t type = 0;
  uint8_t code = 0;
  uint16_t checksum = 0;
  uint32_t rest = 0;  // echo: identifier and sequence number; errors: unused, MTU, pointer

  uint16_t id() const { return static_cast<uint16_t>(rest >> 16); }
  uint16_t sequence() const { return static_cast<uint16_t>(rest & 0xFFFF); }
};

// Messages that quote the packet they are about.
constexpr bool QuotesPacket(uint8_t type) {
  return type == kIcmpUnreachable || type == kIcmpSourceQuench || type == kIcmpTimeExceeded ||
         type == kIcmpParameterProblem;
}

// False if the eight bytes are not there.
[[nodiscard]] inline bool LoadIcmp(ConstBytes bytes, IcmpHeader& out) {
  if (bytes.size() < kIcmpBytes) return false;
  out.type = Load8(bytes.data());
  out.code = Load8(bytes.data() + 1);
  out.checksum = Load16(bytes.data() + kIcmpChecksumAt);
  out.rest = Load32(bytes.data() + 4);
  return true;
}

// Writes kIcmpBytes bytes, the checksum as given.
inline void StoreIcmp(const IcmpHeader& header, std::byte* to) {
  Store8(to, header.type);
  Store8(to + 1, header.code);
  Store16(to + kIcmpChecksumAt, header.checksum);
  Store32(to + 4, header.rest);
}

}  // namespace osprey::io::wire
