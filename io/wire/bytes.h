// SPDX-License-Identifier: Apache-2.0
#pragma once
// Big-endian loads and stores on packet bytes at any alignment. No packet is ever cast to a
// struct. The caller has checked that the bytes are there.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/address.h"

namespace osprey::io::wire {

using ConstBytes = std::span<const std::byte>;

constexpr uint16_t ByteSwap(uint16_t value) { return __builtin_bswap16(value); }
constexpr uint32_t ByteSwap(uint32_t value) { return __builtin_bswap32(value); }
constexpr uint64_t ByteSwap(uint64_t value) { return __builtin_bswap64(value); }

// Between host and network order; its own inverse.
template <typename T>
constexpr T NetworkOrder(T value) {
  return std::endian::native == std::endian::little ? ByteSwap(value) : value;
}

template <typename T>
T LoadBigEndian(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return NetworkOrder(value);
}

inline uint8_t Load8(const std::byte* from) { return static_cast<uint8_t>(*from); }
inline uint16_t Load16(const std::byte* from) { return LoadBigEndian<uint16_t>(from); }
inline uint32_t Load32(const std::byte* from) { return LoadBigEndian<uint32_t>(from); }
inline uint64_t Load64(const std::byte* from) { return LoadBigEndian<uint64_t>(from); }
inline Ipv4Addr LoadAddr(const std::byte* from) { return Ipv4Addr{Load32(from)}; }
inline MacAddr LoadMac(const std::byte* from) {
  MacAddr mac;
  std::memcpy(mac.bytes.data(), from, mac.bytes.size());
  return mac;
}

inline void Store8(std::byte* to, uint8_t value) { *to = static_cast<std::byte>(value); }
inline void Store16(std::byte* to, uint16_t value) {
  value = NetworkOrder(value);
  std::memcpy(to, &value, sizeof value);
}
inline void Store32(std::byte* to, uint32_t value) {
  value = NetworkOrder(value);
  std::memcpy(to, &value, sizeof value);
}
inline void Store64(std::byte* to, uint64_t value) {
  value = NetworkOrder(value);
  std::memcpy(to, &value, sizeof value);
}
inline void StoreAddr(std::byte* to, Ipv4Addr addr) { Store32(to, addr.host_order); }
inline void StoreMac(std::byte* to, const MacAddr& mac) {
  std::memcpy(to, mac.bytes.data(), mac.bytes.size());
}

}  // namespace osprey::io::wire
