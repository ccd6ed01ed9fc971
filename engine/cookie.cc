// SPDX-License-Identifier: Apache-2.0
#include "engine/cookie.h"

#include <algorithm>

#include "base/check.h"

namespace osprey {
namespace {

using cookie_bits::Ack;
using cookie_bits::Seq;

constexpr uint16_t IpId(uint64_t hash) {
  return static_cast<uint16_t>(std::max<uint64_t>(hash & 0xFFFF, 1));
}
constexpr uint16_t EchoId(uint64_t hash) {
  return static_cast<uint16_t>(kFirstDiscoveryIcmpId + (hash >> 16) % kDiscoveryIcmpIds);
}
constexpr uint16_t EchoSeq(uint64_t hash) { return static_cast<uint16_t>(hash); }

// Another 64 bits, which need not be secret on their own: who lacks the hash cannot make them.
constexpr uint64_t EchoPayload(uint64_t hash) {
  return (hash ^ hash >> 32) * 0x94D049BB133111EB ^ hash >> 17;
}

const PortPlan& Checked(const PortPlan& plan) {
  OSPREY_CHECK(plan.Validate().ok());
  return plan;
}

constexpr uint16_t Swap(uint16_t x) { return static_cast<uint16_t>(x << 8 | x >> 8); }

}  // namespace

CookieJar::CookieJar(uint64_t seed, const PortPlan& plan)
    : plan_(plan), by_ports_(Checked(plan).discovery_ports), key_(DeriveKey(seed, "cookie")) {}

uint64_t CookieJar::Hash(Kind kind, Ipv4Addr host, HostOrderPort port) const noexcept {
  return KeyedHash(key_, Word(kind, host, port));
}

std::optional<CookieMatch> CookieJar::PassOf(uint64_t hash,
                                             HostOrderPort source_port) const noexcept {
  if (!plan_.IsDiscoveryPort(source_port)) return std::nullopt;
  const uint32_t ports = plan_.discovery_ports;
  const uint32_t offset = uint32_t{source_port} - plan_.discovery_first();
  return CookieMatch{
      by_ports_.Remainder(offset + ports - by_ports_.Remainder(cookie_bits::Port(hash)))};
}

TcpCookie CookieJar::ForSyn(Ipv4Addr host, HostOrderPort port, uint32_t pass) const noexcept {
  return TcpFrom(Hash(Kind::kSyn, host, port), pass);
}

TcpCookie CookieJar::ForAck(Ipv4Addr host, HostOrderPort port, uint32_t pass) const noexcept {
  return TcpFrom(Hash(Kind::kAck, host, port), pass);
}

EchoCookie CookieJar::EchoFrom(uint64_t hash, uint32_t pass) const noexcept {
  const uint32_t seq = EchoSeq(hash) + pass % distinct_passes();
  return {.id = EchoId(hash), .seq = static_cast<uint16_t>(seq), .payload = EchoPayload(hash)};
}

EchoCookie CookieJar::ForEcho(Ipv4Addr host, uint32_t pass) const noexcept {
  return EchoFrom(Hash(Kind::kEcho, host, 0), pass);
}

UdpCookie CookieJar::UdpFrom(uint64_t hash, uint32_t pass) const noexcept {
  return {.source_port = SourcePort(hash, pass), .ip_id = IpId(hash)};
}

UdpCookie CookieJar::ForUdp(Ipv4Addr host, HostOrderPort port, uint32_t pass) const noexcept {
  return UdpFrom(Hash(Kind::kUdp, host, port), pass);
}

std::optional<CookieMatch> CookieJar::CheckSynReply(Ipv4Addr host, HostOrderPort port,
                                                    HostOrderPort to,
                                                    uint32_t reply_ack) const noexcept {
  const uint64_t hash = Hash(Kind::kSyn, host, port);
  if (reply_ack != Seq(hash) + 1) return std::nullopt;
  return PassOf(hash, to);
}

std::optional<CookieMatch> CookieJar::CheckAckReply(Ipv4Addr host, HostOrderPort port,
                                                    HostOrderPort to,
                                                    uint32_t reply_seq) const noexcept {
  const uint64_t hash = Hash(Kind::kAck, host, port);
  if (reply_seq != Ack(hash)) return std::nullopt;
  return PassOf(hash, to);
}

std::optional<CookieMatch> CookieJar::CheckEchoReply(Ipv4Addr host, uint16_t id,
                                                     uint16_t seq) const noexcept {
  if (id < kFirstDiscoveryIcmpId) return std::nullopt;
  const uint64_t hash = Hash(Kind::kEcho, host, 0);
  const auto pass = static_cast<uint16_t>(seq - EchoSeq(hash));
  if (id != EchoId(hash) || pass >= distinct_passes()) return std::nullopt;
  return CookieMatch{pass};
}

std::optional<CookieMatch> CookieJar::CheckEchoReply(Ipv4Addr host, uint16_t id, uint16_t seq,
                                                     uint64_t payload) const noexcept {
  if (payload != EchoPayload(Hash(Kind::kEcho, host, 0))) return std::nullopt;
  return CheckEchoReply(host, id, seq);
}

std::optional<CookieMatch> CookieJar::CheckUdpReply(Ipv4Addr host, HostOrderPort port,
                                                    HostOrderPort to) const noexcept {
  return PassOf(Hash(Kind::kUdp, host, port), to);
}

std::optional<CookieMatch> CookieJar::CheckQuotedUdp(Ipv4Addr host, HostOrderPort port,
                                                     HostOrderPort from,
                                                     uint16_t quoted_ip_id) const noexcept {
  const uint64_t hash = Hash(Kind::kUdp, host, port);
  if (quoted_ip_id != IpId(hash) && quoted_ip_id != Swap(IpId(hash))) return std::nullopt;
  return PassOf(hash, from);
}

std::optional<CookieMatch> CookieJar::CheckQuotedTcp(Ipv4Addr host, HostOrderPort port,
                                                     HostOrderPort from,
                                                     uint32_t quoted_seq) const noexcept {
  for (const Kind kind : {Kind::kSyn, Kind::kAck}) {
    const uint64_t hash = Hash(kind, host, port);
    if (quoted_seq == Seq(hash)) return PassOf(hash, from);
  }
  return std::nullopt;
}

}  // namespace osprey
