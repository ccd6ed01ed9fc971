// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/simulated_host.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/check.h"
#include "base/clock.h"
#include "io/wire/build.h"
#include "io/wire/ethernet.h"

namespace osprey::testing {
namespace {

namespace wire = io::wire;

enum class Port : uint8_t { kOpen, kClosed, kSilent, kRejected };

// What differs between the personalities.
struct Traits {
  std::string_view name;
  uint8_t ttl = 64;
  uint16_t window = 0;  // of a SYN-ACK
  bool counts_tcp_ids = false;
  uint16_t constant_id = 0;  // of TCP packets, if not counted
  bool df = true;
  bool resets_have_df = true;
  bool icmp = true;
  bool echoes_code = true;
  bool ecn = true;
  size_t quoted_bytes = 548;
};

constexpr std::array<Traits, static_cast<size_t>(Personality::kCount)> kTraits = {{
    {.name = "Simulated Penguin 6", .window = 0xFE88},
    {.name = "Simulated Panes 11",
     .ttl = 128,
     .window = 0x2000,
     .counts_tcp_ids = true,
     .ecn = false},
    {.name = "Simulated Toaster",
     .ttl = 255,
     .window = 0x1000,
     .constant_id = 0x1234,
     .df = false,
     .resets_have_df = false,
     .echoes_code = false,
     .ecn = false,
     .quoted_bytes = 28},
    {.name = "Simulated Mute", .window = 0x7120, .icmp = false},
    {.name = "Simulated Wall", .window = 0x3908},
    {.name = "Simulated Shell", .resets_have_df = false, .echoes_code = false},
}};

const Traits& TraitsOf(Personality personality) {
  return kTraits[static_cast<size_t>(personality)];
}

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t z = a * 0x9E3779B97F4A7C15u + b;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

double Uniform(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1p-53; }

Port StateOf(Personality personality, HostOrderPort port) {
  switch (personality) {
    case Personality::kLinux:
      return port == 22 || port == 80 ? Port::kOpen : Port::kClosed;
    case Personality::kWindows:
      if (port == 135 || port == 445) return Port::kOpen;
      return port == 443 || port == 8080 ? Port::kClosed : Port::kSilent;
    case Personality::kEmbedded:
      return port == 80 ? Port::kOpen : Port::kClosed;
    case Personality::kIcmpSilent:
      if (port == 443) return Port::kOpen;
      return port == 22 ? Port::kClosed : Port::kSilent;
    case Personality::kNoClosedPort:
      return port == 80 ? Port::kOpen : Port::kRejected;
    case Personality::kNoOpenPort:
    case Personality::kCount:
      break;
  }
  return Port::kClosed;
}

// The options that a SYN offers.
struct Offer {
  bool mss = false;
  bool scale = false;
  bool sack = false;
  std::optional<uint32_t> timestamp;
};

Offer ReadOffer(std::span<const std::byte> options) {
  Offer offer;
  for (size_t at = 0; at < options.size();) {
    const auto kind = static_cast<uint8_t>(options[at]);
    if (kind == 0) break;
    if (kind == 1) {
      ++at;
      continue;
    }
    OSPREY_CHECK(at + 1 < options.size());
    const auto length = static_cast<size_t>(options[at + 1]);
    OSPREY_CHECK(length >= 2 && at + length <= options.size());
    if (kind == 2) offer.mss = true;
    if (kind == 3) offer.scale = true;
    if (kind == 4) offer.sack = true;
    if (kind == 8) offer.timestamp = wire::Load32(options.data() + at + 2);
    at += length;
  }
  return offer;
}

// One answer under way.
class Answerer {
 public:
  Answerer(const HostNature& nature, uint64_t seed, const SeenProbe& probe, int64_t now_ns,
           uint16_t& ip_id, io::ReplySink& sink)
      : nature_(nature),
        traits_(TraitsOf(nature.personality)),
        host_seed_(Mix(seed, probe.ip.destination.host_order)),
        probe_(probe),
        now_ns_(now_ns),
        ip_id_(ip_id),
        sink_(sink) {}

  void Run() {
    if (probe_.ip.protocol == wire::kProtocolTcp) Tcp();
    if (probe_.ip.protocol == wire::kProtocolUdp && traits_.icmp) Unreachable(3);
    const bool echo =
        probe_.ip.protocol == wire::kProtocolIcmp && probe_.icmp.type == wire::kIcmpEchoRequest;
    if (echo && traits_.icmp) Echo();
  }

 private:
  bool Has(uint8_t flags) const { return (probe_.tcp.flags & flags) == flags; }
  bool HasAny(uint8_t flags) const { return (probe_.tcp.flags & flags) != 0; }

  void Tcp() {
    switch (StateOf(nature_.personality, probe_.tcp.destination_port)) {
      case Port::kOpen:
        return OpenPort();
      case Port::kClosed:
        return ClosedPort();
      case Port::kRejected:
        return Unreachable(13);
      case Port::kSilent:
        return;
    }
  }

  void OpenPort() {
    if (HasAny(kTcpRst)) return;
    const bool toaster = nature_.personality == Personality::kEmbedded;
    if (HasAny(kTcpAck)) return Reset(probe_.tcp.ack, 0, kTcpRst);
    if (Has(kTcpSyn) && (!HasAny(kTcpFin) || toaster)) return SynAck();
    // No SYN: most say nothing; one resets.
    if (nature_.personality == Personality::kWindows && !HasAny(kTcpSyn)) {
      Reset(0, probe_.tcp.seq, kTcpRst | kTcpAck);
    }
  }

  void ClosedPort() {
    if (HasAny(kTcpRst)) return;
    if (HasAny(kTcpAck)) return Reset(probe_.tcp.ack, 0, kTcpRst);
    const uint32_t more = HasAny(kTcpSyn | kTcpFin) ? 1 : 0;
    const bool plain = nature_.personality == Personality::kWindows && !HasAny(kTcpSyn);
    Reset(0, probe_.tcp.seq + (plain ? 0 : more), kTcpRst | kTcpAck);
  }

  void SynAck() {
    std::array<std::byte, 40> options{};
    const size_t length =
        WriteOptions(ReadOffer(probe_.transport.subspan(wire::kTcpBytes,
                                                        probe_.tcp.header_bytes - wire::kTcpBytes)),
                     options);
    const bool ecn = traits_.ecn && Has(kTcpEce | kTcpCwr);
    const uint64_t tuple = uint64_t{probe_.tcp.source_port} << 16 | probe_.tcp.destination_port;
    const auto isn =
        static_cast<uint32_t>(Mix(host_seed_, tuple) + static_cast<uint64_t>(now_ns_ / 64));
    SendTcp({.source_port = probe_.tcp.destination_port,
             .destination_port = probe_.tcp.source_port,
             .seq = isn == 0 ? 1 : isn,
             .ack = probe_.tcp.seq + 1,
             .flags = static_cast<uint8_t>(kTcpSyn | kTcpAck | (ecn ? kTcpEce : 0)),
             .window = traits_.window},
            std::span(options).first(length), traits_.df);
  }

  void Reset(uint32_t seq, uint32_t ack, uint8_t flags) {
    SendTcp({.source_port = probe_.tcp.destination_port,
             .destination_port = probe_.tcp.source_port,
             .seq = seq,
             .ack = ack,
             .flags = flags},
            {}, traits_.resets_have_df);
  }

  // The layouts of three families of stacks. Returns the length, a multiple of four.
  size_t WriteOptions(const Offer& offer, std::array<std::byte, 40>& out) const {
    size_t at = 0;
    const auto put = [&](std::initializer_list<int> bytes) {
      for (const int byte : bytes) out[at++] = static_cast<std::byte>(byte);
    };
    const auto timestamp = [&] {
      put({8, 10});
      wire::Store32(&out[at], static_cast<uint32_t>(host_seed_ >> 40) + 1000000 +
                                  static_cast<uint32_t>(now_ns_ / kNsPerMs));
      wire::Store32(&out[at + 4], *offer.timestamp);
      at += 8;
    };
    if (offer.mss) put({2, 4, 0x05, 0xB4});
    if (nature_.personality == Personality::kEmbedded) return at;
    const bool panes = nature_.personality == Personality::kWindows;
    if (panes && offer.scale) put({1, 3, 3, 8});
    if (offer.timestamp) {
      offer.sack ? put({4, 2}) : put({1, 1});
      timestamp();
    } else if (offer.sack) {
      put({1, 1, 4, 2});
    }
    if (!panes && offer.scale) put({1, 3, 3, 7});
    OSPREY_CHECK(at % 4 == 0);
    return at;
  }

  void Echo() {
    const auto data = probe_.transport.subspan(wire::kIcmpBytes);
    const auto code = static_cast<uint8_t>(traits_.echoes_code ? probe_.icmp.code : 0);
    SendIcmp({.type = wire::kIcmpEchoReply, .code = code, .rest = probe_.icmp.rest}, data,
             probe_.ip.df && traits_.df);
  }

  void Unreachable(uint8_t code) {
    Bytes quote(probe_.packet.begin(),
                probe_.packet.begin() + static_cast<std::ptrdiff_t>(
                                            std::min(traits_.quoted_bytes, probe_.packet.size())));
    // As it arrived: each router has taken one from the TTL and corrected the checksum.
    wire::Ipv4Header ip = probe_.ip;
    ip.ttl = static_cast<uint8_t>(ip.ttl - nature_.routers);
    wire::StoreIpv4(ip, quote.data());
    if (nature_.personality == Personality::kEmbedded) {
      wire::Store16(quote.data() + wire::kIpv4ChecksumAt, 0);
    }
    SendIcmp({.type = wire::kIcmpUnreachable, .code = code}, quote, false);
  }

  wire::Ipv4Header Ip(uint16_t id, bool df) const {
    return {.id = id,
            .df = df,
            .ttl = static_cast<uint8_t>(traits_.ttl - nature_.routers),
            .source = probe_.ip.destination,
            .destination = probe_.ip.source};
  }

  void SendTcp(const wire::TcpHeader& tcp, std::span<const std::byte> options, bool df) {
    const uint16_t id = traits_.counts_tcp_ids ? ++ip_id_ : traits_.constant_id;
    Send(wire::BuildTcp(Ip(id, df), tcp, options, {}, Packet()));
  }

  void SendIcmp(const wire::IcmpHeader& icmp, std::span<const std::byte> data, bool df) {
    Send(wire::BuildIcmp(Ip(++ip_id_, df), icmp, data, Packet()));
  }

  std::span<std::byte> Packet() { return std::span(frame_).subspan(wire::kEthernetBytes); }

  void Send(size_t packet_bytes) {
    OSPREY_CHECK(packet_bytes > 0);
    size_t at = wire::kEthernetBytes;
    if (probe_.ethernet) {
      at = 0;
      wire::StoreEthernet({.destination = probe_.ethernet->source,
                           .source = probe_.ethernet->destination,
                           .type = wire::kEtherTypeIpv4},
                          frame_.data());
    }
    sink_.Reply(
        std::span<const std::byte>(frame_).subspan(at, wire::kEthernetBytes - at + packet_bytes),
        0);
  }

  const HostNature& nature_;
  const Traits& traits_;
  uint64_t host_seed_;
  const SeenProbe& probe_;
  int64_t now_ns_;
  uint16_t& ip_id_;
  io::ReplySink& sink_;
  std::array<std::byte, 1600> frame_;
};

constexpr std::string_view kDatabase = R"(# Invented hosts of the simulation.
MatchPoints
SEQ(SP=25%GCD=75%ISR=25%TI=100%CI=50%II=100%SS=80%TS=100)
OPS(O1=20%O2=20%O3=20%O4=20%O5=20%O6=20)
WIN(W1=15%W2=15%W3=15%W4=15%W5=15%W6=15)
ECN(R=100%DF=20%T=15%TG=15%W=15%O=15%CC=100%Q=20)
T1(R=100%DF=20%T=15%TG=15%S=20%A=20%F=30%RD=20%Q=20)
T2(R=80%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)
T3(R=80%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)
T4(R=100%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)
T5(R=100%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)
T6(R=100%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)
T7(R=80%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)
U1(R=50%DF=20%T=15%TG=15%IPL=100%UN=100%RIPL=100%RID=100%RIPCK=100%RUCK=100%RUD=100)
IE(R=50%DFI=40%T=15%TG=15%CD=100)

Fingerprint Simulated Penguin 6
Class Simulated | Penguin | 6.X | general purpose
SEQ(SP=0-1FF%GCD=1-10%ISR=0-1FF%TI=Z%CI=Z%II=I%TS=A)
OPS(O1=M5B4ST11NW7%O2=M5B4ST11NW7%O3=M5B4NNT11NW7%O4=ST11NW7|M5B4ST11NW7%O5=M5B4ST11NW7%O6=M5B4ST11)
WIN(W1=FE88%W2=FE88%W3=FE88%W4=FE88%W5=FE88%W6=FE88)
ECN(R=Y%DF=Y%T=40%TG=40%W=FE88%O=M5B4NNSNW7%CC=Y%Q=)
T1(R=Y%DF=Y%T=40%TG=40%S=O%A=S+%F=AS%RD=0%Q=)
T2(R=N)
T3(R=N)
T4(R=Y%DF=Y%T=40%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T5(R=Y%DF=Y%T=40%TG=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
T6(R=Y%DF=Y%T=40%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T7(R=Y%DF=Y%T=40%TG=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
U1(R=Y%DF=N%T=40%TG=40%IPL=164%UN=0%RIPL=G%RID=G%RIPCK=G%RUCK=G%RUD=G)
IE(R=Y%DFI=S%T=40%TG=40%CD=S)

Fingerprint Simulated Panes 11
Class Simulated | Panes | 11 | general purpose
SEQ(SP=0-1FF%GCD=1-10%ISR=0-1FF%TI=I%CI=I%II=I%SS=S%TS=A)
OPS(O1=M5B4NW8ST11%O2=M5B4NW8ST11%O3=M5B4NW8NNT11%O4=NW8ST11|M5B4NW8ST11%O5=M5B4NW8ST11%O6=M5B4ST11)
WIN(W1=2000%W2=2000%W3=2000%W4=2000%W5=2000%W6=2000)
ECN(R=Y%DF=Y%T=80%TG=80%W=2000%O=M5B4NW8NNS%CC=N%Q=)
T1(R=Y%DF=Y%T=80%TG=80%S=O%A=S+%F=AS%RD=0%Q=)
T2(R=Y%DF=Y%T=80%TG=80%W=0%S=Z%A=S%F=AR%O=%RD=0%Q=)
T3(R=N)
T4(R=Y%DF=Y%T=80%TG=80%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T5(R=Y%DF=Y%T=80%TG=80%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
T6(R=Y%DF=Y%T=80%TG=80%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T7(R=Y%DF=Y%T=80%TG=80%W=0%S=Z%A=S%F=AR%O=%RD=0%Q=)
U1(R=Y%DF=N%T=80%TG=80%IPL=164%UN=0%RIPL=G%RID=G%RIPCK=G%RUCK=G%RUD=G)
IE(R=Y%DFI=S%T=80%TG=80%CD=S)

Fingerprint Simulated Toaster
Class Simulated | embedded || specialized
SEQ(CI=1234%II=I)
OPS(O1=M5B4%O2=M5B4%O3=M5B4%O4=%O5=M5B4%O6=M5B4)
WIN(W1=1000%W2=1000%W3=1000%W4=1000%W5=1000%W6=1000)
ECN(R=Y%DF=N%T=FF%TG=FF%W=1000%O=M5B4%CC=N%Q=)
T1(R=Y%DF=N%T=FF%TG=FF%S=O%A=S+%F=AS%RD=0%Q=)
T2(R=N)
T3(R=Y%DF=N%T=FF%TG=FF%W=1000%S=O%A=S+%F=AS%O=M5B4%RD=0%Q=)
T4(R=Y%DF=N%T=FF%TG=FF%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T5(R=Y%DF=N%T=FF%TG=FF%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
T6(R=Y%DF=N%T=FF%TG=FF%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T7(R=Y%DF=N%T=FF%TG=FF%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
U1(R=Y%DF=N%T=FF%TG=FF%IPL=38%UN=0%RIPL=G%RID=G%RIPCK=Z%RUCK=G%RUD=G)
IE(R=Y%DFI=N%T=FF%TG=FF%CD=Z)

Fingerprint Simulated Mute
Class Simulated | Mute | 1.X | firewall
SEQ(SP=0-1FF%GCD=1-10%ISR=0-1FF%TI=Z%CI=Z%TS=A)
OPS(O1=M5B4ST11NW7%O2=M5B4ST11NW7%O3=M5B4NNT11NW7%O4=ST11NW7|M5B4ST11NW7%O5=M5B4ST11NW7%O6=M5B4ST11)
WIN(W1=7120%W2=7120%W3=7120%W4=7120%W5=7120%W6=7120)
ECN(R=Y%DF=Y%TG=40%W=7120%O=M5B4NNSNW7%CC=Y%Q=)
T1(R=Y%DF=Y%TG=40%S=O%A=S+%F=AS%RD=0%Q=)
T2(R=N)
T3(R=N)
T4(R=Y%DF=Y%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T5(R=Y%DF=Y%TG=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
T6(R=Y%DF=Y%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T7(R=Y%DF=Y%TG=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
U1(R=N)
IE(R=N)

Fingerprint Simulated Wall
Class Simulated | Wall | 2.X | firewall
SEQ(SP=0-1FF%GCD=1-10%ISR=0-1FF%TI=Z%II=I%TS=A)
OPS(O1=M5B4ST11NW7%O2=M5B4ST11NW7%O3=M5B4NNT11NW7%O4=ST11NW7|M5B4ST11NW7%O5=M5B4ST11NW7%O6=M5B4ST11)
WIN(W1=3908%W2=3908%W3=3908%W4=3908%W5=3908%W6=3908)
ECN(R=Y%DF=Y%T=40%TG=40%W=3908%O=M5B4NNSNW7%CC=Y%Q=)
T1(R=Y%DF=Y%T=40%TG=40%S=O%A=S+%F=AS%RD=0%Q=)
T2(R=N)
T3(R=N)
T4(R=Y%DF=Y%T=40%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
U1(R=Y%DF=N%T=40%TG=40%IPL=164%UN=0%RIPL=G%RID=G%RIPCK=G%RUCK=G%RUD=G)
IE(R=Y%DFI=S%T=40%TG=40%CD=S)

Fingerprint Simulated Shell
Class Simulated | Shell || media device
SEQ(CI=Z%II=I)
T5(R=Y%DF=N%T=40%TG=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
T6(R=Y%DF=N%T=40%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)
T7(R=Y%DF=N%T=40%TG=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)
U1(R=Y%DF=N%T=40%TG=40%IPL=164%UN=0%RIPL=G%RID=G%RIPCK=G%RUCK=G%RUD=G)
IE(R=Y%DFI=S%T=40%TG=40%CD=Z)
)";

}  // namespace

HostNature NatureOf(uint64_t seed, Ipv4Addr address, double alive_share, bool on_link) {
  const uint64_t hash = Mix(seed ^ 0x686F7374, address.host_order);
  if (Uniform(hash) >= alive_share) return {};
  const uint64_t more = Mix(hash, 1);
  return {
      .alive = true,
      .personality = static_cast<Personality>(more % static_cast<uint64_t>(Personality::kCount)),
      .routers = static_cast<uint8_t>(on_link ? 0 : 1 + (more >> 32) % 4)};
}

std::string_view PersonalityName(Personality personality) { return TraitsOf(personality).name; }

std::string_view SimulatedDatabase() { return kDatabase; }

void AnswerAs(const HostNature& nature, uint64_t seed, const SeenProbe& probe, int64_t now_ns,
              uint16_t& ip_id, io::ReplySink& sink) {
  Answerer(nature, seed, probe, now_ns, ip_id, sink).Run();
}

}  // namespace osprey::testing
