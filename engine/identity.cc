// SPDX-License-Identifier: Apache-2.0
#include "engine/identity.h"

#include "base/check.h"

namespace osprey {
namespace {

constexpr uint32_t Low(uint64_t x) { return static_cast<uint32_t>(x); }
constexpr uint32_t High(uint64_t x) { return static_cast<uint32_t>(x >> 32); }

}  // namespace

IdentitySource::IdentitySource(uint64_t seed, const PortPlan& plan)
    : plan_(plan),
      ports_key_(DeriveKey(seed, "identity ports")),
      numbers_key_(DeriveKey(seed, "identity numbers")),
      noise_(DeriveKey(seed, "identity noise")) {
  OSPREY_CHECK(plan.Validate().ok());
}

void IdentitySource::BasePorts(Ipv4Addr host, uint32_t round, HostOrderPort& tcp_base,
                               HostOrderPort& udp_base) const noexcept {
  // Rounds step from a start that depends on the host alone, so that they cannot meet.
  const uint64_t start = KeyedHash(ports_key_, host.host_order);
  tcp_base = plan_.BaseOf(ScaleTo(Low(start), plan_.bases()), round);
  udp_base = plan_.BaseOf(ScaleTo(High(start), plan_.bases()), round);
}

OsIdentity IdentitySource::For(Ipv4Addr host, uint32_t round) const noexcept {
  OsIdentity identity;
  BasePorts(host, round, identity.tcp_base, identity.udp_base);
  const uint64_t host_round = uint64_t{round} << 32 | host.host_order;
  const uint64_t numbers = KeyedHash(numbers_key_, host_round, 0);
  identity.seq0 = Low(numbers);
  identity.ack0 = High(numbers);
  const uint64_t rest = KeyedHash(numbers_key_, host_round, 1);
  identity.icmpid = static_cast<uint16_t>(ScaleTo(Low(rest), kOsIcmpIds));
  identity.u1_ttl = static_cast<uint8_t>(51 + ScaleTo(High(rest), 14));
  return identity;
}

}  // namespace osprey
