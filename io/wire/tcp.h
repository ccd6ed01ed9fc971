// SPDX-License-Identifier: Apache-2.0
#pragma once
// The TCP header (RFC 9293). Flag bits are kTcp* of base/answers.h.

#include <cstdint>

#include "base/address.h"
#include "io/wire/bytes.h"

namespace osprey::io::wire {

inline constexpr size_t kTcpBytes = 20;

// Offsets of the fields that are patched in a prepared segment.
inline constexpr size_t kTcpSeqAt = 4;
inline constexpr size_t kTcpAckAt = 8;
inline constexpr size_t kTcpChecksumAt = 16;

struct TcpHeader {
  HostOrderPort source_port = 0;
  HostOrderPort destination_port = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint8_t header_bytes = kTcpBytes;  // 0..60 as received
  uint8_t reserved = 0;              // low half of byte 12
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t checksum = 0;
  uint16_t urgent = 0;
};

// Reads the 20 fixed bytes, whatever they say. False if they are not there.
[[nodiscard]] inline bool LoadTcp(ConstBytes bytes, TcpHeader& out) {
  if (bytes.size() < kTcpBytes) return false;
  const std::byte* at = bytes.data();
  const uint8_t offset = Load8(at + 12);
  out.source_port = Load16(at);
  out.destination_port = Load16(at + 2);
  out.seq = Load32(at + kTcpSeqAt);
  out.ack = Load32(at + kTcpAckAt);
  out.header_bytes = static_cast<uint8_t>((offset >> 4) * 4);
  out.reserved = offset & 0xF;
  out.flags = Load8(at + 13);
  out.window = Load16(at + 14);
  out.checksum = Load16(at + kTcpChecksumAt);
  out.urgent = Load16(at + 18);
  return true;
}

// Writes kTcpBytes bytes, the checksum as given.
inline void StoreTcp(const TcpHeader& header, std::byte* to) {
  Store16(to, header.source_port);
  Store16(to + 2, header.destination_port);
  Store32(to + kTcpSeqAt, header.seq);
  Store32(to + kTcpAckAt, header.ack);
  Store8(to + 12, static_cast<uint8_t>((header.header_bytes / 4) << 4 | (header.reserved & 0xF)));
  Store8(to + 13, header.flags);
  Store16(to + 14, header.window);
  Store16(to + kTcpChecksumAt, header.checksum);
  Store16(to + 18, header.urgent);
}

}  // namespace osprey::io::wire
