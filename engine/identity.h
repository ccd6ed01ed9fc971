// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the OS probes of one host in one round look like on the wire: sequence numbers, ICMP
// identifier, base ports, TTLs, IP IDs. All of it is a keyed function of (address, round), so
// nothing is stored, nothing is shared between hosts, and a resumed scan continues as it began.
// Ranges are those of docs/os-detection.md 1.1 to 1.3, with two differences: U1's TTL is keyed
// instead of taken from the time of day, and icmpid leaves room for discovery's identifiers.
//
// Immutable; any thread may call; no method allocates.

#include <cstdint>

#include "base/address.h"
#include "engine/port_plan.h"
#include "engine/random.h"

namespace osprey {

// All values in host byte order.
struct OsIdentity {
  uint32_t seq0 = 0;
  uint32_t ack0 = 0;
  uint16_t icmpid = 0;  // 0 .. kOsIcmpIds - 1; IE2 uses icmpid + 1
  HostOrderPort tcp_base = 0;
  HostOrderPort udp_base = 0;
  uint8_t u1_ttl = 0;  // 51..64

  friend bool operator==(const OsIdentity&, const OsIdentity&) = default;
};

// What differs in every packet.
struct PacketNoise {
  uint16_t ip_id = 0;  // 1..65535: a raw-IP socket would let the kernel replace 0
  uint8_t ttl = 0;     // 37..59

  friend bool operator==(const PacketNoise&, const PacketNoise&) = default;
};

class IdentitySource {
 public:
  // REQUIRES: plan.Validate().ok()
  IdentitySource(uint64_t seed, const PortPlan& plan);

  const PortPlan& plan() const noexcept { return plan_; }

  OsIdentity For(Ipv4Addr host, uint32_t round) const noexcept;

  // Only the base ports of For(host, round): enough to attribute a reply, at half of the cost.
  void BasePorts(Ipv4Addr host, uint32_t round, HostOrderPort& tcp_base,
                 HostOrderPort& udp_base) const noexcept;

  // For one packet. `probe` and `transmission` are the caller's numbering; discovery passes numbers
  // that no OS probe has. Takes their low 8 bits, and the low 16 of `round`.
  PacketNoise NoiseFor(Ipv4Addr host, uint32_t round, uint32_t probe,
                       uint32_t transmission) const noexcept;

 private:
  PortPlan plan_;
  HashKey ports_key_;
  HashKey numbers_key_;
  NoiseHash noise_;
};

// Inline, because discovery runs through it for each probe.
inline PacketNoise IdentitySource::NoiseFor(Ipv4Addr host, uint32_t round, uint32_t probe,
                                            uint32_t transmission) const noexcept {
  const uint64_t what = (round & 0xFFFF) << 16 | (probe & 0xFF) << 8 | (transmission & 0xFF);
  const uint64_t hash = noise_(what << 32 | host.host_order);
  const auto low = static_cast<uint32_t>(hash);
  const auto high = static_cast<uint32_t>(hash >> 32);
  return {.ip_id = static_cast<uint16_t>(1 + ScaleTo(low, 65535)),
          .ttl = static_cast<uint8_t>(37 + ScaleTo(high, 23))};
}

}  // namespace osprey
