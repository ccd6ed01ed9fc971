// SPDX-License-Identifier: Apache-2.0
// Floods a scanner with replies that nobody asked for, for bench/flood_test: SYN-ACKs, resets with
// and without ACK, echo replies, datagrams, port unreachables, ICMP errors and broken packets, from
// random addresses of a prefix. Half of them go to ports and identifiers of the range that probes
// of Osprey come from; the other half to the very ones that the host's own probes come from in the
// first round of a scan with this seed, so that what is in flight is hit. All have right checksums
// unless they are broken by intent. They are made beforehand and sent over and over in a random
// order, since making them would take longer than sending.
//
//   reply_flood LINK PREFIX SCANNER SCANNER-MAC SEED SECONDS PACKETS-PER-SECOND
//
// Only for private networks: it refuses links whose name does not begin with "flood" or that a
// device is behind.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/answers.h"
#include "engine/identity.h"
#include "engine/port_plan.h"
#include "io/link.h"
#include "io/wire/build.h"
#include "tools/lab/transmitter.h"
#include "tools/lab/world_spec.h"

namespace osprey {
namespace {

namespace wire = io::wire;
using Clock = std::chrono::steady_clock;

class Forger {
 public:
  Forger(const lab::Prefix& net, Ipv4Addr scanner, const MacAddr& to, uint64_t seed)
      : net_(net), scanner_(scanner), to_(to), identities_(seed, plan_) {}

  // Writes one frame; returns its length.
  size_t Write(std::span<std::byte> out) {
    wire::StoreEthernet({to_, {{2, 0, 0, 0, 0, 9}}, wire::kEtherTypeIpv4}, out.data());
    const std::span<std::byte> packet = out.subspan(wire::kEthernetBytes);
    const wire::Ipv4Header ip = Ip();
    aimed_at_.reset();
    if (random_() % 2 == 0) aimed_at_ = identities_.For(ip.source, 0);
    return wire::kEthernetBytes + WritePacket(ip, packet);
  }

 private:
  uint32_t Random() { return static_cast<uint32_t>(random_()); }
  uint16_t Random16() { return static_cast<uint16_t>(random_() >> 20); }

  wire::Ipv4Header Ip() {
    const auto source = static_cast<uint32_t>(net_.first.host_order + random_() % net_.size());
    return {.id = Random16(),
            .ttl = static_cast<uint8_t>(40 + random_() % 88),
            .source = Ipv4Addr{source},
            .destination = scanner_};
  }

  HostOrderPort OurPort(HostOrderPort aimed_base) {
    if (aimed_at_) return static_cast<HostOrderPort>(aimed_base + random_() % kOsBlockPorts);
    return static_cast<HostOrderPort>(plan_.first + random_() % (plan_.last - plan_.first + 1U));
  }
  HostOrderPort OurTcpPort() { return OurPort(aimed_at_ ? aimed_at_->tcp_base : 0); }
  HostOrderPort OurUdpPort() { return aimed_at_ ? aimed_at_->udp_base : OurPort(0); }
  // Identifier and sequence number, as IE1 and IE2 have them.
  uint32_t EchoWords() {
    if (!aimed_at_) return Random();
    const auto which = static_cast<uint32_t>(random_() % 2);
    return (aimed_at_->icmpid + which) << 16 | (295 + which);
  }

  size_t WritePacket(const wire::Ipv4Header& ip, std::span<std::byte> out) {
    switch (random_() % 8) {
      case 0:
      case 1:
        return WriteTcp(ip, kTcpSyn | kTcpAck, kOptions, out);
      case 2:
        return WriteTcp(ip, kTcpRst | kTcpAck, {}, out);
      case 3:
        return WriteTcp(ip, kTcpRst, {}, out);
      case 4:
        return wire::BuildIcmp(ip, {.type = 0, .code = 0, .rest = EchoWords()}, kData, out);
      case 5:
        return WriteUnreachable(ip, out);
      case 6:
        return wire::BuildUdp(ip, {.source_port = Random16(), .destination_port = OurUdpPort()},
                              kData, out);
      default:
        return WriteBroken(ip, out);
    }
  }

  size_t WriteTcp(const wire::Ipv4Header& ip, uint8_t flags, wire::ConstBytes options,
                  std::span<std::byte> out) {
    const wire::TcpHeader tcp{.source_port = static_cast<HostOrderPort>(80 + random_() % 2),
                              .destination_port = OurTcpPort(),
                              .seq = Random(),
                              .ack = Random(),
                              .flags = flags,
                              .window = Random16()};
    return wire::BuildTcp(ip, tcp, options, {}, out);
  }

  // As a closed UDP port answers, quoting a probe that may or may not have been sent.
  size_t WriteUnreachable(const wire::Ipv4Header& ip, std::span<std::byte> out) {
    std::array<std::byte, 128> quoted;
    wire::Ipv4Header inner = Ip();
    inner.source = scanner_;
    inner.destination = random_() % 2 == 0 ? ip.source : inner.source;
    const size_t size = wire::BuildUdp(
        inner, {.source_port = OurUdpPort(), .destination_port = Random16()}, kData, quoted);
    const auto code = static_cast<uint8_t>(random_() % 4 == 0 ? 13 : 3);
    return wire::BuildIcmp(ip, {.type = 3, .code = code}, std::span(quoted).first(size), out);
  }

  // A packet with a few bytes changed, or cut short.
  size_t WriteBroken(const wire::Ipv4Header& ip, std::span<std::byte> out) {
    size_t size = WriteTcp(ip, static_cast<uint8_t>(Random16()), kOptions, out);
    for (int i = 0; i < 4; ++i) out[random_() % size] = static_cast<std::byte>(Random16());
    if (random_() % 2 == 0) size = 20 + random_() % (size - 20);
    return size;
  }

  static constexpr std::array<std::byte, 4> kOptions = {std::byte{2}, std::byte{4}, std::byte{5},
                                                        std::byte{0xB4}};
  static constexpr std::array<std::byte, 64> kData{};

  lab::Prefix net_;
  Ipv4Addr scanner_;
  MacAddr to_;
  PortPlan plan_;
  IdentitySource identities_;
  std::optional<OsIdentity> aimed_at_;  // the packet in hand
  std::mt19937_64 random_{1};
};

// Frames made beforehand, each in a place of the same size.
class Ammunition {
 public:
  explicit Ammunition(Forger& forger) : bytes_(kFrames * kPlaceBytes), sizes_(kFrames) {
    for (size_t i = 0; i < kFrames; ++i) sizes_[i] = forger.Write(Place(i));
  }

  std::span<const std::byte> Next() {
    const size_t i = random_() % kFrames;
    return {bytes_.data() + i * kPlaceBytes, sizes_[i]};
  }

 private:
  static constexpr size_t kFrames = 1 << 14;
  static constexpr size_t kPlaceBytes = 256;

  std::span<std::byte> Place(size_t i) { return {bytes_.data() + i * kPlaceBytes, kPlaceBytes}; }

  std::vector<std::byte> bytes_;
  std::vector<size_t> sizes_;
  std::minstd_rand random_{1};
};

int Fail(const std::string& why) {
  std::fprintf(stderr, "reply_flood: %s\n", why.c_str());
  return 2;
}

// Sends at an absolute schedule; returns how many the link took.
uint64_t Shoot(lab::Transmitter& out, Ammunition& frames, double seconds, double rate) {
  const auto start = Clock::now();
  const auto at = [&](double second) {
    return start +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(second));
  };
  const auto end = at(seconds);
  for (uint64_t sent = 0; Clock::now() < end; sent += lab::Transmitter::kBatch) {
    std::this_thread::sleep_until(at(static_cast<double>(sent) / rate));
    for (size_t i = 0; i < lab::Transmitter::kBatch; ++i) {
      const std::span<const std::byte> frame = frames.Next();
      std::memcpy(out.Next().data(), frame.data(), frame.size());
      out.Commit(frame.size());
    }
  }
  return out.sent();
}

int Main(int argc, char** argv) {
  if (argc != 8) {
    return Fail(
        "usage: reply_flood LINK PREFIX SCANNER SCANNER-MAC SEED SECONDS "
        "PACKETS-PER-SECOND");
  }
  const auto net = lab::Prefix::Parse(argv[2]);
  const auto scanner = Ipv4Addr::Parse(argv[3]);
  const auto mac = MacAddr::Parse(argv[4]);
  const auto links = io::LinkTable::Load();
  const io::Link* link = links.ok() ? links->ByName(argv[1]) : nullptr;
  if (!net.ok() || !scanner.ok() || !mac.ok() || link == nullptr ||
      !link->name.starts_with("flood") ||
      std::filesystem::exists("/sys/class/net/" + link->name + "/device")) {
    return Fail("want a link of its own, a prefix and the scanner's addresses");
  }
  auto out = lab::Transmitter::Open(*link);
  if (!out.ok()) return Fail(std::string(out.status().message()));
  const double seconds = std::atof(argv[6]), rate = std::atof(argv[7]);
  if (!(seconds > 0) || !(rate >= 1))
    return Fail("seconds and packets per second must be positive");
  Forger forger(*net, *scanner, *mac, std::strtoull(argv[5], nullptr, 10));
  Ammunition frames(forger);
  const uint64_t sent = Shoot(**out, frames, seconds, rate);
  std::printf("flood: %llu frames in %.1f s\n", static_cast<unsigned long long>(sent), seconds);
  return 0;
}

}  // namespace
}  // namespace osprey

int main(int argc, char** argv) { return osprey::Main(argc, argv); }
