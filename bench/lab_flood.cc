// SPDX-License-Identifier: Apache-2.0
// Floods an emulated network with the sixteen probes of OS detection, for bench/lab_bench.sh: how
// many can osprey-lab answer? Sends round and round through a range, all probes of a host one
// behind the other, without waiting for answers.
//
//   lab_flood LINK PREFIX SECONDS [PACKETS-PER-SECOND [PROBES]]
//
// PROBES: only that many of the sixteen, to get round sooner. Rate 0: unlimited.
//
// Only for the scanner's side of `osprey-lab run`: it refuses links that are no veth.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/answers.h"
#include "io/link.h"
#include "io/wire/build.h"
#include "io/wire/checksum.h"
#include "tools/lab/option_text.h"
#include "tools/lab/transmitter.h"
#include "tools/lab/world_spec.h"

namespace osprey {
namespace {

namespace wire = io::wire;
using Clock = std::chrono::steady_clock;

constexpr Ipv4Addr kSource{0xC6120001};
constexpr HostOrderPort kOpen = 80;
constexpr HostOrderPort kClosed = 81;

struct TcpProbe {
  HostOrderPort port;
  uint8_t flags;
  uint16_t window;
  const char* options;
};

// Options in the notation of fingerprints; T11 stands for any timestamp.
constexpr TcpProbe kTcpProbes[] = {
    {kOpen, kTcpSyn, 1, "WANM5B4T10S"},
    {kOpen, kTcpSyn, 63, "M578W0ST10L"},
    {kOpen, kTcpSyn, 4, "T10NNW5NM280"},
    {kOpen, kTcpSyn, 4, "ST10WAL"},
    {kOpen, kTcpSyn, 16, "M218ST10WAL"},
    {kOpen, kTcpSyn, 512, "M109ST10"},
    {kOpen, kTcpSyn | 0xC0, 3, "WANM5B4SNN"},
    {kOpen, 0, 128, "WANM109T10S"},
    {kOpen, kTcpSyn | kTcpFin | kTcpUrg | kTcpPsh, 256, "WANM109T10S"},
    {kOpen, kTcpAck, 1024, "WANM109T10S"},
    {kClosed, kTcpSyn, 31337, "WANM109T10S"},
    {kClosed, kTcpAck, 32768, "WANM109T10S"},
    {kClosed, kTcpFin | kTcpPsh | kTcpUrg, 65535, "WFNM109T10S"}};

using Frame = std::vector<std::byte>;

Frame WithEthernet(const std::byte* packet, size_t size) {
  Frame frame(wire::kEthernetBytes + size);
  wire::StoreEthernet({{{2, 0x4F, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 1}}, wire::kEtherTypeIpv4},
                      frame.data());
  std::copy_n(packet, size, frame.begin() + wire::kEthernetBytes);
  return frame;
}

std::vector<Frame> MakeProbes() {
  std::vector<Frame> probes;
  std::array<std::byte, 1024> packet;
  HostOrderPort source_port = 40'000;
  const wire::Ipv4Header ip{.ttl = 50, .source = kSource};
  for (const TcpProbe& probe : kTcpProbes) {
    auto options = lab::ParseOptionText(probe.options);
    if (!options) std::abort();
    // The timestamp of the probes is FFFFFFFF.
    if (options->tsval_at != 0) {
      wire::Store32(options->bytes.data() + options->tsval_at, 0xFFFFFFFF);
    }
    const wire::TcpHeader tcp{.source_port = source_port++,
                              .destination_port = probe.port,
                              .seq = 0x11111111,
                              .ack = 0x22222222,
                              .flags = probe.flags,
                              .window = probe.window};
    const size_t size = wire::BuildTcp(ip, tcp, options->view(), {}, packet);
    probes.push_back(WithEthernet(packet.data(), size));
  }
  const std::vector<std::byte> data(300, std::byte{0x43});
  for (const size_t bytes : {120u, 150u}) {
    const wire::IcmpHeader echo{.type = 8, .code = static_cast<uint8_t>(bytes == 120 ? 9 : 0)};
    const size_t size = wire::BuildIcmp(ip, echo, std::span(data).first(bytes), packet);
    probes.push_back(WithEthernet(packet.data(), size));
  }
  const size_t size =
      wire::BuildUdp(ip, {.source_port = 40'020, .destination_port = 40'021}, data, packet);
  probes.push_back(WithEthernet(packet.data(), size));
  return probes;
}

// The destination is patched without the checksums: the lab does not look at them.
void Patch(Ipv4Addr to, const Frame& probe, std::span<std::byte> out) {
  std::copy(probe.begin(), probe.end(), out.begin());
  wire::StoreAddr(out.data() + wire::kEthernetBytes + wire::kIpv4DestinationAt, to);
}

bool IsVeth(const io::Link& link) {
  // A veth's other end has another index; physical links have a device behind them.
  return !std::filesystem::exists("/sys/class/net/" + link.name + "/device") &&
         link.name.starts_with("lab");
}

struct FloodResult {
  uint64_t sent = 0;
  uint64_t hosts = 0;
};

FloodResult Flood(lab::Transmitter& out, const lab::Prefix& net, double seconds, double rate,
                  size_t most_probes) {
  std::vector<Frame> probes = MakeProbes();
  if (most_probes > 0 && most_probes < probes.size()) probes.resize(most_probes);
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  uint64_t sent = 0;
  uint64_t hosts = 0;
  for (; Clock::now() < end; ++hosts) {
    const Ipv4Addr to{static_cast<uint32_t>(net.first.host_order + hosts % net.size())};
    for (const Frame& probe : probes) {
      Patch(to, probe, out.Next());
      out.Commit(probe.size());
    }
    sent += probes.size();
    if (rate <= 0) continue;
    const std::chrono::duration<double> due(static_cast<double>(sent) / rate);
    if (Clock::now() < start + due) {
      out.Flush();
      std::this_thread::sleep_until(start + due);
    }
  }
  out.Flush();
  return {.sent = out.sent(), .hosts = std::min(hosts, net.size())};
}

int Main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: lab_flood LINK PREFIX SECONDS [PACKETS-PER-SECOND [PROBES]]\n");
    return 2;
  }
  const auto net = lab::Prefix::Parse(argv[2]);
  const auto links = io::LinkTable::Load();
  const io::Link* link = links.ok() ? links->ByName(argv[1]) : nullptr;
  if (!net.ok() || link == nullptr || !IsVeth(*link)) {
    std::fprintf(stderr, "lab_flood: want a link of osprey-lab and a prefix\n");
    return 2;
  }
  auto out = lab::Transmitter::Open(*link);
  if (!out.ok()) {
    std::fprintf(stderr, "lab_flood: %s\n", std::string(out.status().message()).c_str());
    return 3;
  }
  const double seconds = std::atof(argv[3]);
  const FloodResult flood = Flood(**out, *net, seconds, argc > 4 ? std::atof(argv[4]) : 0,
                                  argc > 5 ? static_cast<size_t>(std::atoi(argv[5])) : 0);
  std::printf("flood: %llu frames to %llu hosts in %.1f s: %.0f per second, %llu refused\n",
              static_cast<unsigned long long>(flood.sent),
              static_cast<unsigned long long>(flood.hosts), seconds,
              static_cast<double>(flood.sent) / seconds,
              static_cast<unsigned long long>((*out)->refused()));
  return 0;
}

}  // namespace
}  // namespace osprey

int main(int argc, char** argv) { return osprey::Main(argc, argv); }
