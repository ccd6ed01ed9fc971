// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one accepted reply says, reduced to the fields that OS detection looks at. Parsed once,
// with every loop bounded, by io/wire; stored by matcher/observation. All numbers are in host
// byte order. Section numbers refer to docs/os-detection.md.

#include <array>
#include <cstdint>

namespace osprey {

inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpPsh = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;
inline constexpr uint8_t kTcpUrg = 0x20;
inline constexpr uint8_t kTcpEce = 0x40;
inline constexpr uint8_t kTcpCwr = 0x80;

struct TcpAnswer {
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint32_t data_bytes = 0;  // behind the TCP header, up to the IP total length
  uint32_t data_crc32 = 0;  // CRC-32 of those bytes; 0 if none or if RST is clear
  uint16_t window = 0;
  uint16_t urgent = 0;
  uint16_t ip_id = 0;
  uint8_t ttl = 0;
  uint8_t flags = 0;     // kTcp*
  uint8_t reserved = 0;  // low half of byte 12
  bool df = false;
  uint8_t options_length = 0;         // 0..40
  std::array<uint8_t, 40> options{};  // as on the wire
};

struct EchoAnswer {
  uint16_t ip_id = 0;
  uint8_t ttl = 0;
  uint8_t code = 0;
  bool df = false;
};

enum class QuotedChecksum : uint8_t { kZero, kGood, kBad };

// An ICMP port unreachable (type 3 code 3) that quotes a UDP packet of ours.
struct UnreachableAnswer {
  uint32_t unused = 0;             // last four bytes of the ICMP header
  uint16_t total_length = 0;       // of the outer IP packet
  uint16_t quoted_total_length = 0;
  uint16_t quoted_ip_id = 0;
  uint16_t quoted_udp_checksum = 0;
  uint8_t ttl = 0;
  uint8_t quoted_ttl = 0;
  QuotedChecksum quoted_ip_checksum = QuotedChecksum::kZero;  // over the first 20 quoted bytes
  bool df = false;
  bool quoted_data_intact = true;  // every quoted byte behind the UDP header is 0x43, or none is
};

}  // namespace osprey
