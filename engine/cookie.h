// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stateless answer validation for discovery. A probe's numbers are a SipHash, keyed by the scan's
// seed, of where it goes; a reply is ours only if it gives them back. Nothing is remembered per
// probe, and who has not seen the probe cannot forge a reply to it:
//
//   probe           numbers chosen                       a reply must carry          bits
//   SYN             source port, seq                     ack = seq + 1               32
//   ACK             source port, ack                     seq = ack, RST without ACK  32
//   echo            id, seq, first 8 bytes of data       all                         23 + 64
//   UDP             source port, IP ID                   quoted by port unreachable  16
//
// "pass" numbers the time-lagged repeats of a probe. It moves the source port (or the last bits of
// an echo's sequence number), so a reply also says which transmission it answers: round-trip times
// are right even for repeats. Passes 0 .. discovery_ports - 1 can be told apart; later ones
// repeat the ports of earlier ones and are reported as those.
//
// Byte order: host. Immutable; any thread may call; no method allocates. Replies that fail are to
// be counted and dropped by the caller.

#include <cstdint>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/divider.h"
#include "engine/hash_kernels.h"
#include "engine/port_plan.h"
#include "engine/random.h"

namespace osprey {

struct TcpCookie {
  HostOrderPort source_port = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;  // of an ACK probe; a SYN probe sends 0
};

struct EchoCookie {
  uint16_t id = 0;
  uint16_t seq = 0;
  uint64_t payload = 0;  // to be sent as the first 8 bytes of data, big-endian
};

struct UdpCookie {
  HostOrderPort source_port = 0;
  uint16_t ip_id = 0;  // never 0
};

// Which probe a valid reply answers.
struct CookieMatch {
  uint32_t pass = 0;

  friend bool operator==(const CookieMatch&, const CookieMatch&) = default;
};

class CookieJar {
 public:
  // REQUIRES: plan.Validate().ok()
  CookieJar(uint64_t seed, const PortPlan& plan);

  // Passes that can be told apart.
  uint32_t distinct_passes() const noexcept { return plan_.discovery_ports; }

  // The numbers of a probe to `host`, port `port`. SYN and ACK probes have unrelated numbers.
  TcpCookie ForSyn(Ipv4Addr host, HostOrderPort port, uint32_t pass) const noexcept;
  TcpCookie ForAck(Ipv4Addr host, HostOrderPort port, uint32_t pass) const noexcept;
  EchoCookie ForEcho(Ipv4Addr host, uint32_t pass) const noexcept;
  UdpCookie ForUdp(Ipv4Addr host, HostOrderPort port, uint32_t pass) const noexcept;

  // The same for many probes, whose hashes are computed together. Each of `words`, from SynWord and
  // its like, becomes the hash that the *From functions take.
  static constexpr uint64_t SynWord(Ipv4Addr host, HostOrderPort port) noexcept {
    return Word(Kind::kSyn, host, port);
  }
  static constexpr uint64_t AckWord(Ipv4Addr host, HostOrderPort port) noexcept {
    return Word(Kind::kAck, host, port);
  }
  static constexpr uint64_t EchoWord(Ipv4Addr host) noexcept { return Word(Kind::kEcho, host, 0); }
  static constexpr uint64_t UdpWord(Ipv4Addr host, HostOrderPort port) noexcept {
    return Word(Kind::kUdp, host, port);
  }
  void HashAll(std::span<uint64_t> words) const noexcept {
    kernel_->siphash(key_.data(), words.data(), words.size());
  }
  TcpCookie TcpFrom(uint64_t hash, uint32_t pass) const noexcept;
  EchoCookie EchoFrom(uint64_t hash, uint32_t pass) const noexcept;
  UdpCookie UdpFrom(uint64_t hash, uint32_t pass) const noexcept;

  // A SYN-ACK, or a RST with ACK, from `host`:`port` to our port `to`: does it acknowledge our SYN?
  std::optional<CookieMatch> CheckSynReply(Ipv4Addr host, HostOrderPort port, HostOrderPort to,
                                           uint32_t reply_ack) const noexcept;

  // A RST without ACK: does it carry the acknowledgement number of our ACK probe?
  std::optional<CookieMatch> CheckAckReply(Ipv4Addr host, HostOrderPort port, HostOrderPort to,
                                           uint32_t reply_seq) const noexcept;

  // `payload`: the first 8 bytes of data, big-endian. Without them the check rests on 23 bits,
  // which a flood of forged replies passes now and then.
  std::optional<CookieMatch> CheckEchoReply(Ipv4Addr host, uint16_t id, uint16_t seq,
                                            uint64_t payload) const noexcept;
  std::optional<CookieMatch> CheckEchoReply(Ipv4Addr host, uint16_t id,
                                            uint16_t seq) const noexcept;

  // A UDP packet from `host`:`port`. Weak: only our source port shows that we asked (one in
  // discovery_ports), so it may start a host's ladder but is no proof of anything.
  std::optional<CookieMatch> CheckUdpReply(Ipv4Addr host, HostOrderPort port,
                                           HostOrderPort to) const noexcept;

  // ICMP errors, from the host itself or a router. `host` and `port` are the quoted destination,
  // `from` the quoted source port. A quoted IP ID may be byte-swapped: some stacks do that.
  std::optional<CookieMatch> CheckQuotedUdp(Ipv4Addr host, HostOrderPort port, HostOrderPort from,
                                            uint16_t quoted_ip_id) const noexcept;
  // A quoted SYN or ACK probe, by its sequence number.
  std::optional<CookieMatch> CheckQuotedTcp(Ipv4Addr host, HostOrderPort port, HostOrderPort from,
                                            uint32_t quoted_seq) const noexcept;

 private:
  enum class Kind : uint8_t { kSyn = 1, kAck = 2, kEcho = 3, kUdp = 4 };

  static constexpr uint64_t Word(Kind kind, Ipv4Addr host, HostOrderPort port) noexcept {
    return static_cast<uint64_t>(kind) << 48 | uint64_t{port} << 32 | host.host_order;
  }
  uint64_t Hash(Kind kind, Ipv4Addr host, HostOrderPort port) const noexcept;
  HostOrderPort SourcePort(uint64_t hash, uint32_t pass) const noexcept;
  std::optional<CookieMatch> PassOf(uint64_t hash, HostOrderPort source_port) const noexcept;

  PortPlan plan_;
  Divider by_ports_;  // plan_.discovery_ports
  HashKey key_;
  const HashKernel* kernel_ = &BestHashKernel();
};

// How a 64-bit hash is divided. TCP: seq is bits 0..31, and the port's bits 48..63 are apart from
// ack, which is the whole hash folded, so that neither number gives the other away.
namespace cookie_bits {
constexpr uint32_t Port(uint64_t hash) { return static_cast<uint32_t>(hash >> 48); }
constexpr uint32_t Seq(uint64_t hash) { return static_cast<uint32_t>(hash); }
constexpr uint32_t Ack(uint64_t hash) {
  return static_cast<uint32_t>((hash ^ hash >> 29) * 0xBF58476D1CE4E5B9 >> 32);
}
}  // namespace cookie_bits

// Inline, because discovery runs through them for each probe.

inline HostOrderPort CookieJar::SourcePort(uint64_t hash, uint32_t pass) const noexcept {
  const uint32_t offset = by_ports_.Remainder(cookie_bits::Port(hash) + pass);
  return static_cast<HostOrderPort>(plan_.discovery_first() + offset);
}

inline TcpCookie CookieJar::TcpFrom(uint64_t hash, uint32_t pass) const noexcept {
  return {.source_port = SourcePort(hash, pass),
          .seq = cookie_bits::Seq(hash),
          .ack = cookie_bits::Ack(hash)};
}

}  // namespace osprey
