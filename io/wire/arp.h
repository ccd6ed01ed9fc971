// SPDX-License-Identifier: Apache-2.0
#pragma once
// ARP for IPv4 over Ethernet (RFC 826).

#include <cstdint>

#include "base/address.h"
#include "io/wire/bytes.h"

namespace osprey::io::wire {

inline constexpr size_t kArpBytes = 28;
// Where some of it lies.
inline constexpr size_t kArpOperationAt = 6;
inline constexpr size_t kArpTargetMacAt = 18;
inline constexpr size_t kArpTargetAt = 24;
inline constexpr uint16_t kArpRequest = 1;
inline constexpr uint16_t kArpReply = 2;

struct ArpPacket {
  uint16_t operation = kArpRequest;
  MacAddr sender_mac{};
  Ipv4Addr sender{};
  MacAddr target_mac{};
  Ipv4Addr target{};
};

// False if it is too short or not about IPv4 over Ethernet.
[[nodiscard]] inline bool LoadArp(ConstBytes bytes, ArpPacket& out) {
  if (bytes.size() < kArpBytes) return false;
  const std::byte* at = bytes.data();
  const bool ours = Load16(at) == 1 && Load16(at + 2) == 0x0800 && Load16(at + 4) == 0x0604;
  out.operation = Load16(at + 6);
  out.sender_mac = LoadMac(at + 8);
  out.sender = LoadAddr(at + 14);
  out.target_mac = LoadMac(at + 18);
  out.target = LoadAddr(at + 24);
  return ours;
}

// Writes kArpBytes bytes.
inline void StoreArp(const ArpPacket& packet, std::byte* to) {
  Store16(to, 1);           // Ethernet
  Store16(to + 2, 0x0800);  // IPv4
  Store16(to + 4, 0x0604);  // address lengths
  Store16(to + 6, packet.operation);
  StoreMac(to + 8, packet.sender_mac);
  StoreAddr(to + 14, packet.sender);
  StoreMac(to + 18, packet.target_mac);
  StoreAddr(to + 24, packet.target);
}

}  // namespace osprey::io::wire
