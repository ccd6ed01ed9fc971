// SPDX-License-Identifier: Apache-2.0
#pragma once
// The IPv4 header (RFC 791). Options are skipped on receive and never sent.

#include <cstdint>

#include "base/address.h"
#include "io/wire/bytes.h"
#include "io/wire/checksum.h"

namespace osprey::io::wire {

inline constexpr size_t kIpv4Bytes = 20;
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;

// Offsets of the fields that are patched in a prepared packet.
inline constexpr size_t kIpv4IdAt = 4;
inline constexpr size_t kIpv4TtlAt = 8;
inline constexpr size_t kIpv4ChecksumAt = 10;
inline constexpr size_t kIpv4SourceAt = 12;
inline constexpr size_t kIpv4DestinationAt = 16;

struct Ipv4Header {
  uint8_t version = 4;
  uint8_t header_bytes = kIpv4Bytes;  // 0..60 as received
  uint8_t tos = 0;
  uint16_t total_length = 0;
  uint16_t id = 0;
  bool df = false;
  bool mf = false;
  uint16_t fragment_offset = 0;  // in units of eight bytes
  uint8_t ttl = 64;
  uint8_t protocol = 0;
  uint16_t checksum = 0;  // as received; computed by StoreIpv4
  Ipv4Addr source{};
  Ipv4Addr destination{};
};

// Reads the 20 fixed bytes, whatever they say. False if they are not there.
[[nodiscard]] inline bool LoadIpv4(ConstBytes bytes, Ipv4Header& out) {
  if (bytes.size() < kIpv4Bytes) return false;
  const std::byte* at = bytes.data();
  const uint8_t first = Load8(at);
  const uint16_t fragment = Load16(at + 6);
  out.version = static_cast<uint8_t>(first >> 4);
  out.header_bytes = static_cast<uint8_t>((first & 0xF) * 4);
  out.tos = Load8(at + 1);
  out.total_length = Load16(at + 2);
  out.id = Load16(at + kIpv4IdAt);
  out.df = (fragment & 0x4000) != 0;
  out.mf = (fragment & 0x2000) != 0;
  out.fragment_offset = fragment & 0x1FFF;
  out.ttl = Load8(at + kIpv4TtlAt);
  out.protocol = Load8(at + 9);
  out.checksum = Load16(at + kIpv4ChecksumAt);
  out.source = LoadAddr(at + kIpv4SourceAt);
  out.destination = LoadAddr(at + kIpv4DestinationAt);
  return true;
}

// Writes kIpv4Bytes bytes, version 4 and without options whatever the header says, with a correct
// checksum.
inline void StoreIpv4(const Ipv4Header& header, std::byte* to) {
  Store8(to, 0x45);
  Store8(to + 1, header.tos);
  Store16(to + 2, header.total_length);
  Store16(to + kIpv4IdAt, header.id);
  Store16(to + 6, static_cast<uint16_t>((header.df ? 0x4000 : 0) | (header.mf ? 0x2000 : 0) |
                                        (header.fragment_offset & 0x1FFF)));
  Store8(to + kIpv4TtlAt, header.ttl);
  Store8(to + 9, header.protocol);
  Store16(to + kIpv4ChecksumAt, 0);
  StoreAddr(to + kIpv4SourceAt, header.source);
  StoreAddr(to + kIpv4DestinationAt, header.destination);
  Store16(to + kIpv4ChecksumAt, FinishChecksum(SumBytes(ConstBytes(to, kIpv4Bytes))));
}

}  // namespace osprey::io::wire
