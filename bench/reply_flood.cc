// SPDX-License-Identifier: Apache-2.0
// Floods a scanner with replies that nobody asked for, for bench/flood_test: SYN-ACKs, resets with
// and without data, echo replies, port unreachables, ICMP errors and broken packets, from random
// addresses of a prefix to the ports and identifiers that probes of Osprey come from. All have
// right checksums unless they are broken by intent.
//
//   reply_flood LINK PREFIX SCANNER SECONDS PACKETS-PER-SECOND
//
// Only for private networks: it refuses links whose name does not begin with "flood" or that a
// device is behind.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "base/answers.h"
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
  Forger(const lab::Prefix& net, Ipv4Addr scanner, const MacAddr& to)
      : net_(net), scanner_(scanner), to_(to) {}

  // Writes one frame; returns its length.
  size_t Write(std::span<std::byte> out) {
    wire::StoreEthernet({to_, {{2, 0, 0, 0, 0, 9}}, wire::kEtherTypeIpv4}, out.data());
    const std::span<std::byte> packet = out.subspan(wire::kEthernetBytes);
    return wire::kEthernetBytes + WritePacket(packet);
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

  HostOrderPort OurPort() {
    return static_cast<HostOrderPort>(plan_.first + random_() % (plan_.last - plan_.first + 1U));
  }

  size_t WritePacket(std::span<std::byte> out) {
    const wire::Ipv4Header ip = Ip();
    switch (random_() % 8) {
      case 0:
      case 1:
        return WriteTcp(ip, kTcpSyn | kTcpAck, kOptions, out);
      case 2:
        return WriteTcp(ip, kTcpRst | kTcpAck, {}, out);
      case 3:
        return WriteTcp(ip, kTcpRst, {}, out);
      case 4:
        return wire::BuildIcmp(ip, {.type = 0, .code = 0, .rest = Random()}, kData, out);
      case 5:
        return WriteUnreachable(ip, out);
      case 6:
        return wire::BuildUdp(ip, {.source_port = Random16(), .destination_port = OurPort()}, kData,
                              out);
      default:
        return WriteBroken(ip, out);
    }
  }

  size_t WriteTcp(const wire::Ipv4Header& ip, uint8_t flags, wire::ConstBytes options,
                  std::span<std::byte> out) {
    const wire::TcpHeader tcp{.source_port = static_cast<HostOrderPort>(80 + random_() % 2),
                              .destination_port = OurPort(),
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
        inner, {.source_port = OurPort(), .destination_port = Random16()}, kData, quoted);
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
  std::mt19937_64 random_{1};
};

int Fail(const std::string& why) {
  std::fprintf(stderr, "reply_flood: %s\n", why.c_str());
  return 2;
}

int Main(int argc, char** argv) {
  if (argc != 6) return Fail("usage: reply_flood LINK PREFIX SCANNER SECONDS PACKETS-PER-SECOND");
  const auto net = lab::Prefix::Parse(argv[2]);
  const auto scanner = Ipv4Addr::Parse(argv[3]);
  const auto links = io::LinkTable::Load();
  const io::Link* link = links.ok() ? links->ByName(argv[1]) : nullptr;
  if (!net.ok() || !scanner.ok() || link == nullptr || !link->name.starts_with("flood") ||
      std::filesystem::exists("/sys/class/net/" + link->name + "/device")) {
    return Fail("want a link of its own, a prefix and the scanner's address");
  }
  auto out = lab::Transmitter::Open(*link);
  if (!out.ok()) return Fail(std::string(out.status().message()));
  const double seconds = std::atof(argv[4]), rate = std::atof(argv[5]);
  Forger forger(*net, *scanner, MacAddr{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}});
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  uint64_t frames = 0;
  while (Clock::now() < end) {
    for (size_t i = 0; i < lab::Transmitter::kBatch; ++i) {
      (*out)->Commit(forger.Write((*out)->Next()));
    }
    frames += lab::Transmitter::kBatch;
    std::this_thread::sleep_until(
        start + std::chrono::duration_cast<Clock::duration>(
                    std::chrono::duration<double>(static_cast<double>(frames) / rate)));
  }
  const std::chrono::duration<double> took = Clock::now() - start;
  std::printf("flood: %llu frames in %.1f s, %.0f per second\n",
              static_cast<unsigned long long>((*out)->sent()), took.count(),
              static_cast<double>((*out)->sent()) / took.count());
  return 0;
}

}  // namespace
}  // namespace osprey

int main(int argc, char** argv) { return osprey::Main(argc, argv); }
